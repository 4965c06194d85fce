//! One word of a query: every term of the index that it may mean, why, and what that is worth.
//!
//! Names are widened through the dictionary of the index: words with the same sound key, or one or two letters away,
//! are judged one by one, so that a common key never makes a match by itself and nothing is cut off at some number.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use tantivy::Searcher;
use tantivy::Term;
use tantivy::query::FuzzyTermQuery;
use tantivy::schema::Field;

use crate::domain::matching::names::{How, alike, sound_keys_like};
use crate::domain::matching::{nicknames, phones, plates};
use crate::search::index::IndexError;
use crate::search::page::MatchedBy;
use crate::search::schema::{ABROAD, AT_HOME, Fields, KEYED, LETTERS, Stems, Terms, WHOLE, number};

/// What a match is worth. Ids stand first, then names, then text; a typing error ranks below everything exact.
pub(super) mod points {
    pub(in crate::search) const ID: u32 = 1000;
    pub(super) const PLATE: u32 = 900;
    pub(super) const PHONE: u32 = 900;
    pub(super) const PLATE_LOOK_ALIKE: u32 = 600;
    pub(super) const PHONE_END: u32 = 300;
    pub(super) const PLATE_PART: u32 = 200;
    pub(super) const NUMBER_START: u32 = 200;
    pub(super) const NAME: u32 = 100;
    pub(super) const NICKNAME: u32 = 70;
    pub(super) const NAME_START: u32 = 60;
    /// A word that sounds alike gets this times its closeness, squared.
    pub(super) const SOUND: f64 = 75.0;
    pub(super) const INITIAL: u32 = 30;
    pub(super) const NAME_TYPO: u32 = 30;
    pub(super) const TITLE: u32 = 40;
    pub(super) const TITLE_STEM: u32 = 35;
    pub(super) const TITLE_START: u32 = 25;
    pub(super) const TITLE_TYPO: u32 = 8;
    pub(super) const TAG: u32 = 30;
    pub(super) const BODY: u32 = 20;
    pub(super) const BODY_STEM: u32 = 17;
    pub(super) const BODY_START: u32 = 12;
    pub(super) const BODY_TYPO: u32 = 4;
    pub(super) const PHRASE_NAME: u32 = 50;
    pub(super) const PHRASE_TITLE: u32 = 20;
    pub(super) const PHRASE_BODY: u32 = 10;
}

/// Shortest beginning of a word that is looked for in text; in names one letter is enough.
const TEXT_START_CHARS_MIN: usize = 2;
/// Shortest beginning of an id, with a digit in it, that is looked for.
const NUMBER_START_CHARS_MIN: usize = 3;
/// In how many documents a word stands that is not taken for a misspelling of another one.
const WRITTEN_BY_MANY: u64 = 10;
const TYPO_CHARS_MIN: usize = 4;
const TWO_TYPOS_CHARS_MIN: usize = 8;

/// One thing that a word may mean.
#[derive(Debug, Clone)]
pub(super) struct Match {
    pub(super) field: Field,
    pub(super) test: Test,
    pub(super) points: u32,
    pub(super) by: MatchedBy,
}

/// How a term of a document is compared.
#[derive(Debug, Clone)]
pub(super) enum Test {
    Term(String),
    Start(String),
    Phrase(Vec<String>),
}

/// How a word is to be read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reading {
    /// It may be the beginning of a longer word.
    pub(super) is_typing: bool,
    /// Typing errors are looked for.
    pub(super) with_typos: bool,
    /// It is all that is asked: a part of a plate without a digit counts.
    pub(super) is_alone: bool,
    /// Another word stands beside it: the initial of a given name counts.
    pub(super) with_initials: bool,
}

/// Widens words by the dictionary of one state of the index. What was looked up once is kept: a query is planned anew each time
/// it is widened.
pub(super) struct Widening<'a> {
    pub(super) searcher: &'a Searcher,
    pub(super) fields: &'a Fields,
    pub(super) stems: Stems,
    there: HashMap<(Field, String), bool>,
    sounding: HashMap<String, Rc<[(String, u32)]>>,
    near: HashMap<(Field, String, FirstLetter), Rc<BTreeSet<String>>>,
}

/// Which words count as near.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum FirstLetter {
    /// Those that begin alike: a small part of the dictionary.
    Same,
    /// All.
    Any,
}

impl<'a> Widening<'a> {
    pub(super) fn new(searcher: &'a Searcher, fields: &'a Fields) -> Self {
        Self {
            searcher,
            fields,
            stems: Stems::new(),
            there: HashMap::new(),
            sounding: HashMap::new(),
            near: HashMap::new(),
        }
    }

    /// What a folded word may mean as a name: itself, its other forms, and what sounds alike.
    pub(super) fn name(&mut self, word: &str) -> Result<Vec<Match>, IndexError> {
        let names = self.fields.names;
        let as_name = |text: &str, points, by| Match::term(names, text, points, by);
        let mut found = vec![as_name(word, points::NAME, MatchedBy::Name)];
        for name in nicknames::related(word) {
            found.push(as_name(name, points::NICKNAME, MatchedBy::Nickname));
        }
        self.keep_what_is_there(&mut found)?;
        for (name, points) in &*self.sounding_like(word)? {
            found.push(as_name(name, *points, MatchedBy::Sound));
        }
        Ok(found)
    }

    /// Everything a folded word may mean as text or name.
    pub(super) fn word(&mut self, word: &str, reading: Reading) -> Result<Vec<Match>, IndexError> {
        let fields = *self.fields;
        let names = self.name(word)?;
        let mut found = vec![
            Match::term(fields.title, word, points::TITLE, MatchedBy::Text),
            Match::term(fields.tag, word, points::TAG, MatchedBy::Text),
            Match::term(fields.body, word, points::BODY, MatchedBy::Text),
        ];
        for stem in self.stems.terms(word) {
            found.push(Match::term(
                fields.title,
                &stem,
                points::TITLE_STEM,
                MatchedBy::Text,
            ));
            found.push(Match::term(
                fields.body,
                &stem,
                points::BODY_STEM,
                MatchedBy::Text,
            ));
        }
        if reading.with_initials && word.len() > 1 {
            let initial = format!("^{}", &word[..word.chars().next().map_or(0, char::len_utf8)]);
            found.push(Match::term(
                fields.names,
                &initial,
                points::INITIAL,
                MatchedBy::Name,
            ));
        }
        self.keep_what_is_there(&mut found)?;
        found.extend(names);
        if reading.with_typos {
            self.add_typos(word, &mut found)?;
        }
        let start = |field, points, by| Match::start(field, word, points, by);
        let is_initial = reading.with_initials && word.len() == 1;
        if reading.is_typing || is_initial {
            let worth = if is_initial {
                points::INITIAL
            } else {
                points::NAME_START
            };
            found.push(start(fields.names, worth, MatchedBy::Name));
        }
        if reading.is_typing && word.len() >= TEXT_START_CHARS_MIN {
            found.push(start(fields.title, points::TITLE_START, MatchedBy::Text));
            found.push(start(fields.body, points::BODY_START, MatchedBy::Text));
        }
        Ok(found)
    }

    /// What a text as typed may be beside words: a display id, an identifier, a plate, a phone number.
    pub(super) fn special(&mut self, text: &str, reading: Reading) -> Result<Vec<Match>, IndexError> {
        let mut found = Vec::new();
        self.add_numbers(text, reading, &mut found);
        self.add_plates(text, reading, &mut found);
        self.add_phones(text, &mut found);
        self.keep_what_is_there(&mut found)?;
        Ok(found)
    }

    fn add_numbers(&self, text: &str, reading: Reading, found: &mut Vec<Match>) {
        let (field, by) = (self.fields.number, MatchedBy::Id);
        let id = number(text);
        let is_plain = id.bytes().all(|byte| byte.is_ascii_digit());
        let id = if is_plain {
            id.trim_start_matches('0').to_owned()
        } else {
            id
        };
        if reading.is_typing
            && id.len() >= NUMBER_START_CHARS_MIN
            && id.bytes().any(|byte| byte.is_ascii_digit())
        {
            found.push(Match::start(field, &id, points::NUMBER_START, by));
        }
        if !id.is_empty() {
            found.push(Match::term(field, &id, points::ID, by));
        }
    }

    fn add_plates(&self, text: &str, reading: Reading, found: &mut Vec<Match>) {
        let field = self.fields.plates;
        let normal = plates::normal(text);
        if normal.is_empty() {
            return;
        }
        let folded = plates::look_alike(&normal);
        let is_plausible = plates::is_plausible(&normal);
        let letters = format!("{LETTERS}{normal}");
        found.push(Match::term(field, &letters, points::PLATE, MatchedBy::Plate));
        if is_plausible {
            let (whole, worth) = (format!("{WHOLE}{folded}"), points::PLATE_LOOK_ALIKE);
            found.push(Match::term(field, &whole, worth, MatchedBy::PlateLookAlike));
        }
        if normal.chars().count() >= plates::PART_CHARS_MIN && (is_plausible || reading.is_alone) {
            found.push(Match::start(field, &folded, points::PLATE_PART, MatchedBy::Plate));
        }
    }

    fn add_phones(&self, text: &str, found: &mut Vec<Match>) {
        let (field, by) = (self.fields.phones, MatchedBy::Phone);
        let Some(phone) = phones::parse(text) else { return };
        let mut whole = vec![
            format!("{ABROAD}{}", phone.digits),
            format!("{WHOLE}{}", phone.digits),
        ];
        let parts = phone.national().into_iter().chain(phone.without_country());
        whole.extend(parts.map(|part| format!("{WHOLE}{part}")));
        if !phone.international {
            whole.push(format!("{AT_HOME}{}", phone.digits));
        }
        let whole = whole.iter();
        found.extend(whole.map(|term| Match::term(field, term, points::PHONE, by)));
        let ends = phone.ends().into_iter().filter(|_| !phone.international);
        found.extend(ends.map(|end| Match::start(field, &end, points::PHONE_END, by)));
    }

    /// Words in this order.
    pub(super) fn phrase(&self, words: &[String], is_bonus: bool) -> Vec<Match> {
        let fields = self.fields;
        let worth = |full, bonus| if is_bonus { bonus } else { full };
        let places = [
            (
                fields.names,
                worth(points::NAME, points::PHRASE_NAME),
                MatchedBy::Name,
            ),
            (
                fields.title,
                worth(points::TITLE, points::PHRASE_TITLE),
                MatchedBy::Text,
            ),
            (
                fields.body,
                worth(points::BODY, points::PHRASE_BODY),
                MatchedBy::Text,
            ),
        ];
        let test = match words {
            [word] => Test::Term(word.clone()),
            words => Test::Phrase(words.to_vec()),
        };
        places
            .into_iter()
            .map(|(field, points, by)| Match::new(field, test.clone(), points, by))
            .collect()
    }

    /// Words of the index that sound like this one, with their worth.
    fn sounding_like(&mut self, word: &str) -> Result<Rc<[(String, u32)]>, IndexError> {
        if let Some(known) = self.sounding.get(word) {
            return Ok(Rc::clone(known));
        }
        let mut candidates = BTreeSet::new();
        for key in sound_keys_like(word) {
            let start = format!("{key}{KEYED}");
            self.for_each_with_start(self.fields.sounds, &start, |term| {
                candidates.insert(term[start.len()..].to_owned());
            })?;
        }
        let judged = candidates.into_iter().filter_map(|candidate| {
            let likeness = alike(word, &candidate).filter(|likeness| likeness.how == How::Sound)?;
            Some((candidate, sound_points(likeness.closeness)))
        });
        let judged: Rc<[_]> = judged.collect();
        self.sounding.insert(word.to_owned(), Rc::clone(&judged));
        Ok(judged)
    }

    fn add_typos(&mut self, word: &str, found: &mut Vec<Match>) -> Result<(), IndexError> {
        if typos_allowed(word).is_none() {
            return Ok(());
        }
        let fields = self.fields;
        let typo = |field, text: &str, points| Match::term(field, text, points, MatchedBy::Typo);
        for candidate in &*self.near(fields.names, word, FirstLetter::Same)? {
            if alike(word, candidate).is_some_and(|likeness| likeness.how == How::Typo) {
                found.push(typo(fields.names, candidate, points::NAME_TYPO));
            }
        }
        let texts = [
            (fields.title, points::TITLE_TYPO),
            (fields.body, points::BODY_TYPO),
        ];
        for first in [FirstLetter::Same, FirstLetter::Any] {
            for (field, points) in texts {
                // What many have written is no slip of the finger.
                if self.documents_with(field, word)? >= WRITTEN_BY_MANY {
                    continue;
                }
                for candidate in &*self.near(field, word, first)? {
                    // A word that is somebody's name is a misspelling only by the rules of names.
                    let is_name = self.is_there(fields.names, candidate)?;
                    if candidate != word && (!is_name || alike(word, candidate).is_some()) {
                        found.push(typo(field, candidate, points));
                    }
                }
            }
            // Few err in the first letter, and to look for them costs a walk through all words.
            if !found.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// The words of a field that are a typing error or two away.
    pub(super) fn near(
        &mut self,
        field: Field,
        word: &str,
        first: FirstLetter,
    ) -> Result<Rc<BTreeSet<String>>, IndexError> {
        let key = (field, word.to_owned(), first);
        if let Some(known) = self.near.get(&key) {
            return Ok(Rc::clone(known));
        }
        let Some(distance) = typos_allowed(word) else {
            return Ok(Rc::default());
        };
        let mut near = BTreeSet::new();
        let start: String = word
            .chars()
            .take(usize::from(first == FirstLetter::Same))
            .collect();
        let automaton =
            FuzzyTermQuery::new(Term::from_field_text(field, word), distance, true).automaton()?;
        for segment in self.searcher.segment_readers() {
            let index = segment.inverted_index(field)?;
            let mut stream = index
                .terms()
                .search(&automaton)
                .ge(&start)
                .lt(after_all(&start))
                .into_stream()?;
            while stream.advance() {
                if let Ok(term) = std::str::from_utf8(stream.key()) {
                    near.insert(term.to_owned());
                }
            }
        }
        let near = Rc::new(near);
        self.near.insert(key, Rc::clone(&near));
        Ok(near)
    }

    fn for_each_with_start(
        &self,
        field: Field,
        start: &str,
        mut each: impl FnMut(&str),
    ) -> Result<(), IndexError> {
        for segment in self.searcher.segment_readers() {
            let index = segment.inverted_index(field)?;
            let mut stream = index
                .terms()
                .range()
                .ge(start)
                .lt(after_all(start))
                .into_stream()?;
            while stream.advance() {
                if let Ok(term) = std::str::from_utf8(stream.key()) {
                    each(term);
                }
            }
        }
        Ok(())
    }

    /// Drops terms that no document has, so that the query stays small.
    fn keep_what_is_there(&mut self, found: &mut Vec<Match>) -> Result<(), IndexError> {
        let mut kept = Vec::with_capacity(found.len());
        for one in found.drain(..) {
            let is_there = match &one.test {
                Test::Term(text) => self.is_there(one.field, text)?,
                _ => true,
            };
            if is_there {
                kept.push(one);
            }
        }
        *found = kept;
        Ok(())
    }

    fn is_there(&mut self, field: Field, text: &str) -> Result<bool, IndexError> {
        let key = (field, text.to_owned());
        if let Some(known) = self.there.get(&key) {
            return Ok(*known);
        }
        let mut is_there = false;
        for segment in self.searcher.segment_readers() {
            if segment.inverted_index(field)?.terms().get(text)?.is_some() {
                is_there = true;
                break;
            }
        }
        self.there.insert(key, is_there);
        Ok(is_there)
    }

    fn documents_with(&self, field: Field, text: &str) -> Result<u64, IndexError> {
        Ok(self.searcher.doc_freq(&Term::from_field_text(field, text))?)
    }
}

impl Match {
    fn term(field: Field, term: &str, points: u32, by: MatchedBy) -> Self {
        Self::new(field, Test::Term(term.to_owned()), points, by)
    }

    fn start(field: Field, start: &str, points: u32, by: MatchedBy) -> Self {
        Self::new(field, Test::Start(start.to_owned()), points, by)
    }

    fn new(field: Field, test: Test, points: u32, by: MatchedBy) -> Self {
        Self {
            field,
            test,
            points,
            by,
        }
    }

    /// Whether a document with these terms is matched.
    pub(super) fn holds(&self, terms: &Terms, tags: &[String], fields: &Fields) -> bool {
        let any = |test: &dyn Fn(&str) -> bool| {
            let field = self.field;
            if field == fields.names {
                terms.names.iter().any(|placed| test(&placed.text))
            } else if field == fields.title {
                terms.title.iter().any(|placed| test(&placed.text))
            } else if field == fields.body {
                terms.body.iter().any(|placed| test(&placed.text))
            } else if field == fields.number {
                terms.numbers.iter().any(|term| test(term))
            } else if field == fields.plates {
                terms.plates.iter().any(|term| test(term))
            } else if field == fields.phones {
                terms.phones.iter().any(|term| test(term))
            } else {
                field == fields.tag && tags.iter().any(|tag| test(tag))
            }
        };
        match &self.test {
            Test::Phrase(words) => words.iter().all(|word| any(&|term| term == word)),
            test => any(&|term| test.accepts(term)),
        }
    }
}

impl Test {
    /// Whether one term passes; a phrase is tried word by word.
    pub(super) fn accepts(&self, term: &str) -> bool {
        match self {
            Self::Term(text) => term == text,
            Self::Start(start) => term.starts_with(start.as_str()),
            Self::Phrase(words) => words.iter().any(|word| word == term),
        }
    }
}

/// How many letters may be wrong in a word of text; none if it is short or holds a digit.
pub(super) fn typos_allowed(word: &str) -> Option<u8> {
    let letters = word.chars().count();
    if letters < TYPO_CHARS_MIN || word.contains(|c: char| !c.is_alphabetic()) {
        return None;
    }
    Some(if letters < TWO_TYPOS_CHARS_MIN { 1 } else { 2 })
}

/// The first bytes after everything that begins with `start`: no UTF-8 holds 0xff.
pub(super) fn after_all(start: &str) -> Vec<u8> {
    [start.as_bytes(), &[0xff]].concat()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "closeness is from 0 to 1"
)]
fn sound_points(closeness: f64) -> u32 {
    (points::SOUND * closeness * closeness) as u32
}
