//! What a single cell must not be, whatever column it stands in.

use std::borrow::Cow;

use encoding_rs::Encoding;

/// The text of a cell, or what is wrong with its bytes.
pub(super) fn decode<'a>(cell: &'a [u8], encoding: &'static Encoding) -> Result<Cow<'a, str>, String> {
    encoding
        .decode_without_bom_handling_and_without_replacement(cell)
        .ok_or_else(|| match std::str::from_utf8(cell) {
            Err(error) if encoding == encoding_rs::UTF_8 => {
                let byte = cell.get(error.valid_up_to()).copied().unwrap_or_default();
                format!("byte {} (0x{byte:02X}) is not UTF-8", error.valid_up_to() + 1)
            }
            _ => format!("its bytes are not {}", encoding.name()),
        })
}

/// What is wrong with a cell's text, in words.
pub(super) fn fault(text: &str, cell_bytes_max: usize) -> Option<String> {
    if text.len() > cell_bytes_max {
        return Some(format!(
            "the cell has {} bytes, more than {cell_bytes_max}",
            text.len()
        ));
    }
    if let Some(c) = text
        .chars()
        .find(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r'))
    {
        return Some(format!("it holds the control character U+{:04X}", u32::from(c)));
    }
    if text.contains('\u{fffd}') {
        return Some("it holds U+FFFD, which stands where bytes were lost".into());
    }
    looks_like_formula(text).then(|| "it looks like a spreadsheet formula".into())
}

/// A spreadsheet would run it. Negative numbers, phone numbers, handles and dashes before words are not formulas.
pub(super) fn looks_like_formula(text: &str) -> bool {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\'');
    let mut chars = text.chars();
    let (Some(first), body) = (chars.next(), chars.as_str()) else {
        return false;
    };
    match first {
        '=' => body.chars().any(char::is_alphanumeric),
        '+' | '-' | '@' => {
            let runs_a_program = body.contains('|') && body.contains('!');
            runs_a_program || calls_a_function(body) || names_a_cell(body)
        }
        _ => false,
    }
}

/// `SUM(`: letters with a parenthesis right after them.
fn calls_a_function(body: &str) -> bool {
    body.match_indices('(').any(|(at, _)| {
        let before = &body.as_bytes()[..at];
        let name = before
            .iter()
            .rev()
            .take_while(|byte| byte.is_ascii_uppercase() || **byte == b'.')
            .count();
        name >= 2
    })
}

/// `A1`, `$B$2`, `A1+B2` right after the sign.
fn names_a_cell(body: &str) -> bool {
    let body = body.trim_start_matches(['+', '-', '$']);
    let column = body.bytes().take_while(u8::is_ascii_uppercase).count();
    let rest = body[column..].trim_start_matches('$');
    let row = rest.bytes().take_while(u8::is_ascii_digit).count();
    let after = rest.as_bytes().get(row);
    (1..=3).contains(&column)
        && row > 0
        && matches!(after, None | Some(b'+' | b'-' | b'*' | b'/' | b':' | b'^' | b'&'))
}

#[cfg(test)]
mod tests {
    use super::{decode, looks_like_formula};

    #[test]
    fn formulas_are_told_from_numbers_phones_and_words() {
        for text in [
            "=1+1",
            "=HYPERLINK(\"http://x\",\"y\")",
            " =cmd|' /C calc'!A0",
            "+cmd|' /C calc'!A0",
            "-2+3+cmd|' /C calc'!A0",
            "@SUM(1+1)*cmd|' /C calc'!A0",
            "-A1",
            "+$B$2",
            "+SUM(A1:A9)",
            "@SUM(A1)",
            "'=1+1",
            "=A1",
            "-A1+B2",
        ] {
            assert!(looks_like_formula(text), "{text}");
        }
        for text in [
            "-12.50",
            "+1 212 555 0142",
            "+1 (212) 555-0142",
            "-",
            "--",
            "=====",
            "- see report (page 2)",
            "@harborpolice",
            "+44 20 7946 0958 ext. 4",
            "-3 % (est.)",
            "",
            "A1",
            "ANTI-JEWISH",
            "-ish",
            "+49 (0)30 1234",
        ] {
            assert!(!looks_like_formula(text), "{text}");
        }
    }

    #[test]
    fn bytes_of_another_encoding_are_told() {
        assert_eq!(
            decode(b"Caf\xe9", encoding_rs::UTF_8).unwrap_err(),
            "byte 4 (0xE9) is not UTF-8"
        );
        assert_eq!(decode(b"Caf\xe9", encoding_rs::WINDOWS_1252).unwrap(), "Café");
        assert!(decode(b"\x81", encoding_rs::SHIFT_JIS).is_err());
    }
}
