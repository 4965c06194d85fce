//! What happens: the root of subscriptions, and an event as a type. A subscription is answered twice: once when it begins, to
//! learn what it wants, and then about each thing that happened.

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::dynamic::{
    FieldValue, InputObject, InputValue, ObjectAccessor, ResolverContext, TypeRef, ValueAccessor,
};
use serde_json::{Value as Json, json};

use crate::domain::id::RecordId;
use crate::domain::kind::CASE;
use crate::lanes::graphql::schema::{
    Book, FieldDef, ROOTS, TypeDef, id_of, json_link, json_type, record_value, refuse_or, sitting, text_of,
};
use crate::lanes::http::ears::event;
use crate::services::events::{Filter, Notice, Wanted};
use crate::services::failure::{Failure, Outcome};

/// What a subscription wants to be told.
#[derive(Debug)]
pub(super) enum Wish {
    /// Events, after this one.
    Events(Filter, Option<u64>),
    /// A case, whenever it changes.
    Case(RecordId),
}

/// What the root of a subscription is asked about.
#[derive(Clone, Debug)]
pub(super) enum About {
    /// What it wants; it is put here.
    Wishes(Arc<Mutex<Vec<Wish>>>),
    /// This event.
    Event(Arc<Notice>),
    /// That the case changed which it names.
    Change,
}

/// Adds the root of subscriptions.
pub(in crate::lanes::graphql) fn add(book: &mut Book) {
    book.add(event_type());
    let texts = |ty: &str| TypeRef::named_nn_list(ty);
    let filter = InputObject::new("EventFilter")
        .description("Only those events.")
        .field(
            InputValue::new("eventTypes", texts(TypeRef::STRING))
                .description("Of these types; `*` stands for anything."),
        )
        .field(InputValue::new("caseIds", texts(TypeRef::ID)).description("Of these cases, by number or id."))
        .field(
            InputValue::new("entityIds", texts(TypeRef::ID))
                .description("Of these persons and things, by number or id."),
        )
        .field(
            InputValue::new("minSeverity", TypeRef::named(TypeRef::STRING))
                .description("As grave as this, or graver."),
        );
    book.add_input("EventFilter".to_owned(), filter);
    book.add(TypeDef {
        name: ROOTS[2].to_owned(),
        doc: "What is told as it happens, over the WebSocket `/graphql/ws`.".to_owned(),
        implements: Vec::new(),
        fields: vec![events(), investigation_changed()],
    });
}

fn events() -> FieldDef {
    let doc = "What happens: the same events, under the same ids and numbers, as from `/v1/events`.";
    let field = FieldDef::new("events", TypeRef::named("Event"), doc, |ctx| match about(&ctx) {
        Some(About::Wishes(wishes)) => refuse_or(&ctx, wanted(&ctx), |wish| {
            put(wishes, wish);
            None
        }),
        Some(About::Event(notice)) => {
            let told = Ok(event_json(notice));
            refuse_or(&ctx, told, |told| Some(FieldValue::owned_any(told)))
        }
        Some(About::Change) | None => refuse_or(&ctx, Ok(()), |()| None),
    });
    let after = "The `sequence` of the last one that you have: what came since is told first. Without it only what happens from now on.";
    field
        .argument("filter", TypeRef::named("EventFilter"), "Only those that are so.")
        .argument("after", TypeRef::named("Long"), after)
}

fn investigation_changed() -> FieldDef {
    let doc = "A case as it is then, each time that something happened to it or to what belongs to it.";
    let ty = TypeRef::named("Investigation");
    let field = FieldDef::new("investigationChanged", ty, doc, |ctx| {
        let found = sitting(&ctx).find(&CASE, &id_of(&ctx.args, "id"));
        refuse_or(&ctx, found, |found| match about(&ctx) {
            Some(About::Wishes(wishes)) => {
                put(wishes, Wish::Case(found.id));
                None
            }
            _ => Some(record_value(found, "Investigation")),
        })
    });
    field.argument(
        "id",
        TypeRef::named_nn(TypeRef::ID),
        "Its id, its number, or `ext:` and its external id.",
    )
}

fn about<'a>(ctx: &ResolverContext<'a>) -> Option<&'a About> {
    ctx.parent_value.downcast_ref::<About>()
}

fn put(wishes: &Mutex<Vec<Wish>>, wish: Wish) {
    wishes.lock().unwrap_or_else(PoisonError::into_inner).push(wish);
}

fn wanted(ctx: &ResolverContext<'_>) -> Outcome<Wish> {
    let mut wanted = Wanted::default();
    let filter = ctx.args.get("filter").filter(|filter| !filter.is_null());
    if let Some(filter) = filter.as_ref().and_then(|filter| filter.object().ok()) {
        wanted.types = words(&filter, "eventTypes");
        wanted.cases = words(&filter, "caseIds");
        wanted.entities = words(&filter, "entityIds");
        wanted.min_severity = text_of(&filter, "minSeverity").map(str::to_owned);
    }
    let after = ctx.args.get("after").filter(|after| !after.is_null());
    let after = after.map(|after| after.u64()).transpose();
    let after = after.map_err(|_| Failure::wrong("after", "a `sequence`"))?;
    Ok(Wish::Events(Filter::new(wanted)?, after))
}

/// A list of words, or the one word that stands for a list of one.
fn words(filter: &ObjectAccessor<'_>, name: &str) -> Vec<String> {
    let word = |given: &ValueAccessor<'_>| match given.string() {
        Ok(text) => Some(text.to_owned()),
        Err(_) => given.i64().ok().map(|number| number.to_string()),
    };
    let Some(given) = filter.get(name) else {
        return Vec::new();
    };
    match given.list() {
        Ok(list) => list.iter().filter_map(|given| word(&given)).collect(),
        Err(_) => word(&given).into_iter().collect(),
    }
}

/// The members of an event, and the records that it leads to.
fn event_type() -> TypeDef {
    let mut event = json_type(
        "Event",
        "Something that happened, as every way tells it.",
        &[
            ("eventType", "String!", "What happened."),
            ("caseId", "String", "The case, by number."),
            ("tenantId", "String!", "The agency."),
            ("severity", "String!", "How grave it is."),
            ("triggeredAt", "DateTime!", "When."),
            (
                "source",
                "String!",
                "Through what it came: a lane, or a part of the program.",
            ),
            ("entityIds", "[String", "Persons and things, by number."),
            ("reviewPath", "String", "The page where a person looks."),
            ("eventId", "ID!", "Its name, the same in every delivery."),
            (
                "sequence",
                "Long!",
                "Its place in the feed of this node, ascending.",
            ),
            ("node", "String!", "The log in which it arose."),
            ("actor", "String!", "Who, by the name that is shown."),
            ("evidenceIds", "[String", "Items of evidence, by number."),
            ("reportId", "String", "The report, by number."),
            ("data", "JSON!", "The record, and what changed in it."),
            ("schemaVersion", "Int!", "The version of this form."),
        ],
    );
    event.fields.push(json_link(
        "record",
        RECORD,
        "",
        "The record that it is about, as it is now.",
    ));
    event
        .fields
        .push(json_link("case", CASE_OF, CASE.name, "The case, as it is now."));
    event
}

/// Members beside those that are told.
const RECORD: &str = "recordOf";
const CASE_OF: &str = "caseOf";

fn event_json(notice: &Notice) -> Json {
    let mut told = event::json_of(notice);
    told[RECORD] = json!(notice.record.to_string());
    told[CASE_OF] = json!(notice.case.as_ref().map(|(id, _)| id.to_string()));
    told
}
