//! Notes on items, cases and persons.

use axum::http::StatusCode;
use serde_json::Value as Json;

use crate::domain::kind::{Kind, NOTE};
use crate::domain::value::{Fields, Value};
use crate::lanes::safe::ask::{Ask, Reader};
use crate::lanes::safe::given::no_such;
use crate::lanes::safe::router::Reply;
use crate::lanes::safe::wire::Book;
use crate::services::failure::Outcome;
use crate::views::words::List;

/// As notes bound it.
const CHARS_MAX: usize = 20_000;

/// The notes of a body that are new: `notes` is a text, or an array of texts and of `{noteCategoryId, text}`. Those that are
/// there come back as they were read; one that is not sent back stays.
pub(super) fn given(book: &Book<'_>, reader: &mut Reader<'_>, now: &Json) -> Outcome<Vec<Fields>> {
    let known = now["notes"].as_array().map_or(&[][..], Vec::as_slice);
    let notes = match reader.get("notes") {
        None => return Ok(Vec::new()),
        Some(Json::Array(notes)) => notes.as_slice(),
        Some(text @ Json::String(_)) => std::slice::from_ref(text),
        Some(_) => {
            reader.wrong("notes", "a text, or an array of {noteCategoryId, text}");
            return Ok(Vec::new());
        }
    };
    let mut new = Vec::new();
    for (place, note) in notes.iter().enumerate() {
        let name = format!("notes[{place}]");
        let mut fields = Fields::new();
        let said = match note {
            Json::String(text) => Some(text.clone()),
            Json::Object(_) => {
                let mut one = Reader::of(note, &format!("{}{name}.", reader.before()))?;
                let number = one.int("id").filter(|number| *number != 0);
                let text = one.needed_text("text");
                let category = match number {
                    Some(_) => None,
                    None => category(book, &mut one)?,
                };
                fields.extend(category.map(|word| ("category".to_owned(), Value::Text(word))));
                let before = known.iter().find(|note| note["id"].as_i64() == number);
                if number.is_some() && before.and_then(|note| note["text"].as_str()) != text.as_deref() {
                    one.wrong("text", "nothing else: a note that is there can't be changed");
                }
                let is_sound = one.faults.is_empty();
                reader.faults.append(&mut one.faults);
                text.filter(|_| is_sound && number.is_none())
            }
            _ => {
                reader.wrong(&name, "a text, or {noteCategoryId, text}");
                None
            }
        };
        let said = said.filter(|text| !text.trim().is_empty());
        let Some(text) =
            said.filter(|text| note.is_object() || known.iter().all(|note| note["text"] != **text))
        else {
            continue;
        };
        let control = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t');
        if text.chars().count() > CHARS_MAX || text.contains(control) {
            let expected = format!("at most {CHARS_MAX} characters, none of them a control character");
            reader.wrong(&name, expected);
            continue;
        }
        fields.insert("text".to_owned(), Value::Text(text));
        new.push(fields);
    }
    Ok(new)
}

/// The category that a note names; 0 is none.
fn category(book: &Book<'_>, note: &mut Reader<'_>) -> Outcome<Option<String>> {
    match note.is_none("noteCategoryId") {
        true => Ok(None),
        false => book.given_word(note, "noteCategoryId", List::NoteCategories),
    }
}

/// `{entityId, noteCategoryId, text}` on the record that the path names.
pub(super) fn add(ask: &Ask<'_>, kind: &'static Kind, what: &'static str) -> Outcome<Reply> {
    let services = &ask.lanes.services;
    let room = services.room(ask.caller())?;
    let book = Book::new(&room, ask.guest);
    let number = ask.number()?;
    let record = room.record(kind, number).map_err(no_such(what))?;
    let mut given = ask.object()?;
    if given
        .int("entityId")
        .is_some_and(|said| said != number && said != 0)
    {
        given.wrong("entityId", "the same id as in the path");
    }
    let text = given.needed_text("text");
    let category = category(&book, &mut given)?;
    given.finish()?;
    let mut fields = Fields::from([
        ("record_id".to_owned(), Value::Text(record.id.to_string())),
        ("text".to_owned(), Value::Text(text.unwrap_or_default())),
    ]);
    fields.extend(category.map(|word| ("category".to_owned(), Value::Text(word))));
    let written = services.create(ask.caller(), &NOTE, fields, None)?;
    let room = services.room(ask.caller())?;
    Ok(Reply {
        status: StatusCode::CREATED,
        body: Book::new(&room, ask.guest).note(written.first()?)?,
    })
}
