//! Number plates: what is compared of them. Spaces, dots and hyphens mean nothing; Cyrillic and Greek letters that
//! are drawn like Latin ones are those; with look-alikes folded, O is 0, I is 1, B is 8 and S is 5.

use crate::domain::matching::fold::fold;

/// Shortest part of a plate that is searched.
pub const PART_CHARS_MIN: usize = 3;

const PLATE_CHARS_MIN: usize = 2;
const PLATE_CHARS_MAX: usize = 12;

/// A plate as capital letters and digits.
pub fn normal(plate: &str) -> String {
    let mut normal = String::with_capacity(plate.len());
    for c in plate.chars() {
        match drawn_alike(c) {
            Some(latin) => normal.push(latin),
            None if c.is_ascii() => normal.push(c.to_ascii_uppercase()),
            None => normal.push_str(&fold(c.encode_utf8(&mut [0; 4])).to_ascii_uppercase()),
        }
    }
    normal.retain(|c| c.is_alphanumeric());
    normal
}

/// A normal plate with the characters that a witness or a camera takes for one another made one.
pub fn look_alike(normal: &str) -> String {
    normal
        .chars()
        .map(|c| match c {
            'O' => '0',
            'I' => '1',
            'B' => '8',
            'S' => '5',
            other => other,
        })
        .collect()
}

/// Whether a normal text may be a plate or part of one: of its length, and with a digit.
pub fn is_plausible(normal: &str) -> bool {
    let length = normal.chars().count();
    (PLATE_CHARS_MIN..=PLATE_CHARS_MAX).contains(&length) && normal.contains(|c: char| c.is_ascii_digit())
}

/// Whether a text has letters and digits, as a plate among other words has.
pub fn is_mixed(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_digit()) && text.contains(char::is_alphabetic)
}

/// How two plates as written are one: `Some(true)` letter by letter, `Some(false)` only with look-alikes folded.
pub fn same(left: &str, right: &str) -> Option<bool> {
    let (left, right) = (normal(left), normal(right));
    if left.is_empty() {
        None
    } else if left == right {
        Some(true)
    } else {
        (look_alike(&left) == look_alike(&right)).then_some(false)
    }
}

fn drawn_alike(c: char) -> Option<char> {
    let latin = match c {
        'А' | 'а' | 'Α' | 'α' => 'A',
        'В' | 'в' | 'Β' | 'β' => 'B',
        'Е' | 'е' | 'Ε' | 'ε' => 'E',
        'К' | 'к' | 'Κ' | 'κ' => 'K',
        'М' | 'м' | 'Μ' | 'μ' => 'M',
        'Н' | 'н' | 'Η' | 'η' => 'H',
        'О' | 'о' | 'Ο' | 'ο' => 'O',
        'Р' | 'р' | 'Ρ' | 'ρ' => 'P',
        'С' | 'с' => 'C',
        'Т' | 'т' | 'Τ' | 'τ' => 'T',
        'У' | 'у' | 'Υ' | 'υ' => 'Y',
        'Х' | 'х' | 'Χ' | 'χ' => 'X',
        'І' | 'і' | 'Ι' | 'ι' => 'I',
        'Ζ' | 'ζ' => 'Z',
        'Ν' | 'ν' => 'N',
        _ => return None,
    };
    Some(latin)
}

#[cfg(test)]
mod tests {
    use super::{is_plausible, normal, same};

    #[test]
    fn plates_are_the_same_however_written() {
        let check = |left: &str, right: &str, expected: Option<bool>| {
            assert_eq!(same(left, right), expected, "{left} / {right}");
        };
        check("abc-1234", "ABC 1234", Some(true));
        check("A0B 518", "AOB SI8", Some(false));
        check("А123ВС", "A123BC", Some(true));
        check("ABC1234", "ABC1235", None);
        check("ABC1D34", "ABC1034", None);
        check("", "", None);
    }

    #[test]
    fn a_plate_has_a_digit() {
        assert!(is_plausible(&normal("B-AB 12")));
        assert!(!is_plausible(&normal("Robbery")));
        assert!(!is_plausible(&normal("1")));
    }
}
