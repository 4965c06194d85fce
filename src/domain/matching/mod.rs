//! When two names, plates or phone numbers mean the same: pure functions that search and watchlists share.

/// Text in any script as plain lower-case ASCII words.
pub mod fold;
/// Persons' names: spelling, sound, nickname, initials.
pub mod names;
/// The table of given names that stand for one another.
pub mod nicknames;
/// Phone numbers however they are written.
pub mod phones;
/// Number plates, whole or in part, with look-alike characters.
pub mod plates;
/// National forms of telephone numbers, by region.
pub mod regions;
/// How a word is spoken, by spelling rules of many languages.
mod spoken;
