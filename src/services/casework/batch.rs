//! Many records in one commit, each made or changed by its external id. Later rows can name earlier ones.

use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::kind::Kind;
use crate::domain::record::Record;
use crate::domain::value::{Fields, Value};
use crate::services::caller::Caller;
use crate::services::casebook::{by_external_id, put};
use crate::services::desk::Desk;
use crate::services::failure::{Clash, DUPLICATES, Failure, Fault, Outcome};
use crate::services::{RequestKey, Services};

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    /// What is made or changed.
    pub kind: &'static Kind,
    /// By which it is found; without one it is made.
    pub external_id: Option<String>,
    /// Its fields.
    pub data: Fields,
}

/// What became of a row.
#[derive(Clone, Debug)]
pub enum Became {
    /// It was made.
    Made(Arc<Record>),
    /// It was there, and is so now.
    Changed(Arc<Record>),
    /// It was refused, and left nothing.
    Refused(Failure),
}

/// What became of all rows, in their order.
#[derive(Clone, Debug)]
pub struct Batch {
    /// A result a row.
    pub rows: Vec<Became>,
    /// An earlier request with the same key did it.
    pub replayed: bool,
}

impl Services {
    /// Makes or changes all records, in one commit; a row can have failed already. `atomic`: a bad row refuses all.
    ///
    /// # Errors
    /// With `atomic`, the faults of all rows; else only what concerns the request as a whole.
    pub fn batch(
        &self,
        caller: &Caller,
        rows: Vec<Outcome<Row>>,
        atomic: bool,
        request: Option<RequestKey>,
    ) -> Outcome<Batch> {
        let results = Arc::new(Mutex::new(Vec::new()));
        let (filled, asked) = (Arc::clone(&results), rows.clone());
        let written = self.write(caller, "batch", request, move |desk| {
            let mut became = Vec::with_capacity(rows.len());
            for row in rows {
                became.push(match row {
                    Ok(row) => write_row(desk, row)?,
                    Err(failure) => Became::Refused(failure),
                });
            }
            if atomic {
                refuse_any(&became)?;
            }
            *filled.lock().unwrap_or_else(PoisonError::into_inner) = became;
            Ok(())
        })?;
        let rows = match written.replayed {
            true => self.as_before(caller, asked, &written.records)?,
            false => std::mem::take(&mut *results.lock().unwrap_or_else(PoisonError::into_inner)),
        };
        Ok(Batch {
            rows,
            replayed: written.replayed,
        })
    }

    /// The results of an earlier request: of what it wrote, the records as it left them; of what it refused or found as it
    /// should be, what the row comes to now, for only records are kept.
    fn as_before(
        &self,
        caller: &Caller,
        rows: Vec<Outcome<Row>>,
        records: &[Arc<Record>],
    ) -> Outcome<Vec<Became>> {
        let mut taken = vec![false; records.len()];
        let mut results = Vec::with_capacity(rows.len());
        for row in rows {
            let row = match row {
                Ok(row) => row,
                Err(failure) => {
                    results.push(Became::Refused(failure));
                    continue;
                }
            };
            let tried = match row.external_id {
                Some(_) => None,
                // Without a name a row is known by its place among those that were not refused.
                None => Some(self.tried(caller, row.clone())?),
            };
            results.push(match (tried, left_for(&row, records, &taken)) {
                (Some(refused @ Became::Refused(_)), _) => refused,
                (_, Some((place, record))) => {
                    taken[place] = true;
                    match record.version {
                        1 => Became::Made(Arc::clone(record)),
                        _ => Became::Changed(Arc::clone(record)),
                    }
                }
                (Some(_), None) => {
                    Became::Refused(Failure::wrong("data", "what was not refused the first time"))
                }
                (None, None) => self.tried(caller, row)?,
            });
        }
        Ok(results)
    }

    /// What a row would come to; nothing of it is kept.
    fn tried(&self, caller: &Caller, row: Row) -> Outcome<Became> {
        let (at_desk, limits) = (caller.clone(), self.watching.options.limits);
        self.store().write(move |session| {
            let mut desk = Desk::new(session, &at_desk, limits);
            let mut became = None;
            // Whatever is refused leaves nothing.
            let undone = desk.attempt(|desk| {
                became = Some(write_row(desk, row)?);
                Err::<(), _>(Failure::wrong(
                    "data",
                    "another row: this one was refused the first time",
                ))
            })?;
            match (became, undone) {
                (Some(became), Err(_)) => Ok(became),
                (None, Err(failure)) => Err(failure),
                (_, Ok(())) => Err(Failure::Internal("a row was tried and kept".into())),
            }
        })
    }
}

/// The record that an earlier request left for a row, and its place among them.
fn left_for<'r>(row: &Row, records: &'r [Arc<Record>], taken: &[bool]) -> Option<(usize, &'r Arc<Record>)> {
    let wanted = row.external_id.as_deref();
    let mut places = records.iter().enumerate();
    places.find(|(place, record)| {
        let own = record.text("external_id");
        let fits = wanted.map_or(own.is_none() && !taken[*place], |wanted| own == Some(wanted));
        record.kind == row.kind.name && fits
    })
}

fn write_row(desk: &mut Desk<'_, '_, '_>, row: Row) -> Outcome<Became> {
    let Row {
        kind,
        external_id,
        mut data,
    } = row;
    let tried = desk.attempt(|desk| {
        let known = match &external_id {
            Some(external_id) => by_external_id(desk, kind, external_id, &mut data)?,
            None => None,
        };
        Ok((put(desk, kind, known.as_ref(), None, data)?, known.is_some()))
    })?;
    Ok(match tried {
        Ok((record, true)) => Became::Changed(record),
        Ok((record, false)) => Became::Made(record),
        Err(failure @ (Failure::Internal(_) | Failure::Full | Failure::Stopping)) => return Err(failure),
        Err(failure) => Became::Refused(failure),
    })
}

/// All faults of all rows, each with its row, and what clashes beside them. Where rows do nothing but clash, in one way, the
/// clash; of other refusals the first.
fn refuse_any(rows: &[Became]) -> Outcome<()> {
    let (mut faults, mut clashes, mut other) = (Vec::new(), Vec::new(), None);
    let mut is_invalid = false;
    for (place, row) in rows.iter().enumerate() {
        let at = format!("data[{place}]");
        match row {
            Became::Refused(Failure::Invalid(own)) => {
                is_invalid = true;
                faults.extend(own.iter().map(|fault| Fault {
                    path: match fault.path.as_str() {
                        "" => at.clone(),
                        path => format!("{at}.{path}"),
                    },
                    ..fault.clone()
                }));
            }
            Became::Refused(Failure::Denied(rule)) => return Err(Failure::Denied(format!("{at}: {rule}"))),
            Became::Refused(Failure::Conflict(clash, text, about)) => {
                faults.extend(Fault::clashes(&at, (*clash, text, about)));
                clashes.push((at, *clash, text.as_str(), about));
            }
            Became::Refused(failure) => other = other.or(Some(failure.clone())),
            Became::Made(_) | Became::Changed(_) => {}
        }
    }
    let is_one_clash = clashes.iter().all(|(_, clash, ..)| *clash == clashes[0].1);
    match (faults.is_empty(), other) {
        (true, None) => Ok(()),
        (true, Some(other)) => Err(other),
        (false, _) if is_invalid || !is_one_clash => Err(Failure::Invalid(faults)),
        (false, _) => Err(clash_of(&clashes)),
    }
}

/// The clash of rows: each as its own says it, with its row.
fn clash_of(rows: &[(String, Clash, &str, &Fields)]) -> Failure {
    let Some((_, clash, ..)) = rows.first() else {
        return Failure::Internal("no row clashes".into());
    };
    let texts: Vec<String> = rows
        .iter()
        .map(|(at, _, text, _)| format!("{at}: {text}"))
        .collect();
    if let [(.., about)] = rows {
        return Failure::Conflict(*clash, texts.join("; "), (*about).clone());
    }
    let mut each = Vec::new();
    for (at, _, text, about) in rows {
        let one = [Value::Map((*about).clone())];
        let several = about.get(DUPLICATES).map_or(&one[..], Value::as_list);
        each.extend(several.iter().filter_map(Value::as_map).map(|own| {
            let text = own.get("message").and_then(Value::as_text).unwrap_or(text);
            let message = Value::Text(format!("{at}: {text}"));
            let mut says = own.clone();
            says.insert("message".to_owned(), message);
            Value::Map(says)
        }));
    }
    let existing = each.iter().find_map(|one| one.get("existing")).cloned();
    let about = existing.map(|id| ("existing".to_owned(), id));
    let each = (DUPLICATES.to_owned(), Value::List(each));
    Failure::Conflict(
        *clash,
        texts.join("; "),
        about.into_iter().chain([each]).collect(),
    )
}
