//! What a query means for the index: a tree of matches, turned into one tantivy query in which the reader's access is a
//! clause like any other.

use std::ops::{Bound, Range};

use tantivy::Term;
use tantivy::collector::Count;
use tantivy::query::{
    AllQuery, BooleanQuery, ConstScoreQuery, DisjunctionMaxQuery, EmptyQuery, InvertedIndexRangeQuery, Occur,
    PhraseQuery, Query, RangeQuery, TermQuery, TermSetQuery,
};
use tantivy::schema::{Field, IndexRecordOption};

use crate::domain::matching::fold::{Word, words};
use crate::domain::matching::names::is_particle;
use crate::domain::matching::phones;
use crate::search::ask::{Ask, Filter, Label, Part, When};
use crate::search::index::IndexError;
use crate::search::page::Reader;
use crate::search::schema::{Fields, gate, label, number};
use crate::search::word::{Match, Reading, Test, Widening, after_all};

/// Longest run of words that is also read as one plate, number or name written apart.
const RUN_WORDS_MAX: usize = 4;
/// A word of more pieces (an address of the web, a row of names with hyphens) is read as a phrase.
const PIECES_MAX: usize = 8;
/// Above this number of access terms they are looked up together instead of one beside the other.
const GATES_MAX: usize = 64;

/// How far a query is widened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// As typed, with names by sound and nickname.
    Strict,
    /// With typing errors too.
    Wide,
    /// At least so many of the words, because no document has all.
    Relaxed(usize),
}

/// A query, ready for one state of the index.
pub(super) struct Plan {
    wanted: Vec<Node>,
    optional: Vec<Node>,
    excluded: Vec<Node>,
    stage: Stage,
    is_filter_only: bool,
}

/// What must hold of a document.
#[derive(Debug, Clone)]
enum Node {
    /// One of these.
    Leaf(Vec<Match>),
    All(Vec<Node>),
    Any(Vec<Node>),
}

impl Plan {
    pub(super) fn of(ask: &Ask, stage: Stage, widening: &mut Widening<'_>) -> Result<Self, IndexError> {
        let wanted: Vec<&Part> = ask.wanted().collect();
        let essential = essential(&wanted);
        let mut nodes = Vec::new();
        for (at, part) in wanted.iter().enumerate() {
            let reading = Reading {
                is_typing: ask.is_typing && at + 1 == wanted.len(),
                with_typos: stage > Stage::Strict,
                is_alone: wanted.len() == 1,
                with_initials: wanted.len() > 1,
            };
            nodes.push(part_node(part, reading, widening)?);
        }
        let runs = runs(&wanted, widening)?;
        let left_out = |at: &usize| !essential[*at];
        let optional = (0..nodes.len())
            .filter(left_out)
            .map(|at| nodes[at].clone())
            .collect();
        let mut plan = Self {
            wanted: Vec::new(),
            optional,
            excluded: Vec::new(),
            stage,
            is_filter_only: wanted.is_empty(),
        };
        let without = |run: Range<usize>| {
            (0..nodes.len())
                .filter(|at| essential[*at] && !run.contains(at))
                .map(|at| nodes[at].clone())
                .collect::<Vec<_>>()
        };
        if matches!(stage, Stage::Relaxed(_)) {
            plan.wanted = without(0..0);
            plan.optional.extend(runs.into_iter().map(|run| run.node));
        } else if !plan.is_filter_only {
            let mut ways = vec![Node::All(without(0..0))];
            for run in runs {
                let mut way = without(run.place);
                way.push(run.node);
                ways.push(Node::All(way));
            }
            plan.wanted.push(Node::Any(ways));
        }
        plan.add_phrase_bonus(&wanted, widening);
        for part in ask.parts.iter().filter(|part| part.is_excluded) {
            plan.excluded.push(exact_node(part, widening)?);
        }
        Ok(plan)
    }

    /// The query for a reader, within filters.
    pub(super) fn query(&self, reader: &Reader, filters: &[Filter], fields: &Fields) -> Box<dyn Query> {
        let mut clauses = vec![(Occur::Must, gate_query(reader, fields))];
        clauses.extend(filter_clauses(filters, fields));
        let wanted: Vec<_> = self.wanted.iter().map(Node::query).collect();
        if self.is_filter_only {
            clauses.push((Occur::Must, constant(Box::new(AllQuery), 0)));
        } else if let Stage::Relaxed(least) = self.stage {
            let any = wanted.into_iter().map(|query| (Occur::Should, query)).collect();
            clauses.push((
                Occur::Must,
                Box::new(BooleanQuery::with_minimum_required_clauses(any, least)),
            ));
        } else {
            clauses.extend(wanted.into_iter().map(|query| (Occur::Must, query)));
        }
        clauses.extend(self.optional.iter().map(|node| (Occur::Should, node.query())));
        clauses.extend(self.excluded.iter().map(|node| (Occur::MustNot, node.query())));
        Box::new(BooleanQuery::new(clauses))
    }

    /// How many of a relaxed plan's words find something that the reader may read, and how many words there are.
    pub(super) fn answerable(
        &self,
        reader: &Reader,
        widening: &Widening<'_>,
    ) -> Result<(usize, usize), IndexError> {
        let mut answerable = 0;
        for node in &self.wanted {
            let clauses = vec![
                (Occur::Must, gate_query(reader, widening.fields)),
                (Occur::Must, node.query()),
            ];
            answerable += usize::from(widening.searcher.search(&BooleanQuery::new(clauses), &Count)? > 0);
        }
        Ok((answerable, self.wanted.len()))
    }

    /// Every list of alternatives, for explaining and highlighting.
    pub(super) fn leaves(&self) -> Vec<&[Match]> {
        let mut leaves = Vec::new();
        self.wanted
            .iter()
            .chain(&self.optional)
            .for_each(|node| node.collect_leaves(&mut leaves));
        leaves
    }

    fn add_phrase_bonus(&mut self, wanted: &[&Part], widening: &Widening<'_>) {
        let run: Vec<String> = wanted
            .iter()
            .flat_map(|part| words(&part.text))
            .map(|word| word.text)
            .collect();
        if run.len() > 1 {
            self.optional.push(Node::Leaf(widening.phrase(&run, true)));
        }
    }
}

/// Several words read as one.
struct Run {
    /// The words for which it stands.
    place: Range<usize>,
    node: Node,
}

fn part_node(part: &Part, reading: Reading, widening: &mut Widening<'_>) -> Result<Node, IndexError> {
    if part.is_phrase {
        return exact_node(part, widening);
    }
    let pieces = words(&part.text);
    if pieces.len() > PIECES_MAX {
        return exact_node(part, widening);
    }
    let special = widening.special(&part.text, reading)?;
    if let [piece] = &pieces[..] {
        let mut matches = widening.word(&piece.text, reading)?;
        matches.extend(special);
        return Ok(Node::Leaf(matches));
    }
    let mut all = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        let reading = Reading {
            is_typing: reading.is_typing && at + 1 == pieces.len(),
            is_alone: false,
            ..reading
        };
        all.push(Node::Leaf(widening.word(&piece.text, reading)?));
    }
    let joined: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
    let mut whole = special;
    if joined.chars().all(char::is_alphabetic) {
        whole.extend(widening.word(
            &joined,
            Reading {
                is_alone: false,
                ..reading
            },
        )?);
    }
    let mut ways = pair_ways(&pieces, &all, widening)?;
    ways.push(Node::Leaf(whole));
    ways.push(Node::All(all));
    Ok(Node::Any(ways))
}

/// Of three pieces, two that make one name: 陈建国 is Chen Jianguo.
fn pair_ways(pieces: &[Word], all: &[Node], widening: &mut Widening<'_>) -> Result<Vec<Node>, IndexError> {
    let mut ways = Vec::new();
    for first in (0..2).filter(|_| pieces.len() == 3) {
        let pair = format!("{}{}", pieces[first].text, pieces[first + 1].text);
        let matches = widening.name(&pair)?;
        if !matches.is_empty() {
            let mut way = all.to_vec();
            way.splice(first..first + 2, [Node::Leaf(matches)]);
            ways.push(Node::All(way));
        }
    }
    Ok(ways)
}

/// A phrase, or a word as it stands: no other spelling.
fn exact_node(part: &Part, widening: &mut Widening<'_>) -> Result<Node, IndexError> {
    let run: Vec<String> = words(&part.text).into_iter().map(|word| word.text).collect();
    let mut matches = widening.phrase(&run, false);
    matches.extend(
        widening
            .special(&part.text, Reading::default())?
            .into_iter()
            .filter(|one| matches!(one.test, Test::Term(_))),
    );
    Ok(Node::Leaf(matches))
}

/// Neighbouring words that make one plate, phone number, id or name which somebody wrote apart.
fn runs(wanted: &[&Part], widening: &mut Widening<'_>) -> Result<Vec<Run>, IndexError> {
    let mut runs = Vec::new();
    for place in run_places(wanted) {
        let window = &wanted[place.clone()];
        let spaced = window
            .iter()
            .map(|part| part.text.as_str())
            .collect::<Vec<_>>()
            .join(" ");
        let joined: String = words(&spaced).into_iter().map(|word| word.text).collect();
        let mut matches = Vec::new();
        if joined.contains(|c: char| c.is_ascii_digit()) {
            matches = widening.special(&spaced, Reading::default())?;
        } else if place.len() <= 3 || window.iter().any(|part| is_particle(&part.text.to_lowercase())) {
            matches = widening.name(&joined)?;
        }
        if !matches.is_empty() {
            runs.push(Run {
                place,
                node: Node::Leaf(matches),
            });
        }
    }
    Ok(runs)
}

/// Two to four neighbours, and any number of them that are all digits or make a phone number together.
fn run_places(wanted: &[&Part]) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    for length in 2..=RUN_WORDS_MAX.min(wanted.len()) {
        places.extend((0..=wanted.len() - length).map(|first| first..first + length));
    }
    let is_digits = |part: &Part| !part.text.contains(char::is_alphabetic);
    let mut first = 0;
    for group in wanted.chunk_by(|one, next| is_digits(one) == is_digits(next)) {
        if is_digits(group[0]) && group.len() > RUN_WORDS_MAX {
            places.push(first..first + group.len());
        }
        first += group.len();
    }
    let whole = wanted
        .iter()
        .map(|part| part.text.as_str())
        .collect::<Vec<_>>()
        .join(" ");
    if wanted.len() > 1 && phones::parse(&whole).is_some() {
        places.push(0..wanted.len());
    }
    places.retain(|place| !wanted[place.clone()].iter().any(|part| part.is_phrase));
    places
}

/// Which parts must be there: not the particles of names, nor an initial beside two whole words, unless there is
/// nothing else.
fn essential(wanted: &[&Part]) -> Vec<bool> {
    let letters = |part: &Part| part.text.chars().filter(|c| c.is_alphanumeric()).count();
    let whole_words = wanted.iter().filter(|part| letters(part) > 1).count();
    let is_essential = |part: &&Part| {
        let is_initial = letters(part) == 1 && part.text.contains(char::is_alphabetic) && whole_words > 1;
        part.is_phrase || !is_initial && !is_particle(&part.text.to_lowercase())
    };
    let none = !wanted.iter().any(is_essential);
    wanted.iter().map(|part| none || is_essential(part)).collect()
}

impl Node {
    fn query(&self) -> Box<dyn Query> {
        match self {
            Self::Leaf(matches) => best_of(matches.iter().map(Match::query).collect()),
            Self::Any(nodes) => best_of(nodes.iter().map(Self::query).collect()),
            Self::All(nodes) => match &nodes[..] {
                [node] => node.query(),
                nodes => Box::new(BooleanQuery::new(
                    nodes.iter().map(|node| (Occur::Must, node.query())).collect(),
                )),
            },
        }
    }

    fn collect_leaves<'a>(&'a self, leaves: &mut Vec<&'a [Match]>) {
        match self {
            Self::Leaf(matches) => leaves.push(matches),
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().for_each(|node| node.collect_leaves(leaves)),
        }
    }
}

impl Match {
    fn query(&self) -> Box<dyn Query> {
        let term = |text: &str| Term::from_field_text(self.field, text);
        let query: Box<dyn Query> = match &self.test {
            Test::Term(text) => Box::new(TermQuery::new(term(text), IndexRecordOption::Basic)),
            Test::Start(start) => {
                let mut end = Term::from_field_text(self.field, "");
                end.append_bytes(&after_all(start));
                Box::new(InvertedIndexRangeQuery::new(
                    Bound::Included(term(start)),
                    Bound::Excluded(end),
                ))
            }
            Test::Phrase(words) => Box::new(PhraseQuery::new(words.iter().map(|word| term(word)).collect())),
        };
        constant(query, self.points)
    }
}

/// The best of several ways to match.
fn best_of(mut queries: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    match queries.len() {
        0 => Box::new(EmptyQuery),
        1 => queries.remove(0),
        _ => Box::new(DisjunctionMaxQuery::new(queries)),
    }
}

#[expect(clippy::cast_precision_loss, reason = "points are small")]
fn constant(query: Box<dyn Query>, points: u32) -> Box<dyn Query> {
    Box::new(ConstScoreQuery::new(query, points as f32))
}

/// What the reader may see: the tenant and one of his access terms, in one term of the index.
pub(super) fn gate_query(reader: &Reader, fields: &Fields) -> Box<dyn Query> {
    let gates = reader
        .access
        .iter()
        .map(|access| Term::from_field_text(fields.gate, &gate(&reader.tenant, access)));
    let query: Box<dyn Query> = if reader.access.len() > GATES_MAX {
        Box::new(TermSetQuery::new(gates))
    } else {
        best_of(gates.map(exact).collect())
    };
    constant(query, 0)
}

fn exact(term: Term) -> Box<dyn Query> {
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

fn filter_clauses(filters: &[Filter], fields: &Fields) -> Vec<(Occur, Box<dyn Query>)> {
    let mut clauses = Vec::new();
    let mut by_label: Vec<(Field, Vec<Box<dyn Query>>)> = Vec::new();
    for filter in filters {
        match filter {
            Filter::Label {
                label: name,
                values,
                is_excluded,
            } => {
                let field = label_field(*name, fields);
                let queries = values.iter().map(|value| label_query(*name, value, fields));
                if *is_excluded {
                    clauses.extend(queries.map(|query| (Occur::MustNot, query)));
                } else {
                    match by_label.iter_mut().find(|(other, _)| *other == field) {
                        Some((_, alternatives)) => alternatives.extend(queries),
                        None => by_label.push((field, queries.collect())),
                    }
                }
            }
            Filter::Time {
                when,
                from_ms,
                before_ms,
                is_excluded,
            } => {
                let field = match when {
                    When::Created => fields.created,
                    When::Updated => fields.updated,
                };
                let bound = |ms: i64| Term::from_field_i64(field, ms);
                let from = Bound::Included(bound(from_ms.unwrap_or(i64::MIN)));
                let before =
                    before_ms.map_or(Bound::Included(bound(i64::MAX)), |ms| Bound::Excluded(bound(ms)));
                let occur = if *is_excluded { Occur::MustNot } else { Occur::Must };
                clauses.push((occur, constant(Box::new(RangeQuery::new(from, before)), 0)));
            }
        }
    }
    clauses.extend(
        by_label
            .into_iter()
            .map(|(_, queries)| (Occur::Must, constant(best_of(queries), 0))),
    );
    clauses
}

fn label_query(name: Label, value: &str, fields: &Fields) -> Box<dyn Query> {
    let term = |text: &str| exact(Term::from_field_text(label_field(name, fields), text));
    match name {
        Label::Number => term(&number(value)),
        Label::CaseNumber => {
            let is_case = exact(Term::from_field_text(fields.kind, "case"));
            let clauses = [term(&number(value)), is_case].map(|query| (Occur::Must, query));
            Box::new(BooleanQuery::new(clauses.into()))
        }
        _ => term(&label(value)),
    }
}

fn label_field(label: Label, fields: &Fields) -> Field {
    match label {
        Label::Kind => fields.kind,
        Label::Status => fields.status,
        Label::Tag => fields.tag,
        Label::Office => fields.office,
        Label::Level => fields.level,
        Label::Case => fields.case,
        Label::Number | Label::CaseNumber => fields.number,
        Label::Classification => fields.classification,
    }
}
