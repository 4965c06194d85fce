//! Fields that a state machine guards: a case is closed, a report approved or rejected, by a step from the one version that
//! stands. An ordinary change of the field becomes that step here.

use crate::domain::kind::{Course, Field, Kind};
use crate::domain::operation::{Action, Change};
use crate::domain::record::Record;
use crate::domain::value::{Fields, Value};
use crate::services::failure::{Clash, Failure, Outcome};

/// The change that takes the field from where it stands to `value`.
///
/// # Errors
/// `Conflict` if several versions stand and a step can start from one only, or if the state machine has no such way.
pub(in crate::services) fn go_on(
    kind: &Kind,
    record: &Record,
    (field, course): (&'static Field, &Course),
    value: Value,
) -> Outcome<Change> {
    let change = change(record, (field, course), value);
    let standing = record.standing(field.name);
    let is_step = matches!(change.action, Action::Step(_));
    let differ = standing.iter().any(|version| version.value != standing[0].value);
    if is_step && standing.len() > 1 && (differ || record.has_steps(field.name)) {
        let text = format!(
            "several versions of the {} of this {} stand, by writers who did not know of each other: a supervisor settles \
             that first, at /v1/conflicts",
            field.name, kind.name
        );
        let ids = standing.iter().map(|version| Value::Text(version.id.to_string()));
        let meta = Fields::from([("versions".to_owned(), Value::List(ids.collect()))]);
        return Err(Failure::Conflict(Clash::State, text, meta));
    }
    refuse_way(kind, record.get(field.name), (field, course), &change)?;
    Ok(change)
}

/// The change by which a supervisor says what is true while several versions stand: it names all of them, and it is enough
/// that it says the same as one of them or can follow it.
///
/// # Errors
/// `Conflict` if it can't.
pub(in crate::services) fn settle(
    kind: &Kind,
    record: &Record,
    (field, course): (&'static Field, &Course),
    value: Value,
) -> Outcome<Change> {
    let change = change(record, (field, course), value);
    let sides = record.standing(field.name).into_iter();
    let judged = sides.map(|side| refuse_way(kind, Some(&side.value), (field, course), &change));
    // The first side that it can follow, else why it can't follow the last one.
    let judged = judged.reduce(|so_far, next| if so_far.is_ok() { so_far } else { next });
    judged.unwrap_or(Ok(())).map(|()| change)
}

fn change(record: &Record, (field, course): (&'static Field, &Course), value: Value) -> Change {
    let standing = record.standing(field.name);
    let is_guarded = |value: &Value| value.as_text().is_some_and(|word| course.is_guarded(word));
    let is_step = record.has_steps(field.name)
        || is_guarded(&value)
        || standing.iter().any(|version| is_guarded(&version.value));
    let seen = standing.iter().map(|version| version.id).collect();
    let action = match is_step {
        true => Action::Step(value),
        false => Action::Set(value),
    };
    Change::new(field.name, action).seeing(seen)
}

/// Refuses what the state machine does not have. What is not said, or in a word unknown here, leads anywhere.
fn refuse_way(
    kind: &Kind,
    from: Option<&Value>,
    (field, course): (&'static Field, &Course),
    change: &Change,
) -> Outcome<()> {
    let (Action::Step(to) | Action::Set(to)) = &change.action else {
        return Ok(());
    };
    let (Some(from), to) = (from.and_then(Value::as_text), to.as_text()) else {
        return Ok(());
    };
    let Some(after) = course.after(from) else {
        return Ok(());
    };
    let allowed = match to {
        Some(to) => to == from || after.contains(&to),
        None => !course.is_guarded(from),
    };
    if allowed {
        return Ok(());
    }
    let to = to.unwrap_or("nothing");
    let rest = match after {
        [] => "it stays so".to_owned(),
        words => format!("from there it can become {}", words.join(", ")),
    };
    let text = format!(
        "the {} of this {} is {from} and can't become {to}: {rest}",
        field.name, kind.name
    );
    Err(Failure::Conflict(Clash::State, text, Fields::new()))
}
