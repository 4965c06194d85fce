//! One box over all records, and the audit log.

use async_graphql::dynamic::TypeRef;
use serde_json::{Map, Value as Json, json};

use crate::lanes::graphql::schema::answer::sitting;
use crate::lanes::graphql::schema::book::{Book, FieldDef};
use crate::lanes::graphql::schema::lists::{ITEMS, Item, ListDef, Listed};
use crate::lanes::graphql::schema::roots::{json_link, json_type, text_of};
use crate::lanes::graphql::schema::{finder, names::camel};
use crate::lanes::http::lists::cursor;
use crate::search::page::Hit;
use crate::services::audit::reader::{AuditEntry, AuditFilter};
use crate::services::failure::{Failure, Outcome};
use crate::services::search;

/// Name, type and meaning of a member.
type Told = (&'static str, &'static str, &'static str);

const HIT: [Told; 8] = [
    ("kind", "String", "What it is."),
    ("id", "ID", "The record."),
    ("displayId", "String", "Its number for people."),
    ("title", "String", "One line, as it is; not HTML."),
    (
        "snippet",
        "String",
        "The best part of the text as HTML, with what matched in `<mark>`.",
    ),
    ("score", "Int", "More is better; comparable within one search."),
    ("matchedBy", "[String", "Why it was found, the best reason first."),
    ("caseIds", "[ID", "Its cases, by internal id and by number."),
];

const ENTRY: [Told; 12] = [
    ("id", "ID", "Its place in the signed audit log."),
    ("at", "DateTime", "When."),
    (
        "actor",
        "String",
        "Who: `user:<id>`, `key:<id>`, `owner` or `stranger`.",
    ),
    ("client", "String", "Through what."),
    ("recordId", "ID", "About which record."),
    ("event", "String", "What."),
    ("outcome", "String", "What came of it."),
    ("lane", "String", "How it came in."),
    (
        "requestId",
        "String",
        "By which the request is found in the log of the box.",
    ),
    ("address", "String", "From where."),
    (
        "count",
        "Int",
        "How many more equal ones came within the second before.",
    ),
    ("details", "JSON", "What else it says."),
];

/// The roots `search` and `auditEntries`.
pub(super) fn root(book: &mut Book) -> Vec<FieldDef> {
    let mut hit = json_type("SearchHit", "Something that was found.", &HIT);
    hit.fields
        .push(json_link("record", "id", "", "The record itself."));
    book.add(hit);
    let search = ListDef::new(
        "search",
        "SearchHit",
        "Finds records in all kinds.",
        |ctx, window| {
            let mut wanted = search::Ask {
                text: text_of(&ctx.args, "query").unwrap_or_default().to_owned(),
                case_id: text_of(&ctx.args, "caseId").map(str::to_owned),
                cursor: window.after.clone(),
                reason: text_of(&ctx.args, "reason").map(str::to_owned),
                ..search::Ask::default()
            };
            wanted.limit = window.limit.unwrap_or(wanted.limit);
            let kinds = ctx.args.get("kinds").and_then(|kinds| kinds.list().ok());
            for kind in kinds.iter().flat_map(|kinds| kinds.iter()) {
                wanted.kinds.extend(kind.string().ok().map(str::to_owned));
            }
            let search::Answer { page, .. } = finder(ctx)
                .search(sitting(ctx).caller(), &wanted)
                .map_err(|failure| failure.renamed("q", "query").renamed("kind", "kinds"))?;
            let end = page.cursor.clone();
            let items = page
                .hits
                .iter()
                .map(|hit| (Item::Json(hit_json(hit)), end.clone().unwrap_or_default()));
            Ok(Listed {
                items: items.collect(),
                has_next: end.is_some(),
                total: Some(page.total),
                end,
            })
        },
    );
    let text = || TypeRef::named(TypeRef::STRING);
    let search = search
        .argument(
            "query",
            TypeRef::named_nn(TypeRef::STRING),
            "Words, names, plates, phones, ids.",
        )
        .argument(
            "kinds",
            TypeRef::named_nn_list(TypeRef::STRING),
            "Only these kinds, as in `/v1/search`.",
        )
        .argument(
            "caseId",
            TypeRef::named(TypeRef::ID),
            "Only what belongs to this case.",
        )
        .argument("reason", text(), "Why, for the audit.");
    let mut fields: Vec<FieldDef> = search.into_fields(book).into();
    fields.extend(audit(book));
    fields
}

fn hit_json(hit: &Hit) -> Json {
    let matched_by: Vec<&str> = hit.matched_by.iter().map(|reason| reason.as_str()).collect();
    json!({
        "kind": hit.kind, "id": hit.id.to_string(), "displayId": hit.display_id, "title": hit.title,
        "snippet": hit.snippet, "score": hit.score, "matchedBy": matched_by, "caseIds": hit.case_ids,
    })
}

fn audit(book: &mut Book) -> [FieldDef; 2] {
    let mut entry = json_type("AuditEntry", "Who did or asked what.", &ENTRY);
    entry.fields.push(json_link(
        "record",
        "recordId",
        "",
        "The record, as far as it may be read.",
    ));
    book.add(entry);
    let doc = "The audit log of the agency, the newest entry first.";
    let list = ListDef::new("auditEntries", "AuditEntry", doc, |ctx, window| {
        let filter = audit_filter(ctx)?;
        let sitting = sitting(ctx);
        let said = format!("{} {filter:?}", sitting.caller().tenant());
        let identity = ["audit", &said];
        let after = window
            .after
            .as_ref()
            .map(|after| cursor::decode(&identity, after))
            .transpose()?;
        let limit = window.limit.unwrap_or(ITEMS);
        let page = sitting
            .services()
            .audit(sitting.caller(), &filter, after.as_deref(), limit)?;
        let end = page.next.map(|place| cursor::encode(&identity, &place));
        let items = page
            .entries
            .iter()
            .map(|entry| (Item::Json(entry_json(entry)), end.clone().unwrap_or_default()));
        Ok(Listed {
            items: items.collect(),
            has_next: end.is_some(),
            end,
            total: None,
        })
    });
    let text = || TypeRef::named(TypeRef::STRING);
    list.argument("event", text(), "Only of this event.")
        .argument("outcome", text(), "Only of this outcome.")
        .argument("actor", text(), "Only of this actor.")
        .argument(
            "recordId",
            TypeRef::named(TypeRef::ID),
            "Only about the record with this internal id.",
        )
        .argument("from", TypeRef::named("DateTime"), "Only from this time on.")
        .argument("to", TypeRef::named("DateTime"), "Only before this time.")
        .into_fields(book)
}

fn audit_filter(ctx: &async_graphql::dynamic::ResolverContext<'_>) -> Outcome<AuditFilter> {
    match AuditFilter::read(|name| text_of(&ctx.args, name), "recordId") {
        (filter, faults) if faults.is_empty() => Ok(filter),
        (_, faults) => Err(Failure::Invalid(faults)),
    }
}

fn entry_json(entry: &AuditEntry) -> Json {
    const KNOWN: [&str; 6] = ["event", "outcome", "lane", "request_id", "address", "count"];
    let (known, more): (Vec<_>, Vec<_>) = entry
        .fields
        .iter()
        .partition(|(name, _)| KNOWN.contains(&name.as_str()));
    let details: Map<String, Json> = more
        .into_iter()
        .map(|(name, value)| (name.clone(), value.into()))
        .collect();
    let mut json = json!({
        "id": entry.id.to_string(), "at": entry.at.to_string(), "actor": entry.actor, "client": entry.client,
        "recordId": entry.record.map(|id| id.to_string()), "details": details,
    });
    for (name, value) in known {
        json[camel(name)] = value.into();
    }
    json
}
