//! Which fields the index has, and which terms of a document go into each. The same terms explain afterwards why a
//! document was found.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::str::Split;

use tantivy::schema::{
    BytesOptions, Field, IndexRecordOption, NumericOptions, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::{Language, RawTokenizer, Stemmer, TextAnalyzer, Token, TokenStream, Tokenizer};
use tantivy::{Index, TantivyDocument, Term};

use crate::domain::id::{RecordId, TenantId};
use crate::domain::matching::fold::words;
use crate::domain::matching::{names, phones, plates};
use crate::search::document::{DocText, SearchDoc};

/// Grows with every change of the fields or of what goes into them: an index of another version is rebuilt.
pub(super) const VERSION: u32 = 7;

/// What stands before the stem of a word, so that a stem is never taken for a word.
const STEM: char = '=';
/// What stands before a phone number that was written with its country, whole.
pub(super) const ABROAD: char = '+';
/// What stands before such a number without its country.
pub(super) const AT_HOME: char = '~';
/// What stands before a whole plate, or a phone number that was written without its country.
pub(super) const WHOLE: char = '^';
/// What stands before a plate as it is written, without look-alikes folded.
pub(super) const LETTERS: char = '!';
/// What separates a sound key from the word that has it.
pub(super) const KEYED: char = ':';

/// The fields of the index.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    pub(super) id: Field,
    pub(super) id_high: Field,
    pub(super) id_low: Field,
    pub(super) gate: Field,
    pub(super) kind: Field,
    pub(super) kind_shown: Field,
    pub(super) status: Field,
    pub(super) level: Field,
    pub(super) office: Field,
    pub(super) tag: Field,
    pub(super) case: Field,
    pub(super) classification: Field,
    pub(super) year: Field,
    pub(super) created: Field,
    pub(super) updated: Field,
    pub(super) number: Field,
    pub(super) names: Field,
    pub(super) sounds: Field,
    pub(super) plates: Field,
    pub(super) phones: Field,
    pub(super) title: Field,
    pub(super) body: Field,
    pub(super) shown: Field,
}

/// The schema of the index.
pub(super) fn schema() -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let term = || {
        let basic = TextFieldIndexing::default()
            .set_tokenizer("raw")
            .set_index_option(IndexRecordOption::Basic);
        TextOptions::default().set_indexing_options(basic.set_fieldnorms(false))
    };
    let text = || {
        let placed = TextFieldIndexing::default().set_tokenizer(PLACED);
        let placed = placed.set_index_option(IndexRecordOption::WithFreqsAndPositions);
        TextOptions::default().set_indexing_options(placed.set_fieldnorms(false))
    };
    let fast = || NumericOptions::default().set_fast();
    let fields = Fields {
        id: builder.add_bytes_field("id", BytesOptions::default().set_indexed()),
        id_high: builder.add_u64_field("id_high", fast()),
        id_low: builder.add_u64_field("id_low", fast()),
        gate: builder.add_text_field("gate", term()),
        kind: builder.add_text_field("kind", term()),
        kind_shown: builder.add_text_field("kind_shown", TextOptions::default().set_fast("raw")),
        status: builder.add_text_field("status", term().set_fast("raw")),
        level: builder.add_text_field("level", term()),
        office: builder.add_text_field("office", term().set_fast("raw")),
        tag: builder.add_text_field("tag", term().set_fast("raw")),
        case: builder.add_text_field("case", term()),
        classification: builder.add_text_field("classification", term()),
        year: builder.add_i64_field("year", fast()),
        created: builder.add_i64_field("created", fast()),
        updated: builder.add_i64_field("updated", fast()),
        number: builder.add_text_field("number", term()),
        names: builder.add_text_field("names", text()),
        sounds: builder.add_text_field("sounds", term()),
        plates: builder.add_text_field("plates", term()),
        phones: builder.add_text_field("phones", term()),
        title: builder.add_text_field("title", text()),
        body: builder.add_text_field("body", text()),
        shown: builder.add_bytes_field("shown", BytesOptions::default().set_stored()),
    };
    (builder.build(), fields)
}

/// The one term that opens a document of a tenant to a reader who has an access term.
pub(super) fn gate(tenant: &TenantId, access: &str) -> String {
    format!("{}\u{0}{access}", tenant.as_str())
}

/// A filter's value as it is compared: trimmed, in lower case.
pub(super) fn label(value: &str) -> String {
    value.trim().to_lowercase()
}

/// A number or identifier as it is compared: its letters and digits.
pub(super) fn number(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// The last kind of `entity/person`.
pub(super) fn kind_shown(kind: &str) -> &str {
    kind.rsplit('/').next().unwrap_or(kind)
}

/// Words whose stems are remembered: most words of a report are those of the last one.
const STEMS_KEPT_MAX: usize = 20_000;

/// Finds the stems of words.
pub(super) struct Stems {
    analyzer: TextAnalyzer,
    known: HashMap<String, Option<String>>,
}

impl Stems {
    pub(super) fn new() -> Self {
        let stemmer = Stemmer::new(Language::English);
        Self {
            analyzer: TextAnalyzer::builder(RawTokenizer::default())
                .filter(stemmer)
                .build(),
            known: HashMap::new(),
        }
    }

    /// The stem of a folded word, marked, if it is another word.
    pub(super) fn marked(&mut self, word: &str) -> Option<String> {
        if let Some(known) = self.known.get(word) {
            return known.clone();
        }
        let mut stream = self.analyzer.token_stream(word);
        let stem = &stream.next()?.text;
        let marked = (stem != word).then(|| format!("{STEM}{stem}"));
        drop(stream);
        if self.known.len() >= STEMS_KEPT_MAX {
            self.known.clear();
        }
        self.known.insert(word.to_owned(), marked.clone());
        marked
    }

    /// The stem of a folded word, marked and plain: the terms of other words with that stem.
    pub(super) fn terms(&mut self, word: &str) -> Vec<String> {
        match self.marked(word) {
            Some(marked) => vec![marked[1..].to_owned(), marked],
            None => vec![format!("{STEM}{word}")],
        }
    }
}

/// The terms of a document in the fields of words, numbers, names, plates and phones.
#[derive(Debug, Default)]
pub(super) struct Terms {
    pub(super) numbers: BTreeSet<String>,
    pub(super) names: Vec<Placed>,
    pub(super) sounds: BTreeSet<String>,
    pub(super) plates: BTreeSet<String>,
    pub(super) phones: BTreeSet<String>,
    pub(super) title: Vec<Placed>,
    pub(super) body: Vec<Placed>,
}

/// A term with its place among the words of its field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) text: String,
    pub(super) position: usize,
}

impl Terms {
    pub(super) fn of(text: &DocText, stems: &mut Stems) -> Self {
        let mut terms = Self {
            title: text_terms(&text.title, stems),
            body: text_terms(&[&text.body, "\n", &text.asides.join("\n")].concat(), stems),
            ..Self::default()
        };
        let mut place = 0;
        for name in &text.names {
            let forms = names::forms(name);
            let last = forms.last().map_or(0, |form| form.place);
            for form in forms {
                for key in names::sound_keys(&form.text) {
                    terms.sounds.insert(format!("{key}{KEYED}{}", form.text));
                }
                terms.names.push(Placed {
                    position: place + form.place,
                    text: form.text,
                });
            }
            // A gap, so that no phrase runs from one name into the next.
            place += last + 8;
        }
        for id in text.identifiers.iter().chain([&text.display_id]) {
            terms.numbers.insert(number(id));
        }
        if let Some(digits) = text
            .display_id
            .rsplit('-')
            .next()
            .filter(|part| part.bytes().all(|b| b.is_ascii_digit()))
        {
            terms.numbers.insert(digits.trim_start_matches('0').to_owned());
        }
        terms.numbers.remove("");
        text.plates.iter().for_each(|plate| terms.add_plate(plate));
        text.phones.iter().for_each(|phone| terms.add_phone(phone));
        terms
    }

    fn add_plate(&mut self, plate: &str) {
        let normal = plates::normal(plate);
        if normal.is_empty() {
            return;
        }
        self.plates.insert(format!("{LETTERS}{normal}"));
        let folded = plates::look_alike(&normal);
        self.plates.insert(format!("{WHOLE}{folded}"));
        for (at, _) in folded.char_indices() {
            if folded[at..].chars().count() >= plates::PART_CHARS_MIN {
                self.plates.insert(folded[at..].to_owned());
            }
        }
    }

    fn add_phone(&mut self, phone: &str) {
        let Some(phone) = phones::parse(phone) else { return };
        self.phones.insert(phone.reversed());
        if phone.international {
            self.phones.insert(format!("{ABROAD}{}", phone.digits));
            self.phones.extend(
                phone
                    .national()
                    .iter()
                    .map(|national| format!("{AT_HOME}{national}")),
            );
        } else {
            self.phones.insert(format!("{WHOLE}{}", phone.digits));
        }
    }
}

fn text_terms(text: &str, stems: &mut Stems) -> Vec<Placed> {
    let mut terms = Vec::new();
    for (position, word) in words(text).into_iter().enumerate() {
        if let Some(stem) = stems.marked(&word.text) {
            terms.push(Placed { text: stem, position });
        }
        terms.push(Placed {
            text: word.text,
            position,
        });
    }
    terms
}

/// The document as tantivy takes it.
pub(super) fn tantivy_document(doc: &SearchDoc, fields: &Fields, stems: &mut Stems) -> TantivyDocument {
    let text = &doc.text;
    let terms = Terms::of(text, stems);
    let mut out = TantivyDocument::new();
    out.add_bytes(fields.id, &doc.id.bytes());
    let (high, low) = halves(doc.id);
    out.add_u64(fields.id_high, high);
    out.add_u64(fields.id_low, low);
    for access in &doc.access {
        out.add_text(fields.gate, gate(&doc.tenant, access));
    }
    for kind in text.kind.split('/') {
        out.add_text(fields.kind, label(kind));
    }
    let mut add_label = |field: Field, value: &str| {
        if !value.is_empty() {
            out.add_text(field, label(value));
        }
    };
    add_label(fields.kind_shown, kind_shown(&text.kind));
    add_label(fields.status, &text.status);
    add_label(fields.level, &text.level);
    add_label(fields.office, &text.office);
    add_label(fields.classification, &text.classification);
    text.tags.iter().for_each(|tag| add_label(fields.tag, tag));
    text.case_ids.iter().for_each(|case| add_label(fields.case, case));
    out.add_i64(fields.year, year(text.created_ms));
    out.add_i64(fields.created, text.created_ms);
    out.add_i64(fields.updated, text.updated_ms);
    let sets = [
        (fields.number, &terms.numbers),
        (fields.sounds, &terms.sounds),
        (fields.plates, &terms.plates),
        (fields.phones, &terms.phones),
    ];
    for (field, set) in sets {
        set.iter().for_each(|term| out.add_text(field, term));
    }
    for (field, placed) in [
        (fields.names, terms.names),
        (fields.title, terms.title),
        (fields.body, terms.body),
    ] {
        out.add_text(field, written(&placed));
    }
    let shown = serde_json::to_vec(text).expect("strings and numbers are JSON");
    out.add_bytes(fields.shown, &shown);
    out
}

/// The tokenizer of terms that were found and placed here.
const PLACED: &str = "placed";

/// Placed terms as one text, which [`PlacedTerms`] reads. Tantivy's own form of such terms goes through JSON.
fn written(placed: &[Placed]) -> String {
    let mut text = String::with_capacity(placed.len() * 12);
    for term in placed {
        writeln!(text, "{} {}", term.position, term.text).expect("a string takes all that is written");
    }
    text
}

/// Tells an index how the fields of words are read.
pub(super) fn register(index: &Index) {
    index.tokenizers().register(PLACED, PlacedTerms::default());
}

#[derive(Clone, Default)]
struct PlacedTerms {
    token: Token,
}

struct PlacedStream<'a> {
    lines: Split<'a, char>,
    token: &'a mut Token,
}

impl Tokenizer for PlacedTerms {
    type TokenStream<'a> = PlacedStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> PlacedStream<'a> {
        self.token.reset();
        PlacedStream {
            lines: text.split('\n'),
            token: &mut self.token,
        }
    }
}

impl TokenStream for PlacedStream<'_> {
    fn advance(&mut self) -> bool {
        let Some((position, term)) = self.lines.next().and_then(|line| line.split_once(' ')) else {
            return false;
        };
        self.token.position = position.parse().unwrap_or(0);
        self.token.text.clear();
        self.token.text.push_str(term);
        true
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

/// The two halves of an id, so that it can stand in columns.
pub(super) fn halves(id: RecordId) -> (u64, u64) {
    id.0.as_u64_pair()
}

/// The term that names a document.
pub(super) fn id_term(fields: &Fields, id: RecordId) -> Term {
    Term::from_field_bytes(fields.id, &id.bytes())
}

/// The year of a time in UTC.
fn year(ms: i64) -> i64 {
    let fallback = || 1970 + ms.div_euclid(31_556_952_000);
    let timestamp = jiff::Timestamp::from_millisecond(ms);
    timestamp.map_or_else(
        |_| fallback(),
        |at| i64::from(at.to_zoned(jiff::tz::TimeZone::UTC).year()),
    )
}

#[cfg(test)]
mod tests {
    use tantivy::tokenizer::{TokenStream, Tokenizer};

    use super::{Placed, PlacedTerms, written};

    #[test]
    fn placed_terms_come_back_as_they_were() {
        let placed = |text: &str, position| Placed {
            text: text.to_owned(),
            position,
        };
        let terms = [
            placed("=burglar", 0),
            placed("burglary", 0),
            placed("van dyke", 9),
        ];
        let (text, mut tokenizer) = (written(&terms), PlacedTerms::default());
        let mut stream = tokenizer.token_stream(&text);
        let mut back = Vec::new();
        stream.process(&mut |token| back.push(placed(&token.text, token.position)));
        assert_eq!(back, terms);
    }
}
