//! Which records have to be read for a search: those that the rows of one criterion name, if any criterion has rows. What is
//! read is judged by every criterion all the same.

use crate::domain::id::RecordId;
use crate::domain::kind::{CASE, ENTITY, EVIDENCE, Kind, LOCATION, OFFICE, USER};
use crate::lanes::safe::search::criterion::{Bound, Criterion, compared};
use crate::lanes::safe::wire::Book;
use crate::services::failure::Outcome;
use crate::services::safe::words;
use crate::views::index::Order;
use crate::views::records;
use crate::views::words::{self as word_rows, List};

/// Rows by which records are found of which a member is known.
#[derive(Clone, Copy)]
enum By {
    /// The member is the number of the record.
    Number,
    /// It is the number of a record of this kind, which the field of that name leads to.
    Link(&'static Kind, &'static str),
    /// It is a word of a list of few, as it was written.
    Word(List),
    /// It is a word of a list that is in lower case.
    Lower(List),
    /// It is a word of such a list, for a record that the field of that name leads to.
    Through(List, &'static str),
    /// It is the number of a word of a list.
    NumberOfWord(List),
    /// It is a time in which records are in order.
    Time(Order),
}

/// Members with rows, by the kind of the object, in lower case.
const ROWS: &[(&Kind, &str, By)] = &[
    (&EVIDENCE, "id", By::Number),
    (&EVIDENCE, "sqlid", By::Number),
    (&EVIDENCE, "sequentialorgid", By::Number),
    (&EVIDENCE, "primarycaseid", By::Link(&CASE, "case_id")),
    (&EVIDENCE, "cases", By::Link(&CASE, "case_id")),
    (
        &EVIDENCE,
        "primarycasenumber",
        By::Through(List::CaseNumbers, "case_id"),
    ),
    (&EVIDENCE, "locationid", By::Link(&LOCATION, "location_id")),
    (&EVIDENCE, "category", By::Word(List::Categories)),
    (&EVIDENCE, "categoryid", By::NumberOfWord(List::Categories)),
    (&EVIDENCE, "datecreated", By::Time(Order::Created)),
    (&EVIDENCE, "updateddatetime", By::Time(Order::Updated)),
    (&CASE, "id", By::Number),
    (&CASE, "casenumber", By::Lower(List::CaseNumbers)),
    (&CASE, "caseofficer", By::Through(List::Users, "officers")),
    (&CASE, "caseofficers", By::Through(List::Users, "officers")),
    (&CASE, "caseofficerid", By::Link(&USER, "officers")),
    (&CASE, "caseofficerids", By::Link(&USER, "officers")),
    (&CASE, "officeid", By::Link(&OFFICE, "office_id")),
    (&CASE, "offensetype", By::Word(List::Offenses)),
    (&CASE, "offensetypeid", By::NumberOfWord(List::Offenses)),
    (&CASE, "createddate", By::Time(Order::Created)),
    (&ENTITY, "id", By::Number),
    (&ENTITY, "lastname", By::Lower(List::LastNames)),
    (&ENTITY, "businessname", By::Lower(List::Businesses)),
    (&ENTITY, "email", By::Lower(List::Emails)),
    (&ENTITY, "driverlicence", By::Lower(List::Licences)),
    (&ENTITY, "createdatetime", By::Time(Order::Created)),
    (&ENTITY, "updateddatetime", By::Time(Order::Updated)),
];

/// The records that the criterion with the fewest names; `None` where none of them has rows.
pub(super) fn narrowed(
    book: &Book<'_>,
    kind: &'static Kind,
    criteria: &[Criterion],
) -> Outcome<Option<Vec<RecordId>>> {
    let mut fewest: Option<Vec<RecordId>> = None;
    for criterion in criteria {
        let is_meant = |row: &&(&Kind, &str, By)| {
            row.0.name == kind.name && row.1.eq_ignore_ascii_case(&criterion.field)
        };
        let (Some((_, _, by)), Some(bound)) = (ROWS.iter().find(is_meant), criterion.bound()) else {
            continue;
        };
        let Some(named) = named(book, kind, (*by, bound))? else {
            continue;
        };
        if fewest.as_ref().is_none_or(|fewest| named.len() < fewest.len()) {
            fewest = Some(named);
        }
    }
    Ok(fewest)
}

/// The records that such rows name for a bound.
fn named(
    book: &Book<'_>,
    kind: &'static Kind,
    (by, bound): (By, Bound<'_>),
) -> Outcome<Option<Vec<RecordId>>> {
    let (room, tenant) = (book.room, book.room.caller.tenant());
    // A number in any other spelling is that of nothing.
    let number = |text: &str| {
        text.parse::<i64>()
            .ok()
            .filter(|number| number.to_string() == text)
    };
    let found = match (by, bound) {
        (By::Number, Bound::Is(text)) => {
            let id = number(text).map(|number| room.id_of(kind, number)).transpose()?;
            id.flatten().into_iter().collect()
        }
        (By::Link(to, field), Bound::Is(text)) => {
            let id = number(text).map(|number| room.id_of(to, number)).transpose()?;
            match id.flatten() {
                Some(id) => book.naming(id, kind, field)?,
                None => Vec::new(),
            }
        }
        (By::Word(list), Bound::Is(text)) => with_words(book, list, |word| compared(word) == text)?,
        (By::Word(list), Bound::Begins(text)) => {
            with_words(book, list, |word| compared(word).starts_with(text))?
        }
        (By::Word(list), Bound::Contains(text)) => {
            with_words(book, list, |word| compared(word).contains(text))?
        }
        (By::Lower(list), bound) => match with_lower(book, list, &bound)? {
            Some(found) => found,
            None => return Ok(None),
        },
        (By::Through(list, field), bound) => {
            let Some(named) = with_lower(book, list, &bound)? else {
                return Ok(None);
            };
            let mut found = Vec::new();
            for id in named {
                found.extend(book.naming(id, kind, field)?);
            }
            once(found)
        }
        (By::NumberOfWord(list), Bound::Is(text)) => {
            let number = number(text);
            with_words(book, list, |word| Some(words::number_of(list, word)) == number)?
        }
        (By::Time(order), Bound::Within(first, last)) => {
            records::between(&room.rows, (tenant, kind), order, (first, last))?
        }
        _ => return Ok(None),
    };
    Ok(Some(found))
}

/// The records with such a word of a list that is in lower case, each once; `None` for what says nothing of a text.
fn with_lower(book: &Book<'_>, list: List, bound: &Bound<'_>) -> Outcome<Option<Vec<RecordId>>> {
    let (rows, tenant) = (&book.room.rows, book.room.caller.tenant());
    let found = match bound {
        Bound::Is(text) => word_rows::records(rows, tenant, list, text)?,
        Bound::Contains(text) => word_rows::containing(rows, tenant, list, text)?,
        Bound::Begins(text) => {
            let mut found = Vec::new();
            word_rows::beginning(rows, tenant, list, text, &mut |id| {
                found.push(id);
                true
            })?;
            found
        }
        Bound::Within(..) => return Ok(None),
    };
    Ok(Some(once(found)))
}

/// The records with a word of a list for which something holds, each once.
fn with_words(book: &Book<'_>, list: List, holds: impl Fn(&str) -> bool) -> Outcome<Vec<RecordId>> {
    let (rows, tenant) = (&book.room.rows, book.room.caller.tenant());
    let mut found = Vec::new();
    for word in word_rows::all(rows, tenant, list)? {
        if holds(&word) {
            found.extend(word_rows::records(rows, tenant, list, &word)?);
        }
    }
    Ok(once(found))
}

fn once(mut ids: Vec<RecordId>) -> Vec<RecordId> {
    ids.sort_unstable();
    ids.dedup();
    ids
}
