//! Who has an item of evidence, and how it came to them.

use std::sync::Arc;

use async_graphql::Value;
use async_graphql::dynamic::{FieldFuture, FieldValue, ResolverContext, TypeRef};

use crate::domain::custody::chain::{Chain, Entry};
use crate::domain::value::Value as Told;
use crate::lanes::graphql::schema::answer::{entry, plain, record, refuse_or, sitting};
use crate::lanes::graphql::schema::book::{Book, FieldDef, TypeDef};
use crate::lanes::graphql::schema::lists::{Item, ListDef};
use crate::lanes::graphql::schema::names::camel;
use crate::services::caller::VIA_API;

/// What an entry says beside what every one has.
const SAID: [&str; 9] = [
    "from",
    "to",
    "place",
    "reason",
    "note",
    "witness",
    "signature",
    "hash_before",
    "hash_after",
];

/// Adds the type of an entry.
pub(super) fn add(book: &mut Book) {
    let mut fields = of_step();
    fields.extend([
        FieldDef::new("evidence", TypeRef::named("Evidence"), "The item.", |ctx| {
            let item = entry(&ctx).map(|(_, item)| Arc::clone(item));
            FieldFuture::Value(item.map(FieldValue::owned_any))
        }),
        FieldDef::new(
            "case",
            TypeRef::named("Investigation"),
            "The item's case.",
            |ctx| {
                let case = entry(&ctx).map_or(Ok(None), |(_, item)| sitting(&ctx).case_of(item));
                refuse_or(&ctx, case, |case| case.map(FieldValue::owned_any))
            },
        ),
    ]);
    fields.extend(SAID.map(|name| {
        FieldDef::new(
            camel(name),
            TypeRef::named(TypeRef::STRING),
            "As it was said.",
            move |ctx| {
                let said = entry(&ctx).and_then(|(entry, _)| entry.value.get(name));
                FieldFuture::from_value(said.map(plain))
            },
        )
    }));
    book.add(TypeDef {
        name: "CustodyEntry".to_owned(),
        doc: "One step of a chain of custody.".to_owned(),
        implements: Vec::new(),
        fields,
    });
}

/// What an entry says of itself.
fn of_step() -> Vec<FieldDef> {
    vec![
        told(
            "id",
            TypeRef::named_nn(TypeRef::ID),
            "Its id, which the next one names.",
            |entry| Some(Value::String(entry.id.to_string())),
        ),
        told(
            "timestamp",
            TypeRef::named_nn("DateTime"),
            "When it happened, as far as that was said; else when it was recorded.",
            |entry| {
                let at = ["happened_at", "recorded_at"]
                    .into_iter()
                    .find_map(|name| entry.value.get(name));
                Some(at.map_or_else(|| Value::String(entry.hlc.millis().to_string()), plain))
            },
        ),
        told(
            "action",
            TypeRef::named_nn(TypeRef::STRING),
            "What was done.",
            |entry| Some(entry.value.get("action").map_or_else(|| Value::from(""), plain)),
        ),
        told(
            "actor",
            TypeRef::named_nn(TypeRef::STRING),
            "Who did it, and via which client.",
            |entry| Some(Value::String(actor(entry))),
        ),
        told(
            "recordedAt",
            TypeRef::named("DateTime"),
            "When it was recorded.",
            |entry| entry.value.get("recorded_at").map(plain),
        ),
        told(
            "happenedAt",
            TypeRef::named("DateTime"),
            "When it happened.",
            |entry| entry.value.get("happened_at").map(plain),
        ),
        told(
            "state",
            TypeRef::named_nn(TypeRef::STRING),
            "Where the item stood after it.",
            |entry| Some(Value::from(entry.after.state.as_str())),
        ),
        told(
            "follows",
            TypeRef::named_nn_list_nn(TypeRef::ID),
            "The entries before it.",
            |entry| {
                let ids = entry.follows.iter().map(|id| Value::String(id.to_string()));
                Some(Value::List(ids.collect()))
            },
        ),
        told(
            "faults",
            TypeRef::named_nn_list_nn(TypeRef::STRING),
            "What is wrong with it.",
            |entry| {
                let faults = entry.faults.iter().map(|fault| Value::String(fault.to_string()));
                Some(Value::List(faults.collect()))
            },
        ),
    ]
}

fn told(name: &str, ty: TypeRef, doc: &str, tell: fn(&Entry) -> Option<Value>) -> FieldDef {
    FieldDef::new(name, ty, doc, move |ctx| {
        FieldFuture::from_value(entry(&ctx).and_then(|(entry, _)| tell(entry)))
    })
}

/// `Sgt. Diaz via rest`.
fn actor(entry: &Entry) -> String {
    let said = |name: &str| entry.value.get(name).and_then(Told::as_text);
    let who = said("actor").unwrap_or_default();
    // The evidence room's clients are named so already.
    let who = who.strip_suffix(VIA_API).unwrap_or(who);
    match said("client") {
        Some(client) => format!("{who} via {client}"),
        None => who.to_owned(),
    }
}

/// The fields that an item's chain says.
pub(super) fn of_evidence(book: &mut Book) -> Vec<FieldDef> {
    fn of_chain(name: &str, ty: TypeRef, doc: &str, tell: fn(&Chain) -> Option<Value>) -> FieldDef {
        FieldDef::new(name, ty, doc, move |ctx: ResolverContext<'_>| {
            FieldFuture::from_value(record(&ctx).and_then(|item| tell(&Chain::of(item))))
        })
    }
    let text = || TypeRef::named(TypeRef::STRING);
    let mut fields = vec![
        of_chain("status", text(), "Where it stands in its chain.", |chain| {
            Some(Value::from(chain.now.state.as_str()))
        }),
        of_chain("holder", TypeRef::named("JSON"), "Who has it.", |chain| {
            chain.now.holder.as_ref().map(plain)
        }),
        of_chain(
            "isDisputed",
            TypeRef::named(TypeRef::BOOLEAN),
            "Two units said different things about it.",
            |chain| Some(Value::from(chain.disputed.is_some())),
        ),
        of_chain(
            "custodyFollows",
            TypeRef::named_nn_list_nn(TypeRef::ID),
            "What the next entry of its chain has to name.",
            |chain| {
                let heads = chain.heads.iter().map(|id| Value::String(id.to_string()));
                Some(Value::List(heads.collect()))
            },
        ),
    ];
    let doc = "Its number in the agency, ascending without a gap: evidence-room clients poll by it.";
    fields.push(FieldDef::new(
        "sequentialOrgId",
        TypeRef::named("Long"),
        doc,
        |ctx| {
            let number = record(&ctx).map_or(Ok(None), |item| sitting(&ctx).number_of(item));
            refuse_or(&ctx, number, |number| {
                Some(FieldValue::from(Value::from(number?)))
            })
        },
    ));
    let doc = "How it came to who has it now, the oldest entry first.";
    let chain = ListDef::new("chainOfCustody", "CustodyEntry", doc, |ctx, window| {
        let Some(item) = record(ctx) else {
            return window.of_whole(Vec::new());
        };
        let entries = Chain::of(item).entries.into_iter();
        window.of_whole(
            entries
                .map(|entry| Item::Entry(Box::new((entry, Arc::clone(item)))))
                .collect(),
        )
    });
    fields.extend(chain.of_parts().into_fields(book));
    fields
}
