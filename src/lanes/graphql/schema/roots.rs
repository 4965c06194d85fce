//! Where a query begins: one and many of each kind, what is searched, who asks, what the node knows of itself.

use async_graphql::Value;
use async_graphql::dynamic::{
    Enum, FieldFuture, FieldValue, InputObject, InputValue, ObjectAccessor, ResolverContext, TypeRef,
};

use crate::domain::kind::{CASE, CHAT_MESSAGE, KINDS, Kind, Shape};
use crate::domain::time::Millis;
use crate::domain::value::Value as Told;
use crate::lanes::graphql::schema::answer::{record_value, refuse_or, sitting};
use crate::lanes::graphql::schema::book::{Book, FieldDef, ROOTS, TypeDef};
use crate::lanes::graphql::schema::lists::{ITEMS, ListDef};
use crate::lanes::graphql::schema::names::{camel, many_of, one_of, pascal, type_of};
use crate::lanes::graphql::schema::parts::linked_type;
use crate::lanes::graphql::schema::records::listed;
use crate::lanes::graphql::schema::{about, disputes, found};
use crate::lanes::http::lists::cursor;
use crate::lanes::http::lists::{WORDS, filters, narrow_to_case};
use crate::services::casebook::{Area, Listing};
use crate::services::failure::{Failure, Fault, Outcome};
use crate::store::database::Direction;
use crate::views::index::Order;

/// The orders of lists.
const ORDERS: [(&str, Order, Direction, &str); 4] = [
    (
        "CREATED_AT",
        Order::Created,
        Direction::Up,
        "By creation, the oldest first.",
    ),
    (
        "CREATED_AT_DESC",
        Order::Created,
        Direction::Down,
        "By creation, the newest first.",
    ),
    (
        "UPDATED_AT",
        Order::Updated,
        Direction::Up,
        "By last change, the oldest first.",
    ),
    (
        "UPDATED_AT_DESC",
        Order::Updated,
        Direction::Down,
        "By last change, the newest first.",
    ),
];

/// Adds the root of queries.
pub(in crate::lanes::graphql) fn add(book: &mut Book) {
    let orders = ORDERS.into_iter().fold(
        Enum::new("RecordOrder").description("The order of a list."),
        |orders, (name, _, _, doc)| orders.item(async_graphql::dynamic::EnumItem::new(name).description(doc)),
    );
    book.add_enum(orders);
    let mut fields = Vec::new();
    for kind in KINDS {
        fields.push(one(kind, one_of(kind)));
        if kind.name == CASE.name {
            fields.push(one(kind, "case".to_owned()));
        }
        // Messages are read with their report.
        if kind.name != CHAT_MESSAGE.name {
            fields.extend(many(book, kind));
        }
    }
    fields.push(any());
    fields.extend(disputes::root(book));
    fields.extend(found::root(book));
    fields.extend(about::roots(book));
    book.add(TypeDef {
        name: ROOTS[0].to_owned(),
        doc: "What can be read.".to_owned(),
        implements: Vec::new(),
        fields,
    });
}

/// Text of an argument.
pub(in crate::lanes::graphql) fn text_of<'a>(args: &'a ObjectAccessor<'a>, name: &str) -> Option<&'a str> {
    args.get(name).and_then(|given| given.string().ok())
}

/// An id as it was given: a text or a number.
pub(in crate::lanes::graphql) fn id_of(args: &ObjectAccessor<'_>, name: &str) -> String {
    match args.get(name).map(|given| given.as_value().clone()) {
        Some(Value::String(text)) => text,
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

fn one(kind: &'static Kind, name: String) -> FieldDef {
    let doc = format!("One record. {}", kind.doc);
    let ty = type_of(kind);
    let field = FieldDef::new(name, TypeRef::named(&ty), doc, move |ctx| {
        let found = sitting(&ctx).find(kind, &id_of(&ctx.args, "id"));
        refuse_or(&ctx, found, |found| Some(record_value(found, &ty)))
    });
    field.argument(
        "id",
        TypeRef::named_nn(TypeRef::ID),
        "Its id, its number, or `ext:` and its external id.",
    )
}

/// A record of any kind.
fn any() -> FieldDef {
    let doc = "One record of any kind.";
    let field = FieldDef::new("record", TypeRef::named("Record"), doc, |ctx| {
        let reference = id_of(&ctx.args, "id");
        let sitting = sitting(&ctx);
        let found = match reference.parse() {
            Ok(id) => sitting
                .get(id)
                .and_then(|found| found.ok_or(Failure::Unknown("record"))),
            Err(_) => {
                let prefix = reference.split('-').next();
                let kind = KINDS
                    .into_iter()
                    .find(|kind| kind.prefix().is_some() && kind.prefix() == prefix);
                match kind {
                    Some(kind) => sitting.find(kind, &reference),
                    None => Err(Failure::Unknown("record")),
                }
            }
        };
        refuse_or(&ctx, found, |found| Some(record_value(found, "Record")))
    });
    field.argument(
        "id",
        TypeRef::named_nn(TypeRef::ID),
        "Its id, or its number if that says its kind.",
    )
}

fn many(book: &mut Book, kind: &'static Kind) -> Vec<FieldDef> {
    let filter = format!("{}Filter", pascal(&many_of(kind)));
    let mut input = InputObject::new(&filter).description("Only those that are so.");
    for param in filters(kind) {
        let ty = match param.shape {
            Shape::Ref(_) => TypeRef::ID,
            _ => TypeRef::STRING,
        };
        let own = InputValue::new(camel(param.name), TypeRef::named(ty));
        input = input.field(own.description(param.doc));
    }
    let changed = InputValue::new("updatedAfter", TypeRef::named("DateTime"));
    input = input.field(changed.description("Only those that were changed later."));
    book.add_input(filter.clone(), input);
    let list = ListDef::new(many_of(kind), type_of(kind), kind.doc, move |ctx, window| {
        let sitting = sitting(ctx);
        let mut listing = listing(ctx, kind)?;
        let order = ctx
            .args
            .get("orderBy")
            .and_then(|order| order.enum_name().ok().map(str::to_owned));
        let order = ORDERS.iter().find(|(name, ..)| Some(*name) == order.as_deref());
        if let Some((_, order, way, _)) = order {
            (listing.order, listing.way) = (*order, *way);
        }
        let said = format!(
            "{:?}",
            (
                &listing.equal,
                listing.within,
                listing.updated_after,
                listing.parent
            )
        );
        let order = format!("{:?}{:?}", listing.order, listing.way);
        let among = format!("{:?}", listing.among);
        let tenant = sitting.caller().tenant().as_str();
        let identity = [tenant, kind.name, &order, &said, &among];
        listing.after = window
            .after
            .as_ref()
            .map(|after| cursor::decode(&identity, after))
            .transpose()?;
        listing.limit = window.limit.unwrap_or(ITEMS);
        Ok(listed(sitting.list(kind, &listing)?, &identity))
    });
    let list = list
        .argument("filter", TypeRef::named(filter), "Only those that are so.")
        .argument(
            "orderBy",
            TypeRef::named("RecordOrder"),
            "The order; by creation if not said.",
        );
    list.into_fields(book).into()
}

fn listing(ctx: &ResolverContext<'_>, kind: &'static Kind) -> Outcome<Listing> {
    let mut listing = Listing::default();
    let given = ctx.args.get("filter").filter(|filter| !filter.is_null());
    let Some(filter) = given.and_then(|filter| filter.object().ok()) else {
        return Ok(listing);
    };
    let mut faults = Vec::new();
    for param in filters(kind).filter(|param| WORDS.contains(&param.name)) {
        let Some(word) = text_of(&filter, &camel(param.name)) else {
            continue;
        };
        match param.shape {
            Shape::Choice(words) if !words.contains(&word) => {
                faults.push(Fault::wrong(
                    format!("filter.{}", camel(param.name)),
                    format!("one of {}", words.join(", ")),
                ));
            }
            _ => listing.equal.push((param.name.to_owned(), Told::text(word))),
        }
    }
    if let Some(area) = text_of(&filter, "bbox") {
        listing.within = Area::parse(area);
        if listing.within.is_none() {
            faults.push(Fault::wrong("filter.bbox", "west,south,east,north in degrees"));
        }
    }
    if let Some(after) = text_of(&filter, "updatedAfter") {
        listing.updated_after = Millis::parse(after);
        if listing.updated_after.is_none() {
            faults.push(Fault::wrong(
                "filter.updatedAfter",
                "a time as 2026-03-17T21:14:22Z",
            ));
        }
    }
    if !faults.is_empty() {
        return Err(Failure::Invalid(faults));
    }
    let case = id_of(&filter, "caseId");
    if !case.is_empty() {
        let case = sitting(ctx).find(&CASE, &case)?;
        narrow_to_case(&mut listing, kind, &case);
    }
    Ok(listing)
}

/// A type of plain members of JSON; those whose type has an exclamation mark are always there.
pub(in crate::lanes::graphql) fn json_type(
    name: &str,
    doc: &str,
    fields: &[(&'static str, &'static str, &'static str)],
) -> TypeDef {
    let fields = fields.iter().map(|&(name, ty, doc)| {
        let ty = match ty.strip_prefix('[') {
            Some(ty) => TypeRef::named_nn_list(ty),
            None => match ty.strip_suffix('!') {
                Some(ty) => TypeRef::named_nn(ty),
                None => TypeRef::named(ty),
            },
        };
        FieldDef::new(name, ty, doc, move |ctx| {
            let value = disputes::json(&ctx)[name].clone();
            let value = Value::from_json(value).unwrap_or_default();
            FieldFuture::from_value((value != Value::Null).then_some(value))
        })
    });
    TypeDef {
        name: name.to_owned(),
        doc: doc.to_owned(),
        implements: Vec::new(),
        fields: fields.collect(),
    }
}

/// A field that leads to a record whose id is a member of JSON.
pub(in crate::lanes::graphql) fn json_link(
    name: impl Into<String>,
    member: &'static str,
    wanted: &str,
    doc: &str,
) -> FieldDef {
    let ty = linked_type(wanted);
    FieldDef::new(name, TypeRef::named(&ty), doc, move |ctx| {
        let id = disputes::json(&ctx)[member]
            .as_str()
            .and_then(|id| id.parse().ok());
        let found = id.map_or(Ok(None), |id| sitting(&ctx).get(id));
        refuse_or(&ctx, found, |found| found.map(|found| record_value(found, &ty)))
    })
}

/// JSON as something with fields.
pub(in crate::lanes::graphql) fn json_value<'a>(json: serde_json::Value) -> Option<FieldValue<'a>> {
    Some(FieldValue::owned_any(json))
}
