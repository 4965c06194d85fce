//! Who asks, and what the node knows of itself.

use async_graphql::dynamic::{FieldValue, ResolverContext, TypeRef};
use serde_json::{Value as Json, json};

use crate::lanes::graphql::schema::answer::{refuse_or, sitting};
use crate::lanes::graphql::schema::book::{Book, FieldDef};
use crate::lanes::graphql::schema::roots::{json_link, json_type};
use crate::services::caller::{Caller, Identity};
use crate::services::failure::Outcome;
use crate::views::arrivals;

/// The roots `me` and `syncStatus`.
pub(super) fn roots(book: &mut Book) -> Vec<FieldDef> {
    let mut me = json_type(
        "Me",
        "Who asks.",
        &[
            ("id", "ID", "The record of the user or key."),
            ("kind", "String", "`user`, `key` or `owner`."),
            ("name", "String", "The name shown."),
            ("role", "String", "A user's role."),
            ("tenant", "String", "The agency."),
            ("scopes", "[String", "What the caller may do."),
            ("lanes", "[String", "The lanes that are open."),
        ],
    );
    me.fields
        .push(json_link("user", "userId", "user", "The user's record."));
    book.add(me);
    let mut status = json_type(
        "SyncStatus",
        "How this node stands to others.",
        &[
            ("state", "String", "`no-upstream`: this node sends to none."),
            ("upstream", "String", "Where it sends."),
            (
                "arrivals",
                "Long",
                "How many operations have arrived here: the last `sequence` of its feed.",
            ),
            (
                "pending",
                "Long",
                "How many operations wait to be sent; null without an upstream.",
            ),
        ],
    );
    status
        .fields
        .push(json_link("node", "node", "node", "The node's record of itself."));
    book.add(status);
    let me = FieldDef::new("me", TypeRef::named_nn("Me"), "Who asks.", |ctx| {
        let me = Ok(me_json(sitting(&ctx).caller()));
        refuse_or(&ctx, me, |me| Some(FieldValue::owned_any(me)))
    });
    let doc = "How this node stands to others.";
    let status = FieldDef::new("syncStatus", TypeRef::named("SyncStatus"), doc, |ctx| {
        refuse_or(&ctx, status_json(&ctx), |status| {
            Some(FieldValue::owned_any(status))
        })
    });
    vec![me, status]
}

fn me_json(caller: &Caller) -> Json {
    let id = caller.record().map(|id| id.to_string());
    let (kind, role, user) = match caller.identity() {
        Identity::User(_, role) => ("user", Some(role.word()), id.clone()),
        Identity::Key(_) => ("key", None, None),
        Identity::Owner => ("owner", None, None),
        Identity::Node(_) => ("node", None, None),
    };
    json!({
        "id": id, "kind": kind, "name": caller.name(), "role": role, "userId": user,
        "tenant": caller.tenant().as_str(), "scopes": caller.scopes(), "lanes": caller.lanes(),
    })
}

fn status_json(ctx: &ResolverContext<'_>) -> Outcome<Json> {
    let sitting = sitting(ctx);
    let rows = sitting.rows()?;
    let node = sitting.services().own_node(&*rows, sitting.caller())?;
    Ok(json!({
        "state": "no-upstream",
        "arrivals": arrivals::last(&*rows)?,
        "node": node.map(|node| node.to_string()),
    }))
}
