//! Other spellings that would find something the reader may read.

use std::collections::BTreeSet;

use tantivy::Term;
use tantivy::collector::Count;
use tantivy::query::{BooleanQuery, Occur, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};

use crate::domain::matching::fold::words;
use crate::search::ask::Ask;
use crate::search::index::IndexError;
use crate::search::page::Reader;
use crate::search::plan::gate_query;
use crate::search::word::{FirstLetter, Widening};

const SUGGESTIONS_MAX: usize = 3;
/// Candidates of a word whose readable documents are counted, the nearest spellings first.
const CANDIDATES_MAX: usize = 12;

/// The query with words that find nothing replaced by near ones that find something.
pub(super) fn suggestions(
    ask: &Ask,
    reader: &Reader,
    widening: &mut Widening<'_>,
) -> Result<Vec<String>, IndexError> {
    let pieces: Vec<String> = ask
        .wanted()
        .flat_map(|part| words(&part.text))
        .map(|word| word.text)
        .collect();
    let mut whole = vec![String::new()];
    let mut is_changed = false;
    for piece in pieces {
        let better = if readable(&piece, reader, widening)? > 0 {
            Vec::new()
        } else {
            near(&piece, reader, widening)?
        };
        is_changed |= !better.is_empty();
        let choices = if better.is_empty() { vec![piece] } else { better };
        whole = whole
            .iter()
            .flat_map(|start| {
                choices
                    .iter()
                    .map(move |choice| format!("{start} {choice}").trim().to_owned())
            })
            .take(SUGGESTIONS_MAX)
            .collect();
    }
    if !is_changed {
        whole.clear();
    }
    Ok(whole)
}

/// Near spellings that the reader would find, the nearest and most frequent first.
fn near(word: &str, reader: &Reader, widening: &mut Widening<'_>) -> Result<Vec<String>, IndexError> {
    let mut candidates = BTreeSet::new();
    for first in [FirstLetter::Same, FirstLetter::Any] {
        for field in searched(widening) {
            candidates.extend(widening.near(field, word, first)?.iter().cloned());
        }
        if !candidates.is_empty() {
            break;
        }
    }
    let mut candidates: Vec<String> = candidates.into_iter().collect();
    candidates.retain(|candidate| candidate.chars().all(char::is_alphanumeric));
    candidates.sort_by_key(|candidate| strsim::osa_distance(word, candidate));
    let mut counted = Vec::new();
    for candidate in candidates.into_iter().take(CANDIDATES_MAX) {
        let count = readable(&candidate, reader, widening)?;
        if count > 0 {
            counted.push((
                strsim::osa_distance(word, &candidate),
                std::cmp::Reverse(count),
                candidate,
            ));
        }
    }
    counted.sort();
    Ok(counted
        .into_iter()
        .map(|(_, _, candidate)| candidate)
        .take(SUGGESTIONS_MAX)
        .collect())
}

/// How many documents with a word the reader may read.
fn readable(word: &str, reader: &Reader, widening: &Widening<'_>) -> Result<usize, IndexError> {
    let term = |field| TermQuery::new(Term::from_field_text(field, word), IndexRecordOption::Basic);
    let anywhere = searched(widening).map(|field| (Occur::Should, Box::new(term(field)) as _));
    let query = BooleanQuery::new(vec![
        (Occur::Must, gate_query(reader, widening.fields)),
        (Occur::Must, Box::new(BooleanQuery::new(anywhere.into()))),
    ]);
    Ok(widening.searcher.search(&query, &Count)?)
}

fn searched(widening: &Widening<'_>) -> [Field; 3] {
    [widening.fields.names, widening.fields.title, widening.fields.body]
}
