//! SHA-256, behind one function, so that one place chooses who computes it.

use sha2::{Digest, Sha256};

use crate::domain::id::Hash;

/// The digest of the parts written one after another. Where a part ends leaves no trace in it.
pub fn sha256(parts: &[&[u8]]) -> Hash {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part);
    }
    Hash(digest.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::sha256;

    #[test]
    fn the_digest_is_of_the_parts_together() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        for parts in [&[&b"abc"[..]][..], &[b"a", b"", b"bc"]] {
            assert_eq!(sha256(parts).to_string(), abc);
        }
    }
}
