//! Phone numbers: the digits that count, in the international or a national spelling, and when two spellings are one
//! line. A national number is the international one without the first one to three digits; of numbering plans it knows only the
//! prefixes dialled at home that are no zero ([`regions`]).

use super::fold::narrow;
use super::regions;

/// Fewest digits that are searched as the end of a number.
pub const SUFFIX_DIGITS_MIN: usize = 4;

/// Fewest digits of a whole number when spellings are compared.
const NATIONAL_DIGITS_MIN: usize = 6;
/// Fewest digits that are left when a country is taken off a number that was written without `+`.
const SPELLED_DIGITS_MIN: usize = 9;
const COUNTRY_DIGITS_MAX: usize = 3;
/// E.164 allows 15 digits; a few more cover a prefix that was dialled.
const DIGITS_MAX: usize = 18;

/// A phone number as digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phone {
    /// Without `+`, `00`, the trunk zero, or another prefix that is dialled at home.
    pub digits: String,
    /// All digits that were written: the end of a number may begin with a zero that counts.
    pub typed: String,
    /// Whether it was written with its country (`+` or `00`).
    pub international: bool,
}

/// Reads a number as officers write it; `None` if it holds other things than digits and their punctuation, or fewer
/// than four digits. An extension (`ext 5`, `x5`) is left out.
pub fn parse(text: &str) -> Option<Phone> {
    let lower = narrow(text.trim()).to_lowercase();
    let number = lower.split(['x', '#', ';']).next().unwrap_or_default();
    let number = number.trim_end_matches(|c: char| c.is_alphabetic() || c.is_whitespace() || c == '.');
    let number = number.strip_prefix("tel:").unwrap_or(number);
    let mut digits = String::new();
    for c in number.replace("(0)", "").chars() {
        match c {
            '0'..='9' => digits.push(c),
            _ if c.is_whitespace() || "+-‐‑‒–()./\u{200e}\u{200f}\u{202a}\u{202c}".contains(c) => {}
            _ => return None,
        }
    }
    let international = number
        .trim_start_matches(|c: char| !c.is_ascii_digit() && c != '+')
        .starts_with('+')
        || (digits.starts_with("00") && digits.len() >= 10)
        || (digits.starts_with("011") && digits.len() >= 12);
    let significant = if international {
        digits.strip_prefix("011").unwrap_or(&digits)
    } else {
        regions::without_trunk(&digits).unwrap_or(&digits)
    };
    let significant = significant.trim_start_matches('0').to_owned();
    (SUFFIX_DIGITS_MIN..=DIGITS_MAX)
        .contains(&digits.len())
        .then_some(Phone {
            digits: significant,
            typed: digits,
            international,
        })
}

impl Phone {
    /// An international number without its country: less one to three leading digits and a trunk zero.
    pub fn national(&self) -> Vec<&str> {
        let less = |cut: usize| self.digits.get(cut..).map(|rest| rest.trim_start_matches('0'));
        let mut rests: Vec<&str> = (1..=COUNTRY_DIGITS_MAX).filter_map(less).collect();
        rests.retain(|rest| self.international && rest.len() >= NATIONAL_DIGITS_MIN);
        rests
    }

    /// A number without `+` that is long enough to hold its country all the same, without it.
    pub fn without_country(&self) -> Vec<&str> {
        let mut rests: Vec<&str> = (1..=COUNTRY_DIGITS_MAX)
            .filter_map(|cut| self.digits.get(cut..))
            .collect();
        rests.retain(|rest| !self.international && rest.len() >= SPELLED_DIGITS_MIN);
        rests
    }

    /// Whether both are one line, each in any spelling.
    pub fn is_same_line(&self, other: &Phone) -> bool {
        if self.digits == other.digits {
            return true;
        }
        let holds = |whole: &Phone, part: &Phone| {
            !part.international
                && (whole.national().contains(&part.digits.as_str())
                    || whole.without_country().contains(&part.digits.as_str()))
        };
        holds(self, other) || holds(other, self)
    }

    /// The digits from the last to the first, so that the end of a number is a prefix.
    pub fn reversed(&self) -> String {
        self.digits.chars().rev().collect()
    }

    /// What the reversed digits of a number begin with, if this is its end: as typed, and without the trunk zero.
    pub fn ends(&self) -> Vec<String> {
        let mut ends: Vec<String> = vec![self.typed.chars().rev().collect()];
        if self.digits.len() >= NATIONAL_DIGITS_MIN && self.digits != self.typed {
            ends.push(self.reversed());
        }
        ends
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn spellings_of_one_line_agree() {
        let check = |left: &str, right: &str, expected: bool| {
            let (one, two) = (parse(left).unwrap(), parse(right).unwrap());
            assert_eq!(one.is_same_line(&two), expected, "{left} / {right}");
            assert_eq!(two.is_same_line(&one), expected, "{right} / {left}");
        };
        check("+49 170 1234567", "0170 1234567", true);
        check("0049 (0)170 / 123 45 67", "+491701234567", true);
        check("(212) 555-0147", "+1 212 555 0147", true);
        check("1-212-555-0147 ext. 12", "212.555.0147", true);
        check("8 (495) 123-45-67", "+7 495 123-45-67", true);
        check("8 (495) 123-45-67", "(495) 1234567", true);
        check("8 (495) 123-45-67", "+7 812 123-45-67", false);
        check("800 123 4567", "+1 800 123 4567", true);
        check("+44 20 7946 0958", "+44 20 7946 0959", false);
        check("+49 171 1234568", "+44 171 1234568", false);
        check("+1 212 555 0147", "+1 646 555 0147", false);
        check("٠١٢٣٤٥٦٧٨٩", "0123456789", true);
    }

    #[test]
    fn other_text_is_no_phone() {
        for text in ["", "12", "INV-2026-1847", "ABC 1234", "+", "robbery"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
