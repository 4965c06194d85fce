//! Places in lists, as clients carry them: opaque, and good for the list alone that gave them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::services::failure::{Failure, Outcome};
use crate::store::hash::sha256;

const TAG_BYTES: usize = 8;

/// The cursor of a place; `list` says which list, in which order, with which filters, and for whom.
pub fn encode(list: &[&str], place: &[u8]) -> String {
    let mut bytes = tag(list, place);
    bytes.extend_from_slice(place);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The place of a cursor of this list.
///
/// # Errors
/// `Invalid` for a cursor of another list, or none.
pub fn decode(list: &[&str], cursor: &str) -> Outcome<Vec<u8>> {
    let foreign = || Failure::wrong("cursor", "a cursor that this list gave");
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| foreign())?;
    let (given, place) = bytes.split_at_checked(TAG_BYTES).ok_or_else(foreign)?;
    if given == tag(list, place) {
        Ok(place.to_vec())
    } else {
        Err(foreign())
    }
}

/// No secret: a place says only where to go on in a list whose every member is judged anew.
fn tag(list: &[&str], place: &[u8]) -> Vec<u8> {
    let joined = list.join("\0");
    sha256(&[b"blotter cursor\0", joined.as_bytes(), b"\0\0", place]).0[..TAG_BYTES].to_vec()
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn a_cursor_leads_back_into_its_own_list_alone() {
        let cursor = encode(&["metro", "case", "-updated_at"], b"place");
        assert_eq!(
            decode(&["metro", "case", "-updated_at"], &cursor).unwrap(),
            b"place"
        );
        for list in [
            &["metro", "case", "updated_at"][..],
            &["harbor", "case", "-updated_at"],
        ] {
            assert!(decode(list, &cursor).is_err());
        }
        for cursor in ["", "%", "AAAA", &cursor[1..], &format!("{cursor}A")] {
            assert!(
                decode(&["metro", "case", "-updated_at"], cursor).is_err(),
                "{cursor:?}"
            );
        }
    }
}
