//! What clients give by number, as the records and words that it stands for; what is filled in of forms; tags.

use serde_json::Value as Json;

use crate::domain::id::RecordId;
use crate::domain::kind::{Kind, LOCATION, OFFICE, USER};
use crate::domain::matching::fold::composed;
use crate::domain::record::Record;
use crate::domain::value::{Fields, Value};
use crate::lanes::safe::ask::{Ask, Reader, lowered, time_of};
use crate::lanes::safe::items::write::refuse_stale;
use crate::lanes::safe::wire::Book;
use crate::services::failure::{Clash, Failure, Outcome};
use crate::services::safe::words;
use crate::views::words::List;

/// Members of an item that stand among what is filled in of it.
pub(super) const MEMBERS: [(&str, &str); 3] = [
    ("make", "make"),
    ("model", "model"),
    ("serialNumber", "serial_number"),
];

impl Book<'_> {
    /// The record that a member of the body names by its number.
    pub(super) fn given(
        &self,
        reader: &mut Reader<'_>,
        name: &str,
        kind: &'static Kind,
    ) -> Outcome<Option<Record>> {
        match reader.int(name) {
            Some(number) => self.given_number(reader, name, (kind, number)),
            None => Ok(None),
        }
    }

    /// The record of a number; that there is none is a fault of the member.
    pub(super) fn given_number(
        &self,
        reader: &mut Reader<'_>,
        name: &str,
        (kind, number): (&'static Kind, i64),
    ) -> Outcome<Option<Record>> {
        let id = self.room.id_of(kind, number)?;
        let record = id.map(|id| self.room.seen(kind, id)).transpose()?.flatten();
        if record.is_none() {
            reader.wrong(name, format!("no such {}", kind.name));
        }
        Ok(record)
    }

    /// A user by number; 0 is the caller.
    pub(super) fn given_user(
        &self,
        reader: &mut Reader<'_>,
        name: &str,
    ) -> Outcome<Option<(RecordId, String)>> {
        let user = match reader.int(name) {
            None => return Ok(None),
            Some(0) => match self.room.caller.record() {
                Some(own) => self.room.seen(&USER, own)?,
                None => None,
            },
            Some(number) => self.given_number(reader, name, (&USER, number))?,
        };
        Ok(user.map(|user| (user.id, user.text("name").unwrap_or_default().to_owned())))
    }

    /// The office of the body, by number.
    pub(super) fn given_office(&self, reader: &mut Reader<'_>) -> Outcome<Option<RecordId>> {
        Ok(self.given(reader, "officeId", &OFFICE)?.map(|office| office.id))
    }

    /// A location by number, with the way to it.
    pub(super) fn given_location(
        &self,
        reader: &mut Reader<'_>,
        name: &str,
    ) -> Outcome<Option<(RecordId, String)>> {
        let Some(location) = self.given(reader, name, &LOCATION)? else {
            return Ok(None);
        };
        Ok(Some((location.id, self.full_location(&location)?)))
    }

    /// A word of a list by number.
    pub(super) fn given_word(
        &self,
        reader: &mut Reader<'_>,
        name: &str,
        list: List,
    ) -> Outcome<Option<String>> {
        let Some(number) = reader.int(name) else {
            return Ok(None);
        };
        let word = words::word_of(&self.room.rows, self.room.caller, list, number)?;
        if word.is_none() {
            reader.wrong(name, "no such id in its list");
        }
        Ok(word)
    }

    /// What is filled in after what was given: members that are named are replaced, the others stay.
    pub(super) fn given_forms(
        &self,
        reader: &mut Reader<'_>,
        (about, before): (&str, Option<&Value>),
    ) -> Outcome<Option<Fields>> {
        let mut filled = before.and_then(Value::as_map).cloned().unwrap_or_default();
        let given = match reader.get("formData") {
            None if reader.names("formData") => &[],
            None => return Ok(None),
            Some(Json::Array(given)) => given.as_slice(),
            Some(_) => {
                reader.wrong("formData", "an array of form data");
                return Ok(None);
            }
        };
        if given.is_empty() {
            // Nothing is filled in any more, but for what items have as members of their own.
            filled.retain(|name, _| about == "items" && MEMBERS.iter().any(|(_, own)| own == name));
        }
        for (place, one) in given.iter().enumerate() {
            let Some(data) = data_of(one) else {
                reader.wrong(
                    &format!("formData[{place}].data"),
                    "a text that contains a JSON object",
                );
                continue;
            };
            let number = one["formid"].as_i64().unwrap_or(0);
            let form = self
                .forms()?
                .iter()
                .find(|form| form.number == number && form.about == about);
            if number != 0 && form.is_none() {
                reader.wrong(
                    &format!("formData[{place}].formId"),
                    format!("no such form of {about}"),
                );
                continue;
            }
            for (name, value) in data {
                let stable = form.map_or(name.as_str(), |form| form.stable(&name)).to_owned();
                match value {
                    Json::Null => drop(filled.remove(&stable)),
                    value => drop(filled.insert(stable, value.into())),
                }
            }
        }
        Ok(Some(filled))
    }
}

/// What a form's text contains; an object in its place is taken too.
fn data_of(form: &Json) -> Option<serde_json::Map<String, Json>> {
    let data = match form.get("data")? {
        Json::String(text) => serde_json::from_str(text).ok()?,
        other => other.clone(),
    };
    match data {
        Json::Object(map) => Some(map),
        Json::Null => Some(serde_json::Map::new()),
        _ => None,
    }
}

/// The names of tags: `{tagModelId, name}`, or texts; `null` is none.
pub(super) fn tags(reader: &mut Reader<'_>) -> Option<Value> {
    let Some(given) = reader.get("tags") else {
        return reader.names("tags").then(|| Value::List(Vec::new()));
    };
    let names: Option<Vec<Value>> = given.as_array().and_then(|tags| {
        let name = |tag: &Json| tag.as_str().or_else(|| tag["name"].as_str()).map(Value::text);
        tags.iter().map(name).collect()
    });
    if names.is_none() {
        reader.wrong("tags", "an array of {tagModelId, name}");
    }
    names.map(Value::List)
}

/// Whether the body gives a member another value than it has.
pub(super) fn differs(given: &Reader<'_>, now: &Json, name: &str) -> bool {
    given.names(name) && !same(name, given.get(name).unwrap_or(&Json::Null), &now[name])
}

/// Numbers may come as texts, times in another form, and nothing as an empty text, as no members or as the id 0.
fn same(name: &str, given: &Json, now: &Json) -> bool {
    let plain = |json: &Json| match json {
        Json::String(text) => composed(text.trim()).into_owned(),
        Json::Array(list) if list.is_empty() => String::new(),
        Json::Null => String::new(),
        other => other.to_string(),
    };
    let number = |json: &Json| json.as_f64();
    let is_time = name.ends_with("Date") || name.ends_with("DateTime") || name == "dob";
    let time = |json: &Json| json.as_str().filter(|_| is_time).and_then(time_of);
    let now = lowered(now.clone());
    *given == now
        || plain(given) == plain(&now)
        || number(given).is_some_and(|one| number(&now) == Some(one))
        || time(given).is_some_and(|at| time(&now) == Some(at))
        || (now.is_null() && name.ends_with("Id") && plain(given) == "0")
}

/// Members that clients read and that can't be changed, each with what is to be done instead.
pub(super) type Fixed = &'static [(&'static str, &'static str)];

/// Words and names beside the ids that they stand for.
pub(super) type Labels = &'static [(&'static str, &'static [&'static str])];

/// Refuses what the body changes and what can't be changed; a member that is sent back as it was read is no change.
pub(super) fn refuse_changes(given: &mut Reader<'_>, now: &Json, (fixed, labels): (Fixed, Labels)) {
    for (name, instead) in fixed {
        if differs(given, now, name) {
            given.wrong(name, format!("nothing else: {instead}"));
        }
    }
    for (name, of) in labels {
        if differs(given, now, name) && !of.iter().any(|of| differs(given, now, of)) {
            given.wrong(name, format!("nothing else: {} says it", of.join(", ")));
        }
    }
}

/// How a record is told; `None` if it is nothing of which these clients know.
pub(super) type Told = fn(&Book<'_>, &Record) -> Outcome<Option<Json>>;

/// What each change begins with: the record that the path names, as it is told now. The body must have been read of that.
pub(super) fn to_change(
    ask: &Ask<'_>,
    book: &Book<'_>,
    (kind, what): (&'static Kind, &'static str),
    (told, given): (Told, &mut Reader<'_>),
) -> Outcome<(Record, Json)> {
    let record = book.room.record(kind, ask.number()?).map_err(no_such(what))?;
    let now = told(book, &record)?.ok_or(Failure::Unknown(what))?;
    refuse_stale(given, &record)?;
    Ok((record, now))
}

/// A failure that names a record of its kind, as these clients call it.
pub(super) fn no_such(what: &'static str) -> impl Fn(Failure) -> Failure {
    move |failure| match failure {
        Failure::Unknown(_) => Failure::Unknown(what),
        failure => failure,
    }
}

/// A clash with what is there, under this word.
pub(super) fn twin(failure: Failure, word: &str) -> Failure {
    let Failure::Conflict(Clash::Duplicate, text, mut about) = failure else {
        return failure;
    };
    let existing = about.remove("existing").unwrap_or(Value::List(Vec::new()));
    let meta = Fields::from([
        ("error".to_owned(), Value::text(word)),
        ("existing".to_owned(), existing),
    ]);
    Failure::Conflict(Clash::Duplicate, text, meta)
}
