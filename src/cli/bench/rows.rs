//! What is filed and looked for, the same in every run: by halves cases of 505 bytes and persons, whose names are as uneven as
//! names are: half of them have one of fifty common surnames, half one of some thousands of rare ones.

use hyper::Method;
use serde_json::{Value as Json, json};

use super::load::Ask;

const GIVEN: &str = "James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard Susan \
    Joseph Jessica Thomas Sarah Christopher Karen Charles Lisa Daniel Nancy Matthew Betty Anthony Margaret Mark Sandra Donald \
    Ashley Steven Kimberly Paul Emily Andrew Donna Joshua Michelle Kenneth Carol Kevin Amanda Brian Dorothy George Melissa \
    Timothy Deborah Mohammed Fatima Dmitri Olga Jose Maria Luis Ana Wei Mei";
const COMMON: &str = "Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez Gonzalez \
    Wilson Anderson Thomas Taylor Moore Jackson Martin Lee Perez Thompson White Harris Sanchez Clark Ramirez Lewis Robinson \
    Walker Young Allen King Wright Scott Torres Nguyen Hill Flores Green Adams Nelson Baker Hall Rivera Campbell Mitchell \
    Carter Roberts";
const RARE: [&str; 3] = [
    "Bar Cal Dun Fen Gar Hol Kar Lom Mar Nor Pel Ros San Tor Val Wen Yor Zel Bri Cro",
    "a be di go ka le mi no ra si ta ve wo zu ler ner bin dal for gan",
    "berg dale ford ham ic kov ley man nen poulos rez sen ski son stein ton tti vich wood zadeh",
];
const TEXT: &str = "the rear door was forced and a window broken, ";
/// Bytes of a case as it is sent.
const CASE_BYTES: usize = 505;

/// A number that looks like chance and is the same in every run.
fn mixed(number: u64) -> u64 {
    let x = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// One of these words, by some bits of a number.
fn pick(words: &'static str, bits: u64) -> &'static str {
    let place = usize::try_from(bits & 0xffff).unwrap_or(0) % words.split(' ').count();
    words.split(' ').nth(place).unwrap_or_default()
}

/// The given name and the surname of a person.
fn name(number: u64) -> (&'static str, String) {
    let bits = mixed(number);
    let given = pick(GIVEN, bits);
    let bits = bits >> 16;
    if bits & 1 == 0 {
        return (
            given,
            RARE.iter()
                .zip([1, 17, 33])
                .map(|(part, at)| pick(part, bits >> at))
                .collect(),
        );
    }
    // The product of two even chances: the first ones come far more often than the last.
    let place = (bits >> 1 & 0xff) * (bits >> 9 & 0xff) / 1301;
    (given, pick(COMMON, place).to_owned())
}

/// The fields of a case whose JSON has 505 bytes.
fn case_fields(client: usize, number: u64) -> Json {
    let mut data = json!({"title": format!("Break-in number {number} of client {client}"), "priority": "high", "description": ""});
    let missing = CASE_BYTES.saturating_sub(json!({ "data": data }).to_string().len());
    data["description"] = Json::String(TEXT.repeat(12)[..missing].into());
    data
}

/// Files a case with blotter.
pub(super) fn create(client: usize, number: u64) -> Ask {
    let body = json!({ "data": case_fields(client, number) });
    (Method::POST, "/v1/cases".into(), body.to_string())
}

/// The same fields, as a server takes them that has no envelope.
pub(super) fn flat(client: usize, number: u64) -> String {
    case_fields(client, number).to_string()
}

/// One of the records that are there before anything is measured.
pub(super) fn row(number: u64) -> Json {
    if number.is_multiple_of(2) {
        return json!({"kind": "case", "data": case_fields(0, number)});
    }
    let (given, surname) = name(number);
    let about = json!({"remarks": TEXT.repeat(6)});
    json!({"kind": "entity", "data": {"kind": "person", "display_name": format!("{given} {surname}"), "attributes": about}})
}

/// The text of the same record: what it is called, and the rest.
pub(super) fn row_text(number: u64) -> Json {
    let row = row(number);
    let data = &row["data"];
    let called = data.get("title").or_else(|| data.get("display_name"));
    let rest = data
        .get("description")
        .or_else(|| data["attributes"].get("remarks"));
    json!([called, rest])
}

/// A name to look for, as an officer types it and as FTS5 wants it: by halves whole names, and by quarters a surname alone
/// and a name whose end is not typed yet.
pub(super) fn sought(number: u64, records: u64) -> (String, String) {
    let (given, surname) = name((mixed(number ^ 0x5eed) % records.max(2)) | 1);
    match number % 4 {
        0 => (surname.clone(), format!("\"{surname}\"")),
        1 => {
            let begun = &surname[..3];
            (format!("{given} {begun}"), format!("\"{given}\" \"{begun}\"*"))
        }
        _ => (format!("{given} {surname}"), format!("\"{given}\" \"{surname}\"")),
    }
}

/// A text in a query.
pub(super) fn encoded(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric();
    let one = |byte: u8| {
        if keep(byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use hyper::Method;

    use super::{create, encoded, row_text, sought};

    #[test]
    fn a_case_has_505_bytes() {
        for number in [0, 12, 999_999] {
            let (method, _, body) = create(31, number);
            assert_eq!((method, body.len()), (Method::POST, 505));
        }
    }

    #[test]
    fn a_name_is_looked_for_alike_at_both() {
        assert_eq!(encoded("\"Wei\" \"Gar\"*"), "%22Wei%22%20%22Gar%22%2A");
        for number in 0..1000 {
            let (ours, theirs) = sought(number, 10);
            assert_eq!(ours, theirs.replace(['"', '*'], ""));
        }
        assert!(row_text(1)[0].as_str().is_some_and(|name| name.contains(' ')));
    }
}
