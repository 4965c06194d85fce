//! One person, plate, number or text that is looked for.

use std::fmt;
use std::str::FromStr;

use crate::domain::matching::fold::{narrow, words};
use crate::domain::matching::{phones, plates};
use crate::domain::watch::keys;

/// What is looked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sort {
    /// A person or organization, by name.
    Name,
    /// A number plate, whole or in part; `?` stands for one character.
    Plate,
    /// A telephone number in any spelling.
    Phone,
    /// A licence, serial or document number, a VIN, an e-mail address.
    Identifier,
    /// Words in a text.
    Text,
}

impl Sort {
    const ALL: [(Self, &str); 5] = [
        (Self::Name, "name"),
        (Self::Plate, "plate"),
        (Self::Phone, "phone"),
        (Self::Identifier, "identifier"),
        (Self::Text, "text"),
    ];

    /// The words for them.
    pub const WORDS: &[&str] = &["name", "plate", "phone", "identifier", "text"];

    /// The sort of that name.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, known)| *known == word)
            .map(|(sort, _)| *sort)
    }

    /// Why nothing, or anything, would match a value: what is expected instead.
    pub fn fault(self, value: &str) -> Option<&'static str> {
        let is_fit = match self {
            // A name in letters of no case, as Chinese ones, can be a single one.
            Self::Name => {
                let letters = || value.chars().filter(|c| c.is_alphabetic());
                letters().count() > 1 || letters().any(|c| !c.is_lowercase() && !c.is_uppercase())
            }
            Self::Plate => keys::is_fit_plate(value),
            Self::Phone => phones::parse(value).is_some(),
            Self::Identifier => keys::of_identifier(value).is_some(),
            Self::Text => !words(value).is_empty(),
        };
        let expected = match self {
            Self::Name => "a name of two letters or more",
            Self::Plate => {
                "a plate of two characters or more; one with `?` needs four that were read, three of them side by side"
            }
            Self::Phone => "a telephone number of four digits or more",
            Self::Identifier => "an identifier of four letters and digits or more",
            Self::Text => "a word",
        };
        (!is_fit).then_some(expected)
    }

    /// What a bare line most likely is: `KTR-4471`, `+1 207 555 0148`, `a@b.example`, else a name.
    pub fn guess(value: &str) -> Self {
        /// A number with fewer digits is no telephone's.
        const PHONE_DIGITS_MIN: usize = 7;
        let value = &*narrow(value);
        let has = |test: fn(char) -> bool| value.contains(test);
        let digits = phones::parse(value).map_or(0, |phone| phone.typed.len());
        match () {
            () if value.contains('@') => Self::Identifier,
            () if digits >= PHONE_DIGITS_MIN => Self::Phone,
            () if !has(|c| c.is_ascii_digit()) => Self::Name,
            () if plates::is_plausible(&plates::normal(value)) => Self::Plate,
            () => Self::Identifier,
        }
    }
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(Self::WORDS[*self as usize])
    }
}

/// A day of birth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Day {
    year: i16,
    month: u8,
    day: u8,
}

/// A text that is no day.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a day: YYYY-MM-DD")]
pub struct NotADay;

impl FromStr for Day {
    type Err = NotADay;

    fn from_str(text: &str) -> Result<Self, NotADay> {
        let date: jiff::civil::Date = text.parse().map_err(|_| NotADay)?;
        let part = |number: i8| u8::try_from(number).map_err(|_| NotADay);
        Ok(Self {
            year: date.year(),
            month: part(date.month())?,
            day: part(date.day())?,
        })
    }
}

/// How two days of birth stand to one another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Born {
    /// One of them is not known.
    Unknown,
    /// The same day.
    Same,
    /// A slip of the pen: day and month exchanged, or one of the three wrong.
    Near,
    /// Two days.
    Apart,
}

impl Born {
    /// Of two days.
    pub fn of(left: Option<Day>, right: Option<Day>) -> Self {
        let (Some(left), Some(right)) = (left, right) else {
            return Self::Unknown;
        };
        let agree = [
            left.year == right.year,
            left.month == right.month,
            left.day == right.day,
        ];
        let exchanged = agree[0] && left.month == right.day && left.day == right.month;
        match agree.iter().filter(|same| **same).count() {
            3 => Self::Same,
            2 => Self::Near,
            _ if exchanged => Self::Near,
            _ => Self::Apart,
        }
    }
}

/// One person, plate, number or text that is looked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sought {
    /// What it is.
    pub sort: Sort,
    /// As somebody wrote it.
    pub value: Box<str>,
    /// Other names of the same.
    pub aliases: Box<[Box<str>]>,
    /// The day of birth of a person, if it is known.
    pub born: Option<Day>,
}

impl Sought {
    /// With no other names.
    pub fn new(sort: Sort, value: &str) -> Self {
        Self {
            sort,
            value: value.into(),
            aliases: Box::default(),
            born: None,
        }
    }

    /// The value and its other names.
    pub fn spellings(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.value)
            .chain(&self.aliases)
            .map(AsRef::as_ref)
    }

    /// The memory that it takes.
    pub fn bytes(&self) -> usize {
        let aliases = self
            .aliases
            .iter()
            .map(|alias| size_of::<Box<str>>() + alias.len());
        size_of::<Self>() + self.value.len() + aliases.sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::{Born, Sort};

    #[test]
    fn a_bare_line_is_taken_for_what_it_looks_like() {
        let check = |line: &str, expected: Sort| assert_eq!(Sort::guess(line), expected, "{line}");
        check("Stephen Marlowe", Sort::Name);
        check("KTR-4471", Sort::Plate);
        check("+1 207 555 0148", Sort::Phone);
        check("(207) 555-0148", Sort::Phone);
        check("s.marlowe@mail.example", Sort::Identifier);
        check("1FTFW1ET5DFC10312", Sort::Identifier);
        check("王伟", Sort::Name);
    }

    #[test]
    fn what_nothing_can_match_or_anything_has_a_fault() {
        let check = |sort: Sort, value: &str, is_fit: bool| {
            assert_eq!(sort.fault(value).is_none(), is_fit, "{sort} {value}");
        };
        for (value, is_fit) in [
            ("X", false),
            ("--", false),
            ("Xu", true),
            ("O'", false),
            ("王", true),
        ] {
            check(Sort::Name, value, is_fit);
        }
        for (value, is_fit) in [
            ("???", false),
            ("A", false),
            ("A1", true),
            ("KTR-4?71", true),
            ("K?R-4?", false),
            ("KT?71", false),
            ("KTR?1", true),
        ] {
            check(Sort::Plate, value, is_fit);
        }
        for (value, is_fit) in [
            ("12", false),
            ("none", false),
            ("4471", true),
            ("+1 207 555 0148", true),
        ] {
            check(Sort::Phone, value, is_fit);
        }
        for (value, is_fit) in [("D-12", false), ("D-123", true), ("a@b.example", true)] {
            check(Sort::Identifier, value, is_fit);
        }
        for (value, is_fit) in [("!?", false), ("falcon", true)] {
            check(Sort::Text, value, is_fit);
        }
    }

    #[test]
    fn days_of_birth_confirm_or_refute() {
        let check = |left: &str, right: &str, expected: Born| {
            assert_eq!(
                Born::of(left.parse().ok(), right.parse().ok()),
                expected,
                "{left} / {right}"
            );
        };
        check("1988-04-02", "1988-04-02", Born::Same);
        check("1988-04-02", "1988-02-04", Born::Near);
        check("1988-04-02", "1989-04-02", Born::Near);
        check("1988-04-02", "1971-11-30", Born::Apart);
        check("1988-04-02", "unknown", Born::Unknown);
    }
}
