//! What writers disagree about, at its record and as a list over all records.

use async_graphql::Value;
use async_graphql::dynamic::{FieldFuture, FieldValue, ResolverContext, TypeRef};
use serde_json::{Map, Value as Json, json};

use crate::domain::kind::{self, Kind};
use crate::domain::record::Record;
use crate::lanes::graphql::schema::answer::{record, record_value, refuse_or, sitting};
use crate::lanes::graphql::schema::book::{Book, FieldDef, TypeDef};
use crate::lanes::graphql::schema::lists::{ITEMS, Item, ListDef, Listed};
use crate::lanes::http::lists::cursor;
use crate::lanes::http::wire::{conflicts, violations};
use crate::services::casework::conflicts::Wanted;

/// Adds the type.
pub(super) fn add(book: &mut Book) {
    book.add(TypeDef {
        name: "Conflict".to_owned(),
        doc: "A field about which writers disagree; a person settles it, naming all versions.".to_owned(),
        implements: Vec::new(),
        fields: vec![
            text("field", "The field, as changes and settlements name it."),
            FieldDef::new(
                "isViolation",
                TypeRef::named_nn(TypeRef::BOOLEAN),
                "The field is written once and was given another value elsewhere; the first one stays.",
                |ctx| FieldFuture::from_value(json(&ctx)["isViolation"].as_bool().map(Value::from)),
            ),
            FieldDef::new(
                "versions",
                TypeRef::named_nn_list_nn("ConflictVersion"),
                "Every version that is alive.",
                |ctx| {
                    let versions = json(&ctx)["versions"].as_array().into_iter().flatten();
                    let versions = versions.map(|version| FieldValue::owned_any(version.clone()));
                    FieldFuture::Value(Some(FieldValue::list(versions)))
                },
            ),
            FieldDef::new("record", TypeRef::named("Record"), "The record.", |ctx| {
                let id = json(&ctx)["record"].as_str().and_then(|id| id.parse().ok());
                let found = id.map_or(Ok(None), |id| sitting(&ctx).get(id));
                refuse_or(&ctx, found, |found| {
                    found.map(|found| record_value(found, "Record"))
                })
            }),
        ],
    });
    book.add(TypeDef {
        name: "ConflictVersion".to_owned(),
        doc: "One version of a field.".to_owned(),
        implements: Vec::new(),
        fields: vec![
            text("version", "Its id, which a settlement names."),
            FieldDef::new("value", TypeRef::named("JSON"), "What it says.", |ctx| {
                FieldFuture::from_value(Value::from_json(json(&ctx)["value"].clone()).ok())
            }),
            text("writtenAt", "When it was written."),
        ],
    });
}

/// The JSON whose member is asked for.
pub(super) fn json<'a>(ctx: &ResolverContext<'a>) -> &'a Json {
    ctx.parent_value.downcast_ref::<Json>().unwrap_or(&Json::Null)
}

/// A member that is a text; it must be there.
pub(super) fn text(name: &'static str, doc: &str) -> FieldDef {
    FieldDef::new(name, TypeRef::named_nn(TypeRef::STRING), doc, move |ctx| {
        FieldFuture::from_value(Some(Value::from(json(&ctx)[name].as_str().unwrap_or_default())))
    })
}

/// The conflicts of a record.
pub(super) fn of_record(book: &mut Book, kind: &'static Kind) -> Vec<FieldDef> {
    let doc = "What writers disagree about.";
    let list = ListDef::new("conflicts", "Conflict", doc, move |ctx, window| {
        let items = record(ctx).map_or_else(Vec::new, |record| items(record, kind));
        window.of_whole(items)
    });
    list.of_parts().into_fields(book).into()
}

fn items(record: &Record, kind: &Kind) -> Vec<Item> {
    let item = |(field, versions): (String, Json), is_violation: bool| {
        let versions = versions.as_array().cloned().unwrap_or_default().into_iter();
        let versions: Vec<Json> = versions.map(camel_version).collect();
        Item::Json(json!({
            "field": field, "versions": versions, "isViolation": is_violation,
            "record": record.id.to_string(),
        }))
    };
    let told = |told: Map<String, Json>, is_violation: bool| {
        told.into_iter().map(move |entry| (entry, is_violation))
    };
    let all = told(conflicts(record, kind), false).chain(told(violations(record, kind), true));
    all.map(|(entry, is_violation)| item(entry, is_violation))
        .collect()
}

fn camel_version(mut version: Json) -> Json {
    let at = version["written_at"].take();
    version["writtenAt"] = at;
    version
}

/// The root: over all records, those changed last first. A cursor is that of a record, so a page holds all of each.
pub(super) fn root(book: &mut Book) -> Vec<FieldDef> {
    let doc = "What writers disagree about, of all records, those changed last first.";
    let list = ListDef::new("conflicts", "Conflict", doc, |ctx, window| {
        let text = |name: &str| {
            let given = ctx.args.get(name).and_then(|given| given.string().ok());
            given.map(str::to_owned)
        };
        let sitting = sitting(ctx);
        let mut wanted = Wanted {
            kind: text("kind"),
            record: text("recordId"),
            case: text("caseId"),
            field: text("field"),
            after: None,
            limit: window.limit.unwrap_or(ITEMS),
        };
        let said = format!(
            "{:?}",
            (&wanted.kind, &wanted.record, &wanted.case, &wanted.field)
        );
        let identity = [sitting.caller().tenant().as_str(), "conflicts", &said];
        wanted.after = window
            .after
            .as_ref()
            .map(|after| cursor::decode(&identity, after))
            .transpose()?;
        let rows = sitting.rows()?;
        let (records, next) = sitting
            .services()
            .conflicts_in(&rows, sitting.caller(), &wanted)?;
        let end = next.map(|place| cursor::encode(&identity, &place));
        let mut listed = Listed::default();
        for record in &records {
            let Some(kind) = kind::kind(&record.kind) else {
                continue;
            };
            let cursor = end.clone().unwrap_or_default();
            listed
                .items
                .extend(items(record, kind).into_iter().map(|item| (item, cursor.clone())));
        }
        listed.has_next = end.is_some();
        listed.end = end;
        Ok(listed)
    });
    let text = || TypeRef::named(TypeRef::STRING);
    let list = list
        .argument(
            "kind",
            text(),
            "Only of records of this kind, as in `/v1/conflicts`.",
        )
        .argument("recordId", TypeRef::named(TypeRef::ID), "Only of this record.")
        .argument(
            "caseId",
            TypeRef::named(TypeRef::ID),
            "Only of this case and what belongs to it.",
        )
        .argument("field", text(), "Only about this field.");
    list.into_fields(book).into()
}
