//! Whether a record says what is looked for, and how sure that is: from 0 to 1, with the reason in words.

use crate::domain::matching::fold::words;
use crate::domain::matching::names::{How, essential, match_names};
use crate::domain::matching::{phones, plates};
use crate::domain::watch::keys::{self, PLATE_PART_CHARS_MIN};
use crate::domain::watch::sought::{Born, Day, Sort, Sought};
use crate::domain::watch::words::{BETWEEN_MAX, PlateSaid, Words};

/// How sure a match must be to be one.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Likely {
    /// Of names.
    pub name: f64,
    /// Of plates that agree in part.
    pub plate: f64,
}

impl Default for Likely {
    fn default() -> Self {
        Self {
            name: 0.7,
            plate: 0.6,
        }
    }
}

impl Likely {
    pub(super) fn least(self, sort: Sort) -> f64 {
        match sort {
            Sort::Name => self.name,
            Sort::Plate => self.plate,
            Sort::Phone | Sort::Identifier | Sort::Text => 0.0,
        }
    }
}

/// A match with an entry.
#[derive(Clone, PartialEq, Debug)]
pub struct Found {
    /// The place of the entry.
    pub place: u32,
    /// How sure it is, from 0 to 1.
    pub score: f64,
    /// What the record says.
    pub said: String,
    /// How that is what is looked for.
    pub how: String,
}

/// A match with an entry that is at hand.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Match {
    pub(super) score: f64,
    said: String,
    how: String,
}

impl Match {
    fn new(score: f64, said: &str, how: impl Into<String>) -> Self {
        Self {
            score,
            said: said.to_owned(),
            how: how.into(),
        }
    }

    pub(super) fn at(self, place: u32) -> Found {
        let Self { score, said, how } = self;
        Found {
            place,
            score,
            said,
            how,
        }
    }
}

/// A whole name against an entry's, with what is known of birth.
pub(super) fn name(sought: &Sought, said: &str, born: Option<Day>) -> Option<Match> {
    /// A name of one word is half a name.
    const ONE_WORD: f64 = -0.15;
    let alike = sought.spellings().filter_map(|spelling| {
        let likeness = match_names(spelling, said)?;
        let (score, how) = match likeness.how {
            How::Same => (0.9, "the same name"),
            How::Sound => (0.7 + 0.15 * likeness.closeness, "spoken alike"),
            How::Nickname => (0.8, "a short or foreign form"),
            How::Initial => (0.55, "by an initial"),
            How::Typo => (0.55 + 0.2 * likeness.closeness, "a letter or two apart"),
        };
        let is_one = essential(spelling).len() < 2 && essential(said).len() < 2;
        Some((score + if is_one { ONE_WORD } else { 0.0 }, how))
    });
    let (score, how) = alike.max_by(|one, two| one.0.partial_cmp(&two.0).expect("no NaN"))?;
    let (weight, birth) = match Born::of(sought.born, born) {
        Born::Same if score < 0.75 => (0.2, ", born on the same day"),
        Born::Same => (0.1, ", born on the same day"),
        Born::Near => (0.05, ", born on nearly the same day"),
        Born::Unknown => (0.0, ""),
        Born::Apart => (-0.5, ", born on another day"),
    };
    Some(Match::new(
        (score + weight).clamp(0.0, 1.0),
        said,
        format!("{how}{birth}"),
    ))
}

/// A name of several parts that a text says from this word on.
pub(super) fn name_in(sought: &Sought, words: &Words<'_>, place: usize) -> Option<Match> {
    let found = sought.spellings().filter_map(|spelling| {
        let parts = essential(spelling);
        let reach = words.len().min(place + parts.len() + BETWEEN_MAX);
        let mut least: (f64, &str) = (0.85, "the same name in its text");
        let mut free: Vec<usize> = (place..reach).collect();
        let mut end = place;
        let mut missed = 0;
        for part in &parts {
            let best = free.iter().filter_map(|at| Some((*at, words.says(*at, part)?)));
            let best = best.max_by(|one, two| one.1.0.partial_cmp(&two.1.0).expect("no NaN"));
            let Some((at, how)) = best else {
                missed += 1;
                continue;
            };
            free.retain(|other| *other != at);
            end = end.max(at);
            if how.0 < least.0 {
                least = how;
            }
        }
        // A middle name is left out as often as not; the first word must be part of the name.
        let is_whole = missed == 0 || parts.len() > 2 && missed == 1;
        (parts.len() - missed > 1 && is_whole && !free.contains(&place)).then_some((least, end))
    });
    let ((score, how), end) = found.max_by(|one, two| one.0.0.partial_cmp(&two.0.0).expect("no NaN"))?;
    Some(Match::new(score, words.slice(place, end), how))
}

/// A plate against an entry's.
pub(super) fn plate(sought: &Sought, said: &str) -> Option<Match> {
    let alike = sought.spellings().filter_map(|spelling| {
        let (own, other) = (keys::plate(spelling), keys::plate(said));
        let is_read = |plate: &str| !plate.contains('?');
        match plates::same(spelling, said) {
            Some(true) if is_read(&own) && is_read(&other) => Some((1.0, "the same plate")),
            Some(false) if is_read(&own) && is_read(&other) => {
                Some((0.9, "the same plate in look-alike characters"))
            }
            _ => in_part(&own, &other),
        }
    });
    let (score, how) = alike.max_by(|one, two| one.0.partial_cmp(&two.0).expect("no NaN"))?;
    Some(Match::new(score, said, how))
}

/// Two plates, look-alikes folded, of which one says a part, or of which characters were not read.
fn in_part(own: &str, other: &str) -> Option<(f64, &'static str)> {
    let known = |plate: &str| plate.chars().filter(|c| *c != '?').count();
    let (own_chars, other_chars): (Vec<char>, Vec<char>) = (own.chars().collect(), other.chars().collect());
    let (less, more) = if own_chars.len() <= other_chars.len() {
        (&own_chars, &other_chars)
    } else {
        (&other_chars, &own_chars)
    };
    let agree = |part: &[char]| {
        let pairs = part.iter().zip(less);
        pairs
            .clone()
            .all(|(one, two)| one == two || *one == '?' || *two == '?')
            && pairs.filter(|(one, two)| one == two && **one != '?').count() >= PLATE_PART_CHARS_MIN
    };
    if !more.windows(less.len().max(1)).any(agree) {
        return None;
    }
    let (fewer, most) = (known(own).min(known(other)), known(own).max(known(other)));
    #[expect(clippy::cast_precision_loss, reason = "plates are short")]
    let share = fewer as f64 / most as f64;
    let has_digit = less.iter().any(char::is_ascii_digit);
    let unread = own.contains('?') || other.contains('?');
    match () {
        () if less.len() == more.len() && unread => Some((0.8, "the same plate as far as it was read")),
        () if has_digit => Some((0.45 + 0.35 * share, "a part of the plate")),
        () => None,
    }
}

/// A phone number against an entry's.
pub(super) fn phone(sought: &Sought, said: &str) -> Option<Match> {
    let other = phones::parse(said)?;
    let mut own = sought.spellings().filter_map(phones::parse);
    own.find(|own| own.is_same_line(&other))
        .map(|own| match own.digits == other.digits {
            true => Match::new(1.0, said, "the same number"),
            false => Match::new(0.9, said, "the same number in another spelling"),
        })
}

/// A number of a paper or thing against an entry's.
pub(super) fn identifier(sought: &Sought, said: &str) -> Option<Match> {
    let other = keys::identifier(said);
    let mut own = sought.spellings().map(keys::identifier);
    own.any(|own| own == other)
        .then(|| Match::new(1.0, said, "the same identifier"))
}

/// A word or a few of a text against a plate or an identifier that is looked for.
pub(super) fn token(sought: &Sought, said: &str) -> Option<Match> {
    if sought.sort == Sort::Identifier {
        return identifier(sought, said).map(|found| Match {
            score: 0.95,
            how: "the same identifier in its text".into(),
            ..found
        });
    }
    match sought
        .spellings()
        .filter_map(|spelling| plates::same(spelling, said))
        .max()?
    {
        true => Some(Match::new(0.95, said, "the same plate in its text")),
        false => Some(Match::new(
            0.8,
            said,
            "the same plate in its text, in look-alike characters",
        )),
    }
}

/// What a text says like a plate against an entry's, where characters were not read or a part was said. Letter by letter the
/// same it is found as any token.
pub(super) fn plate_in(sought: &Sought, said: &PlateSaid<'_>) -> Option<Match> {
    let alike = sought.spellings().filter_map(|spelling| {
        let own = keys::plate(spelling);
        let is_whole = own.chars().count() == said.read.chars().count();
        let is_meant = own != said.read && (is_whole || said.can_be_part(&own, plates::is_mixed(spelling)));
        is_meant.then(|| in_part(&own, &said.read)).flatten()
    });
    let (score, how) = alike.max_by(|one, two| one.0.partial_cmp(&two.0).expect("no NaN"))?;
    Some(Match::new(score, said.written, format!("{how}, in its text")))
}

/// The words of a text from a place on against those that are looked for.
pub(super) fn text(sought: &Sought, words: &Words<'_>, place: usize) -> Option<Match> {
    let mut ends = sought.spellings().filter_map(|spelling| {
        let wanted = self::words(spelling);
        let end = place + wanted.len();
        let said = words.among(place..end).filter(|said| !said.is_empty())?;
        let same = said
            .iter()
            .zip(&wanted)
            .all(|(said, wanted)| said.text == wanted.text);
        same.then_some(end - 1)
    });
    let end = ends.next()?;
    Some(Match::new(0.9, words.slice(place, end), "these words"))
}
