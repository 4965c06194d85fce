//! A search and its answer. Everything in an answer (hits, total, facets, suggestions) comes from queries that hold the
//! reader's access as a clause, so no hit is taken out afterwards.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tantivy::schema::Value;
use tantivy::{DocAddress, Searcher, TantivyDocument};

use crate::domain::id::{RecordId, TenantId};
use crate::domain::matching::fold::{Word, words};
use crate::domain::matching::plates;
use crate::search::ask::{Ask, Filter, Label, Part};
use crate::search::collect::{Found, Rank, Ranked};
use crate::search::document::DocText;
use crate::search::index::{Index, IndexError, Reading};
use crate::search::plan::{Plan, Stage};
use crate::search::schema::{Stems, Terms, kind_shown, label};
use crate::search::suggest::suggestions;
use crate::search::word::{Match, Test, Widening, points};

/// With fewer matches than this, typing errors are looked for too.
const FEW: u64 = 10;
const SNIPPET_CHARS: usize = 200;
const FACET_VALUES_MAX: usize = 50;
const CURSOR_BYTES: usize = 33;

/// Who searches: the terms that open documents to him.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// His agency.
    pub tenant: TenantId,
    /// One of these must stand in a document's `access`.
    pub access: Vec<String>,
}

/// A search.
#[derive(Debug, Clone)]
pub struct Search {
    /// What he typed.
    pub typed: Ask,
    /// Who he is.
    pub reader: Reader,
    /// Only these kinds, beside what the text says.
    pub kinds: Vec<String>,
    /// Only records of this case.
    pub case_id: Option<String>,
    /// Hits a page.
    pub limit: usize,
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// Whether facets are counted.
    pub with_facets: bool,
    /// The time of the search, for ranking what is recent; a cursor keeps the one of the first page.
    pub now_ms: i64,
}

/// A page of hits.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// The best first.
    pub hits: Vec<Hit>,
    /// How many match in all.
    pub total: u64,
    /// No document has all the words; these have some.
    pub is_relaxed: bool,
    /// More was typed than is searched: what follows the 32nd word or phrase was left out.
    pub is_cut: bool,
    /// Counts over all that match, if they were asked for.
    pub facets: Vec<Facet>,
    /// Other spellings that would find something, best first.
    pub suggestions: Vec<String>,
    /// Where the next page begins, if there is one.
    pub cursor: Option<String>,
}

/// A record that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The record.
    pub id: RecordId,
    /// The last part of its kind.
    pub kind: String,
    /// `INV-2026-1847`.
    pub display_id: String,
    /// One line, as it is; not HTML.
    pub title: String,
    /// The best part of the text as HTML, with what matched in `<mark>`.
    pub snippet: String,
    /// More is better; comparable within one search.
    pub score: u32,
    /// Why, the best reason first.
    pub matched_by: Vec<MatchedBy>,
    /// Its cases.
    pub case_ids: Vec<String>,
}

/// Why a document was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MatchedBy {
    /// A display id, a number or an identifier.
    Id,
    /// A name as it was typed.
    Name,
    /// A name that sounds alike.
    Sound,
    /// A short or foreign form of a name.
    Nickname,
    /// A plate or part of one.
    Plate,
    /// A plate with characters that look alike.
    PlateLookAlike,
    /// A phone number or its end.
    Phone,
    /// Words of the text.
    Text,
    /// One or two letters differ.
    Typo,
}

impl MatchedBy {
    /// As the contract writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Name => "name",
            Self::Sound => "sound",
            Self::Nickname => "nickname",
            Self::Plate => "plate",
            Self::PlateLookAlike => "plate look-alike",
            Self::Phone => "phone",
            Self::Text => "text",
            Self::Typo => "typo",
        }
    }
}

/// The counts of one facet, the most frequent value first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facet {
    /// `kind`, `status`, `tag`, `office`, `year`.
    pub name: &'static str,
    /// Values with their counts: all of `kind`, `status` and `year`, the 50 most frequent of the others.
    pub counts: Vec<(String, u64)>,
}

impl Index {
    /// Answers a search.
    pub fn search(&self, search: &Search) -> Result<Page, IndexError> {
        let cursor = search
            .cursor
            .as_deref()
            .map(|text| Cursor::read(text, search))
            .transpose()?;
        self.guarded(|reading| run(reading, search, cursor))
    }
}

fn run(reading: &Reading, search: &Search, cursor: Option<Cursor>) -> Result<Page, IndexError> {
    let searcher = reading.searcher();
    let mut filters = search.typed.filters.clone();
    let only = |label, values: &[String]| Filter::Label {
        label,
        values: values.to_vec(),
        is_excluded: false,
    };
    if !search.kinds.is_empty() {
        filters.push(only(Label::Kind, &search.kinds));
    }
    if let Some(case) = &search.case_id {
        filters.push(only(Label::Case, std::slice::from_ref(case)));
    }
    let now_ms = cursor.map_or(search.now_ms, |cursor| cursor.now_ms);
    let limit = search.limit.saturating_add(1);
    let after = cursor.map(|cursor| cursor.rank);
    let mut running = Running {
        search,
        filters,
        widening: Widening::new(&searcher, &reading.fields),
        ranked: Ranked {
            limit,
            after,
            now_ms,
            with_facets: search.with_facets,
        },
    };
    let attempt = match cursor {
        Some(cursor) => running.attempt(cursor.stage)?,
        None => running.widen_as_needed()?,
    };
    let mut page = page_of(search, attempt, now_ms, &searcher, reading)?;
    page.is_cut = search.typed.is_cut;
    if cursor.is_none() && (page.total == 0 || page.is_relaxed) {
        page.suggestions = suggestions(&search.typed, &search.reader, &mut running.widening)?;
    }
    Ok(page)
}

/// A search while it looks for how far it must be widened.
struct Running<'a> {
    search: &'a Search,
    filters: Vec<Filter>,
    widening: Widening<'a>,
    ranked: Ranked,
}

struct Attempt {
    stage: Stage,
    plan: Plan,
    found: Found,
}

impl Running<'_> {
    fn attempt(&mut self, stage: Stage) -> Result<Attempt, IndexError> {
        let plan = Plan::of(&self.search.typed, stage, &mut self.widening)?;
        let query = plan.query(&self.search.reader, &self.filters, self.widening.fields);
        let found = self.widening.searcher.search(&query, &self.ranked)?;
        Ok(Attempt { stage, plan, found })
    }

    /// As typed; with few matches, with typing errors; with none, by most of the words.
    fn widen_as_needed(&mut self) -> Result<Attempt, IndexError> {
        let strict = self.attempt(Stage::Strict)?;
        let total = strict.found.total;
        if total >= FEW
            || strict.found.best_points >= points::ID
            || self.search.typed.wanted().next().is_none()
        {
            return Ok(strict);
        }
        let wide = self.attempt(Stage::Wide)?;
        if wide.found.total > total {
            return Ok(wide);
        }
        if total > 0 {
            return Ok(strict);
        }
        Ok(self.relax()?.unwrap_or(strict))
    }

    /// Words that nothing readable has are dropped; of three or more, up to half. Two names that are both there, but
    /// not together, are no match.
    fn relax(&mut self) -> Result<Option<Attempt>, IndexError> {
        let typed: String = self
            .search
            .typed
            .wanted()
            .map(|part: &Part| part.text.as_str())
            .collect();
        if !typed.contains(char::is_alphabetic) || plates::is_plausible(&plates::normal(&typed)) {
            // Part of a number or plate is another one.
            return Ok(None);
        }
        let plan = Plan::of(&self.search.typed, Stage::Relaxed(1), &mut self.widening)?;
        let (answerable, words) = plan.answerable(&self.search.reader, &self.widening)?;
        if words < 2 || answerable == 2 && words == 2 {
            return Ok(None);
        }
        let most = answerable.min(words - 1);
        for least in (most.div_ceil(2).max(1)..=most).rev() {
            let relaxed = self.attempt(Stage::Relaxed(least))?;
            if relaxed.found.total > 0 {
                return Ok(Some(relaxed));
            }
        }
        Ok(None)
    }
}

fn page_of(
    search: &Search,
    attempt: Attempt,
    now_ms: i64,
    searcher: &Searcher,
    reading: &Reading,
) -> Result<Page, IndexError> {
    let Attempt {
        stage,
        plan,
        mut found,
    } = attempt;
    let more = found.top.len() > search.limit;
    found.top.truncate(search.limit);
    let cursor = found.top.last().filter(|_| more).map(|(rank, _)| Cursor {
        stage,
        rank: *rank,
        now_ms,
    });
    let mut page = Page {
        total: found.total,
        is_relaxed: matches!(stage, Stage::Relaxed(_)),
        cursor: cursor.map(|cursor| cursor.write(search)),
        ..Page::default()
    };
    let mut explain = Explain {
        leaves: plan.leaves(),
        stems: Stems::new(),
        reading,
    };
    for (rank, address) in &found.top {
        page.hits.push(explain.hit(*rank, *address, searcher)?);
    }
    if search.with_facets {
        page.facets = facets(found);
    }
    Ok(page)
}

fn facets(found: Found) -> Vec<Facet> {
    let sorted = |mut counts: Vec<(String, u64)>| {
        counts.sort_unstable_by(|(left, many), (right, more)| more.cmp(many).then_with(|| left.cmp(right)));
        counts
    };
    let names = ["kind", "status", "tag", "office"];
    let mut facets: Vec<Facet> = names
        .into_iter()
        .zip(found.facets)
        .map(|(name, counts)| Facet {
            name,
            counts: sorted(counts.into_iter().collect()),
        })
        .collect();
    for facet in &mut facets[2..] {
        facet.counts.truncate(FACET_VALUES_MAX);
    }
    let mut years: Vec<(i64, u64)> = found.years.into_iter().collect();
    years.sort_unstable_by_key(|(year, _)| Reverse(*year));
    let counts = years
        .into_iter()
        .map(|(year, count)| (year.to_string(), count))
        .collect();
    facets.push(Facet { name: "year", counts });
    facets
}

/// Says of each hit why it was found, and shows where.
struct Explain<'a> {
    leaves: Vec<&'a [Match]>,
    stems: Stems,
    reading: &'a Reading,
}

impl Explain<'_> {
    fn hit(&mut self, rank: Rank, address: DocAddress, searcher: &Searcher) -> Result<Hit, IndexError> {
        let stored: TantivyDocument = searcher.doc(address)?;
        let shown = stored.get_first(self.reading.fields.shown);
        let bytes = shown
            .as_ref()
            .and_then(|value| value.as_bytes())
            .unwrap_or_default();
        let text: DocText =
            serde_json::from_slice(bytes).map_err(|error| IndexError::Failed(error.to_string()))?;
        let terms = Terms::of(&text, &mut self.stems);
        Ok(Hit {
            id: RecordId::from_bytes(rank.id.to_be_bytes()),
            kind: kind_shown(&text.kind).to_owned(),
            snippet: self.snippet(&text),
            score: rank.points,
            matched_by: self.reasons(&text, &terms),
            display_id: text.display_id,
            title: text.title,
            case_ids: text.case_ids,
        })
    }

    fn reasons(&self, text: &DocText, terms: &Terms) -> Vec<MatchedBy> {
        let tags: Vec<String> = text.tags.iter().map(|tag| label(tag)).collect();
        let fields = &self.reading.fields;
        let mut reasons: Vec<(u32, MatchedBy)> = Vec::new();
        for leaf in &self.leaves {
            let held = leaf.iter().filter(|one| one.holds(terms, &tags, fields));
            reasons.extend(held.max_by_key(|one| one.points).map(|one| (one.points, one.by)));
        }
        reasons.sort_by_key(|(points, _)| Reverse(*points));
        let mut distinct = Vec::new();
        for (_, by) in reasons {
            if !distinct.contains(&by) {
                distinct.push(by);
            }
        }
        distinct
    }

    /// The part of the text with the most different words that matched; its beginning, if none did.
    fn snippet(&mut self, text: &DocText) -> String {
        let fields = self.reading.fields;
        let tests: Vec<&Test> = self
            .leaves
            .iter()
            .flat_map(|leaf| leaf.iter())
            .filter(|one| [fields.names, fields.title, fields.body].contains(&one.field))
            .map(|one| &one.test)
            .collect();
        let mut is_marked = |word: &str| {
            let stem = self.stems.marked(word);
            tests
                .iter()
                .any(|test| test.accepts(word) || stem.as_deref().is_some_and(|stem| test.accepts(stem)))
        };
        let asides: Vec<&str> = text
            .asides
            .iter()
            .map(String::as_str)
            .filter(|aside| words(aside).iter().any(|word| is_marked(&word.text)))
            .collect();
        let sources = [
            parted(&text.body),
            text.names.join(" · "),
            text.title.clone(),
            asides.join(" · "),
        ];
        let mut fallback = None;
        for source in sources.iter().filter(|source| !source.is_empty()) {
            let mut marks = words(source);
            marks.retain(|word| is_marked(&word.text));
            if !marks.is_empty() {
                return cut(source, &marks);
            }
            fallback.get_or_insert(source);
        }
        fallback.map(|source| cut(source, &[])).unwrap_or_default()
    }
}

/// A text whose lines, which are fields or paragraphs, are told apart on one line.
fn parted(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    lines.join(" · ")
}

/// About 200 characters around the densest marks, as HTML.
fn cut(source: &str, marks: &[Word]) -> String {
    let lead = lead(source, marks);
    let mut end = reach(source, lead);
    if end < source.len() {
        end = source[lead..end]
            .rfind(char::is_whitespace)
            .map_or(end, |at| lead + at);
    }
    let mut html = String::from(if lead > 0 { "… " } else { "" });
    let mut at = lead;
    for mark in within(marks, lead, end) {
        escape(&source[at..mark.start], &mut html);
        html.push_str("<mark>");
        escape(&source[mark.start..mark.end], &mut html);
        html.push_str("</mark>");
        at = mark.end;
    }
    escape(&source[at..end.max(at)], &mut html);
    if end < source.len() {
        html.push_str(" …");
    }
    html
}

/// Where a snippet begins: at the beginning if what is best of the text stands there, else a little before that.
fn lead(source: &str, marks: &[Word]) -> usize {
    let window = |mark: &Word| within(marks, mark.start, reach(source, mark.start));
    let first_end = reach(source, 0);
    // The first of the best, so that a snippet is as near to the beginning as it can be.
    let best = marks.iter().take(1000).max_by_key(|mark| {
        let distinct: BTreeSet<&str> = window(mark).map(|mark| mark.text.as_str()).collect();
        (distinct.len(), Reverse(mark.start))
    });
    let best = best.filter(|best| window(best).any(|mark| mark.end > first_end));
    best.map_or(0, |best| {
        let before = source[..best.start].char_indices().rev().take(SNIPPET_CHARS / 5);
        let space = before.filter(|(_, c)| c.is_whitespace()).last();
        space.map_or(best.start, |(at, c)| at + c.len_utf8())
    })
}

/// As many characters further as a snippet has.
fn reach(source: &str, from: usize) -> usize {
    let mut rest = source[from..].char_indices();
    rest.nth(SNIPPET_CHARS).map_or(source.len(), |(at, _)| from + at)
}

/// The marks that stand whole in a part of the text. They are in its order, so no other one is looked at.
fn within(marks: &[Word], from: usize, to: usize) -> impl Iterator<Item = &Word> {
    let first = marks.partition_point(|mark| mark.start < from);
    marks[first..].iter().take_while(move |mark| mark.end <= to)
}

fn escape(text: &str, html: &mut String) {
    for c in text.chars() {
        match c {
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '&' => html.push_str("&amp;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
}

/// Where a page ended: the last hit's rank, how far the query was widened, and the time it was ranked for.
#[derive(Debug, Clone, Copy)]
struct Cursor {
    stage: Stage,
    rank: Rank,
    now_ms: i64,
}

impl Cursor {
    fn write(self, search: &Search) -> String {
        let stage = match self.stage {
            Stage::Strict => 0,
            Stage::Wide => 1,
            Stage::Relaxed(least) => u8::try_from(least + 2).unwrap_or(u8::MAX),
        };
        let mut bytes = vec![stage];
        bytes.extend(self.rank.points.to_be_bytes());
        bytes.extend(self.rank.id.to_be_bytes());
        bytes.extend(self.now_ms.to_be_bytes());
        bytes.extend(fingerprint(search));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn read(text: &str, search: &Search) -> Result<Self, IndexError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| IndexError::BadCursor)?;
        let bytes: [u8; CURSOR_BYTES] = bytes.try_into().map_err(|_| IndexError::BadCursor)?;
        let stage = match bytes[0] {
            0 => Stage::Strict,
            1 => Stage::Wide,
            2 => return Err(IndexError::BadCursor),
            least => Stage::Relaxed(usize::from(least) - 2),
        };
        if bytes[29..] != fingerprint(search) {
            return Err(IndexError::BadCursor);
        }
        let mut numbers = [0; 28];
        numbers.copy_from_slice(&bytes[1..29]);
        let whole = |range: std::ops::Range<usize>| {
            numbers[range]
                .iter()
                .fold(0_u128, |sum, byte| sum << 8 | u128::from(*byte))
        };
        let points = u32::try_from(whole(0..4)).map_err(|_| IndexError::BadCursor)?;
        let now = u64::try_from(whole(20..28)).map_err(|_| IndexError::BadCursor)?;
        Ok(Self {
            stage,
            rank: Rank {
                points,
                id: whole(4..20),
            },
            now_ms: now.cast_signed(),
        })
    }
}

/// What must be the same on every page of one search.
fn fingerprint(search: &Search) -> [u8; 4] {
    let what = (
        &search.reader.tenant,
        &search.typed.text,
        &search.kinds,
        &search.case_id,
    );
    let what = format!("{what:?}");
    crc32c::crc32c(what.as_bytes()).to_be_bytes()
}
