//! Notes on items, cases and persons.

use axum::http::StatusCode;

use crate::domain::kind::{Kind, NOTE};
use crate::domain::value::{Fields, Value};
use crate::lanes::safe::ask::Ask;
use crate::lanes::safe::given::no_such;
use crate::lanes::safe::router::Reply;
use crate::lanes::safe::wire::Book;
use crate::services::failure::Outcome;
use crate::views::words::List;

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
    let category = book.given_word(&mut given, "noteCategoryId", List::NoteCategories)?;
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
