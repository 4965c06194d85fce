//! Lists that clients know by whole numbers: those that are the same everywhere, and words that an agency writes (categories,
//! offenses, roles), whose numbers follow from the words alone and so are the same on every node and for ever.

use crate::services::caller::Caller;
use crate::services::failure::Outcome;
use crate::services::find;
use crate::store::database::Read;
use crate::store::hash::sha256;
use crate::views::records;
use crate::views::words::{self, List};

/// A fixed list: the number of a word is its place, from 1.
pub type Fixed = &'static [&'static str];

/// Races, as clients number them.
pub const RACES: Fixed = &[
    "Unknown",
    "White",
    "Black or African American",
    "Hispanic or Latino",
    "Asian",
    "American Indian or Alaska Native",
    "Native Hawaiian or Other Pacific Islander",
    "Other",
];
/// Genders, as clients number them.
pub const GENDERS: Fixed = &["Unknown", "Female", "Male"];
/// Kinds of addresses, as clients number them.
pub const ADDRESS_TYPES: Fixed = &["Home", "Work", "Other"];
/// Where an item stands, as clients number it.
pub const STATUSES: Fixed = &["Checked In", "Checked Out", "Disposed"];
/// Why an item is checked out.
pub const CUSTODY_REASONS: Fixed = &["Court", "Lab", "Investigation", "Viewing", "Release", "Other"];
/// How an item is disposed of.
pub const DISPOSAL_METHODS: Fixed = &[
    "Destroyed",
    "Returned to owner",
    "Auction",
    "Transferred",
    "Other",
];
/// Categories of items that are there before any item is.
const CATEGORIES: Fixed = &[
    "Biological",
    "Clothing",
    "Currency",
    "Document",
    "Electronics",
    "Firearm",
    "Narcotics",
    "Vehicle",
    "Weapon",
    "Other",
];
/// Offenses that are there before any case is.
const OFFENSES: Fixed = &[
    "Arson",
    "Assault",
    "Burglary",
    "Drugs",
    "Fraud",
    "Homicide",
    "Missing person",
    "Robbery",
    "Sexual assault",
    "Theft",
    "Traffic",
    "Weapons",
    "Other",
];
/// Roles of persons in cases.
const ROLES: Fixed = &["suspect", "victim", "witness", "owner", "other"];
/// Categories of notes.
const NOTE_CATEGORIES: Fixed = &["General"];

fn fixed_of(list: List) -> Fixed {
    match list {
        List::Categories => CATEGORIES,
        List::Offenses => OFFENSES,
        List::Roles => ROLES,
        List::NoteCategories => NOTE_CATEGORIES,
        _ => &[],
    }
}

/// The word of a fixed list that has this number.
pub fn fixed(list: Fixed, number: i64) -> Option<&'static str> {
    let place = usize::try_from(number).ok()?.checked_sub(1)?;
    list.get(place).copied()
}

/// The number of a word in a fixed list.
pub fn fixed_number(list: Fixed, word: &str) -> Option<i64> {
    let place = list.iter().position(|known| known.eq_ignore_ascii_case(word))?;
    i64::try_from(place + 1).ok()
}

/// The number of a word: its place among those that every agency has, else 31 bits of its hash with the highest one set.
pub fn number_of(list: List, word: &str) -> i64 {
    let fixed = fixed_of(list).iter().position(|known| *known == word);
    if let Some(place) = fixed {
        return i64::try_from(place + 1).unwrap_or(i64::MAX);
    }
    hashed(word)
}

/// 31 bits of a word's hash with the highest one set.
pub fn hashed(word: &str) -> i64 {
    let hash = sha256(&[b"blotter word\0", word.as_bytes()]);
    let bits = u32::from_be_bytes([hash.0[0], hash.0[1], hash.0[2], hash.0[3]]);
    i64::from((bits >> 2) | (1 << 30))
}

/// The words of a list, each with its number: those that every agency has, then those of records of this one that the caller
/// may read.
///
/// # Errors
/// The disk failed.
pub fn all(rows: &impl Read, caller: &Caller, list: List) -> Outcome<Vec<(i64, String)>> {
    let mut all: Vec<String> = fixed_of(list).iter().map(|word| (*word).to_owned()).collect();
    for word in words::all(rows, caller.tenant(), list)? {
        if !all.contains(&word) && is_read(rows, caller, (list, &word))? {
            all.push(word);
        }
    }
    Ok(all
        .into_iter()
        .map(|word| (number_of(list, &word), word))
        .collect())
}

/// The word of a list that has this number, if the caller may read a record with it.
///
/// # Errors
/// The disk failed.
pub fn word_of(rows: &impl Read, caller: &Caller, list: List, number: i64) -> Outcome<Option<String>> {
    if let Some(word) = fixed(fixed_of(list), number) {
        return Ok(Some(word.to_owned()));
    }
    let mut words = words::all(rows, caller.tenant(), list)?.into_iter();
    match words.find(|word| number_of(list, word) == number) {
        Some(word) => Ok(is_read(rows, caller, (list, &word))?.then_some(word)),
        None => Ok(None),
    }
}

/// Records with one word that are asked whether the caller may read them, at most.
const ASKED_MAX: usize = 1_000;

/// Whether the caller may read a record that has this word: one that restricted cases alone have is a secret too.
fn is_read(rows: &impl Read, caller: &Caller, word: (List, &str)) -> Outcome<bool> {
    let (mut asked, mut read) = (0, Ok(false));
    words::having(rows, caller.tenant(), word, &mut |id| {
        asked += 1;
        read = records::get(rows, id).and_then(|record| match record {
            Some(record) => find::may_read(rows, caller, &record),
            None => Ok(false),
        });
        matches!(read, Ok(false)) && asked < ASKED_MAX
    })?;
    Ok(read?)
}

#[cfg(test)]
mod tests {
    use super::{GENDERS, RACES, fixed, fixed_number, number_of};
    use crate::views::words::List;

    #[test]
    fn the_numbers_of_lists_are_those_that_clients_know() {
        assert_eq!(RACES.len(), 8);
        assert_eq!(fixed(GENDERS, 2), Some("Female"));
        assert_eq!(
            (fixed(GENDERS, 0), fixed(GENDERS, 4), fixed(GENDERS, -1)),
            (None, None, None)
        );
        assert_eq!(fixed_number(GENDERS, "male"), Some(3));
        assert_eq!(number_of(List::Roles, "victim"), 2);
        let other = number_of(List::Offenses, "Barratry");
        assert!((1 << 30..1 << 31).contains(&other) && other == number_of(List::Offenses, "Barratry"));
    }
}
