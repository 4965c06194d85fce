//! A text with its words, and what in it may be a name, a number, a plate or an identifier.

use std::ops::{Range, RangeInclusive};

use crate::domain::matching::fold::{Word, words};
use crate::domain::matching::names::{How, alike};
use crate::domain::matching::plates;
use crate::domain::watch::keys::{self, PLATE_PART_CHARS_MIN};

/// Characters of a plate or identifier in a text, at least.
const TOKEN_CHARS_MIN: usize = 4;
/// Words that one identifier in a text can consist of, such as an address of mail.
const TOKEN_WORDS_MAX: usize = 6;
/// Digits of a phone number in a text, at least and at most.
const PHONE_DIGITS: RangeInclusive<usize> = 6..=18;
/// Words that can stand between the first part of a name in a text and the last.
pub(super) const BETWEEN_MAX: usize = 1;
/// Characters of a plate in a text, at most: a longer one is a number of something else.
const PLATE_CHARS_MAX: usize = 10;
/// Spaces within a plate in a text.
const PLATE_SPACES_MAX: usize = 2;
/// Characters that were read of a part of a plate with spaces: `CAR 4` is no plate.
const SPACED_CHARS_MIN: usize = 5;

/// Words that stand close together.
pub(super) struct Token<'t> {
    /// As they are written.
    pub(super) written: &'t str,
    /// Whether an identifier that is these words ends where they do, on both sides.
    pub(super) is_whole: bool,
}

/// What a text says that is written like a plate.
pub(super) struct PlateSaid<'t> {
    /// As it is written.
    pub(super) written: &'t str,
    /// As it is compared: look-alikes folded, `?` for what was not read.
    pub(super) read: String,
    /// Whether it is hardly prose: one piece, or a few in capitals.
    is_sure: bool,
}

impl PlateSaid<'_> {
    /// Whether this and a plate of another length may be one a part of the other. What has spaces may join two words that have
    /// nothing to do with each other: then the shorter one begins or ends it.
    pub(super) fn can_be_part(&self, own: &str, is_mixed: bool) -> bool {
        let is_spaced = self.written.contains(' ');
        let is_longer = self.read.len() > own.len();
        let at_an_end = self.read.starts_with(own) || self.read.ends_with(own);
        self.is_sure && is_mixed && !(is_spaced && is_longer && !at_an_end)
    }
}

/// A hyphen as it is typed, or as a word processor sets it.
fn is_hyphen(c: char) -> bool {
    matches!(c, '-' | '‐' | '‑' | '‒' | '–')
}

/// Whether two words with this between them may be one identifier.
fn joins(gap: &str) -> bool {
    let mut signs = gap.chars();
    let joins = |c: char| is_hyphen(c) || matches!(c, ' ' | '.' | '@' | '_' | '/' | '·');
    signs.next().is_some_and(joins) && signs.next().is_none()
}

/// Whether two words with this between them may be one plate.
fn joins_plate(gap: &str) -> bool {
    let joins = |c: char| is_hyphen(c) || matches!(c, '.' | '·');
    let unread = gap.trim_start_matches(|c| joins(c) || c == ' ');
    let joint = &gap[..gap.len() - unread.len()];
    let unread = unread.strip_suffix(joins).unwrap_or(unread);
    joint.chars().count() <= 1 && unread.chars().all(|c| c == '?') && unread.len() <= PLATE_PART_CHARS_MIN
}

/// A text with its words.
pub(super) struct Words<'t> {
    text: &'t str,
    words: Vec<Word>,
}

impl<'t> Words<'t> {
    /// Of a text.
    pub(super) fn of(text: &'t str) -> Self {
        Self {
            text,
            words: words(text),
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.words.len()
    }

    /// The word at a place, folded.
    pub(super) fn at(&self, place: usize) -> &str {
        &self.words[place].text
    }

    /// Some of them; none if there are not so many.
    pub(super) fn among(&self, places: Range<usize>) -> Option<&[Word]> {
        self.words.get(places)
    }

    /// As it was written, from one word to another.
    pub(super) fn slice(&self, first: usize, last: usize) -> &'t str {
        &self.text[self.words[first].start..self.words[last].end]
    }

    /// Words that can be parts of names.
    pub(super) fn names(&self) -> impl Iterator<Item = (usize, &str)> {
        self.names_among(0..self.len())
    }

    /// The next of them, as far as a name reaches.
    pub(super) fn names_after(&self, place: usize) -> impl Iterator<Item = (usize, &str)> {
        self.names_among(place + 1..self.len().min(place + 2 + BETWEEN_MAX))
    }

    fn names_among(&self, places: Range<usize>) -> impl Iterator<Item = (usize, &str)> {
        let words = places.map(|place| (place, self.at(place)));
        words.filter(|(_, word)| word.len() > 1 && !word.contains(|c: char| c.is_ascii_digit()))
    }

    /// How a word says a part of a name. In prose only what is written like a name is held to sound like one.
    pub(super) fn says(&self, place: usize, part: &str) -> Option<(f64, &'static str)> {
        let likeness = alike(&self.words[place].text, part)?;
        let is_capital = !self.text[self.words[place].start..].starts_with(char::is_lowercase);
        match likeness.how {
            How::Same => Some((0.85, "the same name in its text")),
            How::Sound if is_capital => Some((0.65 + 0.15 * likeness.closeness, "spoken alike in its text")),
            How::Nickname if is_capital => Some((0.75, "a short or foreign form in its text")),
            _ => None,
        }
    }

    /// What stands between a word and the next.
    fn gap(&self, place: usize) -> &'t str {
        &self.text[self.words[place].end..self.words[place + 1].start]
    }

    /// Words that stand close together and may be a plate or an identifier: with a digit, or an address of mail.
    pub(super) fn tokens(&self) -> impl Iterator<Item = Token<'t>> {
        let tokens = (0..self.len()).flat_map(move |first| {
            let last = (first + TOKEN_WORDS_MAX).min(self.len());
            let near = (first..last).take_while(move |at| *at == first || joins(self.gap(at - 1)));
            near.map(move |last| (first, last))
        });
        tokens.filter_map(|(first, last)| {
            let written = self.slice(first, last);
            let chars = written.chars().filter(|c| c.is_alphanumeric()).count();
            let may_be =
                chars >= TOKEN_CHARS_MIN && written.contains(|c: char| c.is_ascii_digit() || c == '@');
            may_be.then(|| Token {
                written,
                is_whole: self.begins(first, written) && self.ends(last, written),
            })
        })
    }

    /// Whether an identifier begins with this word: `mole@agency.example` is no part of `x.mole@agency.example`, and `88-17`
    /// none of `A1-88-17`, but a word before it, as in `VIN-1FT`, says what it is.
    fn begins(&self, first: usize, written: &str) -> bool {
        let Some(before) = first.checked_sub(1) else {
            return true;
        };
        let mut signs = self.gap(before).chars();
        let tight = |c: char| is_hyphen(c) || matches!(c, '.' | '_' | '+');
        let is_tight = signs.next().is_some_and(tight) && signs.next().is_none();
        !is_tight || !written.contains('@') && !self.at(before).contains(|c: char| c.is_ascii_digit())
    }

    /// Whether an identifier ends with this word: a full stop that nothing follows ends a sentence, but
    /// `mole@agency.example` is no part of `mole@agency.example.org`.
    fn ends(&self, last: usize, written: &str) -> bool {
        let rest = &self.text[self.words[last].end..];
        let mut next = rest.chars();
        let (Some(sign), after) = (next.next(), next.next()) else {
            return true;
        };
        let goes_on = after.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let is_inner = match sign {
            sign if is_hyphen(sign) => true,
            '.' | '_' | '@' | '+' => true,
            // Between two identifiers, or within an address of the web.
            '/' | '?' | '#' | '&' | '=' | '%' | '~' => written.contains('/'),
            _ => false,
        };
        !(is_inner && goes_on)
    }

    /// What is written like a plate, each once: letters and digits, in groups that stand close together, with `?` for what was
    /// not read.
    pub(super) fn plates(&self) -> Vec<PlateSaid<'t>> {
        let mut found: Vec<PlateSaid<'t>> = Vec::new();
        for first in 0..self.len() {
            let (mut chars, mut spaces) = (0, 0);
            for last in first..(first + TOKEN_WORDS_MAX).min(self.len()) {
                if last > first {
                    let gap = self.gap(last - 1);
                    if !joins_plate(gap) {
                        break;
                    }
                    spaces += usize::from(gap.contains(' '));
                }
                chars += self.at(last).len();
                if chars > PLATE_CHARS_MAX || spaces > PLATE_SPACES_MAX {
                    break;
                }
                found.extend(self.plate(first, last));
            }
        }
        found.sort_by(|one, two| one.read.cmp(&two.read).then(two.is_sure.cmp(&one.is_sure)));
        found.dedup_by(|one, two| one.read == two.read && one.is_sure == two.is_sure);
        found
    }

    /// These words as a plate, if they are written like one and nothing belongs to them before or after.
    fn plate(&self, first: usize, last: usize) -> Option<PlateSaid<'t>> {
        let (begin, end) = (self.words[first].start, self.words[last].end);
        if !self.text[begin..end].contains(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let before = self.text[..begin].trim_end_matches('?');
        // One `?` after a word asks; what follows one, and several after the plate, are not read.
        let rest = self.text[end..].trim_start_matches('?');
        let end = match self.text.len() - rest.len() - end {
            unread @ 2..=PLATE_PART_CHARS_MIN if !rest.starts_with(char::is_alphanumeric) => end + unread,
            _ => end,
        };
        let begin = match before.ends_with(|c: char| !c.is_alphanumeric()) || before.is_empty() {
            true => before.len(),
            false => begin,
        };
        let written = &self.text[begin..end];
        let is_inner = |c: char| is_hyphen(c) || matches!(c, '.' | '_' | '@' | '+');
        let mut before = self.text[..begin].chars().rev();
        let mut after = self.text[end..].chars();
        let is_part = |sign: Option<char>, next: Option<char>| {
            sign.is_some_and(|sign| is_inner(sign) || sign == '?')
                && next.is_some_and(|c| c.is_alphanumeric() || c == '?')
        };
        if is_part(before.next(), before.next())
            || is_part(after.next(), after.next())
            || !plates::is_mixed(written)
        {
            return None;
        }
        let (read, chars) = (keys::plate(written), |plate: &str| {
            plate.chars().filter(|c| *c != '?').count()
        });
        let letters = || written.chars().filter(|c| c.is_alphabetic());
        let is_sure =
            !written.contains(' ') || chars(&read) >= SPACED_CHARS_MIN && letters().all(char::is_uppercase);
        (chars(&read) >= PLATE_PART_CHARS_MIN && read.chars().count() <= PLATE_CHARS_MAX).then_some(
            PlateSaid {
                written,
                read,
                is_sure,
            },
        )
    }

    /// Runs of digits that may be phone numbers.
    pub(super) fn numbers(&self) -> impl Iterator<Item = &'t str> {
        let is_part =
            |c: char| c.is_ascii_digit() || is_hyphen(c) || matches!(c, '+' | ' ' | '(' | ')' | '.' | '/');
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).count();
        let runs = self.text.split(move |c| !is_part(c));
        runs.flat_map(move |run| {
            let one = digits(run) <= *PHONE_DIGITS.end();
            let pieces = if one { vec![run] } else { run.split(' ').collect() };
            pieces
                .into_iter()
                .map(|piece| piece.trim_matches(|c| is_hyphen(c) || matches!(c, ' ' | '.' | '/')))
        })
        .filter(move |piece| PHONE_DIGITS.contains(&digits(piece)))
    }
}
