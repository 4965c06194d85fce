//! The kinds of records as types: what every record has, the fields of its table, what it belongs to, and what names it.

use async_graphql::Value;
use async_graphql::dynamic::{FieldFuture, FieldValue, ResolverContext, TypeRef};

use crate::domain::kind::{
    CASE, DISPLAY_ID, ENTITY, Field, KINDS, Kind, Shape, TIMELINE_ENTRY, attributes_of,
};
use crate::domain::operation::Merge;
use crate::domain::record::Record;
use crate::lanes::graphql::schema::answer::{record, refuse_or, sitting};
use crate::lanes::graphql::schema::book::{Book, FieldDef, TypeDef};
use crate::lanes::graphql::schema::lists::{ITEMS, Item, ListDef, Listed};
use crate::lanes::graphql::schema::names::{camel, entity_type, own_of, type_of};
use crate::lanes::graphql::schema::parts::{At, fields_of_many, fields_of_one, linked, many, one};
use crate::lanes::graphql::schema::{custody, disputes};
use crate::lanes::http::lists::cursor;
use crate::lanes::http::wire::is_told;
use crate::services::casebook::{Listing, Page};
use crate::services::failure::Outcome;
use crate::store::database::Direction;

/// What every record has.
const OF_ALL: &str = "A record of any kind.";

/// Adds the types of all kinds.
pub(super) fn add(book: &mut Book) {
    for kind in KINDS {
        match kind.name == ENTITY.name {
            true => add_entities(book),
            false => {
                let name = type_of(kind);
                let fields = fields_of(book, kind, &name);
                book.add(TypeDef {
                    name,
                    doc: kind.doc.to_owned(),
                    implements: vec!["Record"],
                    fields,
                });
            }
        }
    }
    let common = common(book, &CASE);
    let names: Vec<String> = common.iter().map(|field| field.name.clone()).collect();
    book.add_interface("Record", OF_ALL, &common, &names);
}

/// An entity is an interface, and each thing that it can be a type with its attributes beside.
fn add_entities(book: &mut Book) {
    let base = fields_of(book, &ENTITY, "Entity");
    let names: Vec<String> = base.iter().map(|field| field.name.clone()).collect();
    book.add_interface("Entity", ENTITY.doc, &base, &names);
    let Some(Shape::Choice(words)) = ENTITY.field("kind").map(|field| field.shape) else {
        return;
    };
    for what in words {
        let name = entity_type(what);
        let mut fields = fields_of(book, &ENTITY, "Entity");
        for member in attributes_of(what) {
            let at = At {
                ty: &name,
                field: member.name,
                doc: "Of what is known of it.",
            };
            let own = member.name;
            let find = one(move |ctx| record(ctx)?.get("attributes")?.get(own));
            fields.extend(fields_of_one(book, at, member.shape, find));
        }
        book.add(TypeDef {
            name,
            doc: format!("An entity that is: {what}."),
            implements: vec!["Record", "Entity"],
            fields: once_each(fields),
        });
    }
}

/// Where two would be called alike, the first stays: what the table says goes before what follows from it.
fn once_each(fields: Vec<FieldDef>) -> Vec<FieldDef> {
    let mut kept: Vec<FieldDef> = Vec::with_capacity(fields.len());
    for field in fields {
        if !kept.iter().any(|known| known.name == field.name) {
            kept.push(field);
        }
    }
    kept
}

fn fields_of(book: &mut Book, kind: &'static Kind, ty: &str) -> Vec<FieldDef> {
    let mut fields = common(book, kind);
    for field in kind.all_fields().filter(|field| is_told(field)) {
        fields.extend(own(book, ty, field));
    }
    match kind.name {
        "case" => fields.extend(of_case(book)),
        "evidence" => fields.extend(custody::of_evidence(book)),
        "note" => fields.push(author()),
        _ => {}
    }
    if kind.fields.iter().any(|field| field.parent) {
        let doc = "The case that it belongs to, as far as it may be read.";
        fields.push(FieldDef::new(
            "case",
            TypeRef::named("Investigation"),
            doc,
            |ctx| {
                let case = record(&ctx).map_or(Ok(None), |record| sitting(&ctx).case_of(record));
                refuse_or(&ctx, case, |case| case.map(FieldValue::owned_any))
            },
        ));
    }
    for other in KINDS {
        fields.extend(naming(book, kind, other));
    }
    once_each(fields)
}

/// Who wrote a record.
fn author() -> FieldDef {
    let doc = "The name of whoever wrote it.";
    FieldDef::new("author", TypeRef::named(TypeRef::STRING), doc, |ctx| {
        let author = record(&ctx).map_or(Ok(None), |record| sitting(&ctx).author_of(record));
        refuse_or(&ctx, author, |author| author.map(FieldValue::value))
    })
}

fn common(book: &mut Book, kind: &'static Kind) -> Vec<FieldDef> {
    fn told(name: &str, ty: TypeRef, doc: &str, tell: fn(&Record) -> Option<Value>) -> FieldDef {
        FieldDef::new(name, ty, doc, move |ctx| {
            FieldFuture::from_value(record(&ctx).and_then(|record| tell(record)))
        })
    }
    let nn = TypeRef::named_nn;
    let text = |text: String| Some(Value::String(text));
    let mut fields = vec![
        told("id", nn(TypeRef::ID), "Its id for ever.", move |record| {
            Some(Value::String(record.id.to_string()))
        }),
        told(
            "displayId",
            TypeRef::named(TypeRef::STRING),
            "Its number for people.",
            |record| record.text(DISPLAY_ID).map(Value::from),
        ),
        told(
            "version",
            nn("Long"),
            "Grows with every change; a change can demand it.",
            |record| Some(Value::from(record.version)),
        ),
        told("createdAt", nn("DateTime"), "When it was made.", |record| {
            Some(Value::String(record.created.hlc.millis().to_string()))
        }),
        told(
            "updatedAt",
            nn("DateTime"),
            "When it was changed last.",
            |record| Some(Value::String(record.updated.hlc.millis().to_string())),
        ),
        FieldDef::new(
            "reviewPath",
            TypeRef::named(TypeRef::STRING),
            "The page where a person looks.",
            move |ctx| {
                let path = record(&ctx).map_or(Ok(None), |record| review_path(&ctx, record));
                refuse_or(&ctx, path, |path| path.and_then(text).map(FieldValue::from))
            },
        ),
    ];
    fields.extend(disputes::of_record(book, kind));
    fields
}

fn number_of(record: &Record) -> String {
    let number = record.text(DISPLAY_ID);
    number.map_or_else(|| record.id.to_string(), str::to_owned)
}

fn review_path(ctx: &ResolverContext<'_>, record: &Record) -> Outcome<Option<String>> {
    Ok(match record.kind.as_str() {
        "case" => Some(format!("/cases/{}", number_of(record))),
        "evidence" => Some(format!("/evidence/{}", number_of(record))),
        "entity" => Some(format!("/entities/{}", number_of(record))),
        "report" => Some(format!("/reports/{}", number_of(record))),
        _ => {
            let case = sitting(ctx).case_of(record)?;
            case.map(|case| format!("/cases/{}", number_of(&case)))
        }
    })
}

/// A field of the table.
fn own(book: &mut Book, ty: &str, field: &'static Field) -> Vec<FieldDef> {
    let (name, at) = (
        field.name,
        At {
            ty,
            field: field.name,
            doc: field.doc,
        },
    );
    match field.merge {
        Merge::Mv | Merge::Once => {
            let find = one(move |ctx| record(ctx)?.get(name));
            fields_of_one(book, at, field.shape, find)
        }
        Merge::OrSet => {
            let find = many(move |ctx| record(ctx).map_or_else(Vec::new, |record| record.members(name)));
            fields_of_many(book, at, field.shape, find)
        }
        Merge::Append => {
            let find = many(move |ctx| {
                let versions = record(ctx).map_or(&[][..], |record| record.versions(name, Merge::Append));
                versions.iter().map(|version| &version.value).collect()
            });
            fields_of_many(book, at, field.shape, find)
        }
        Merge::Lattice => {
            let rank = FieldDef::new(
                camel(name),
                TypeRef::named(TypeRef::STRING),
                field.doc,
                move |ctx| {
                    let word = record(&ctx).and_then(|record| field.rank_word(record.rank(name)));
                    FieldFuture::from_value(word.map(Value::from))
                },
            );
            vec![rank]
        }
        Merge::Guarded => Vec::new(),
    }
}

/// What boards ask of a case in words of their own.
fn of_case(book: &mut Book) -> Vec<FieldDef> {
    let team = ListDef::new(
        "assignedTeam",
        "Member",
        "Who works on it, in which role.",
        |ctx, window| {
            let members = record(ctx).map_or_else(Vec::new, |case| case.members("team"));
            window.of_whole(
                members
                    .into_iter()
                    .map(|member| Item::Part(member.clone()))
                    .collect(),
            )
        },
    );
    let entities = ListDef::new(
        "relatedEntities",
        "Entity",
        "The persons and things in it.",
        |ctx, window| {
            let members = record(ctx).map_or_else(Vec::new, |case| case.members("entities"));
            let ids = members
                .into_iter()
                .filter_map(|member| member.get("entity_id")?.as_id());
            linked(ctx, window, ENTITY.name, ids)
        },
    );
    [team.of_parts(), entities]
        .into_iter()
        .flat_map(|list| list.into_fields(book))
        .collect()
}

/// Lists whose newest come first.
fn newest_first(kind: &Kind) -> bool {
    kind.name == TIMELINE_ENTRY.name || matches!(kind.name, "note" | "alert" | "report" | "case")
}

/// The list of the records of a kind that name one of this kind.
fn naming(book: &mut Book, kind: &'static Kind, other: &'static Kind) -> Vec<FieldDef> {
    let names = |shape: Shape| match shape {
        Shape::Ref(wanted) => wanted == kind.name,
        Shape::Object(members) => members.iter().any(|member| member.shape == Shape::Ref(kind.name)),
        _ => false,
    };
    let lists = other
        .fields
        .iter()
        .filter(|field| is_told(field))
        .filter(|field| {
            let own = other.name == kind.name;
            let any = field.parent && field.shape == Shape::Ref("");
            (names(field.shape) && (!own || field.parent)) || (any && !own)
        });
    let lists = lists.flat_map(|field| {
        let name = match other.name == kind.name {
            true => "children".to_owned(),
            false => own_of(other),
        };
        let doc = format!("Those that name it. {}", other.doc);
        let list = ListDef::new(name, type_of(other), doc, move |ctx, window| {
            let Some(above) = record(ctx) else {
                return Ok(Listed::default());
            };
            let identity = [
                above.tenant.as_str(),
                other.name,
                field.name,
                &above.id.to_string(),
            ];
            let listing = Listing {
                way: if newest_first(other) {
                    Direction::Down
                } else {
                    Direction::Up
                },
                parent: Some((field.name, above.id)),
                after: window
                    .after
                    .as_ref()
                    .map(|after| cursor::decode(&identity, after))
                    .transpose()?,
                limit: window.limit.unwrap_or(ITEMS),
                ..Listing::default()
            };
            Ok(listed(sitting(ctx).list(other, &listing)?, &identity))
        });
        list.into_fields(book)
    });
    lists.collect()
}

/// A page with the cursors of its list.
pub(super) fn listed(page: Page, identity: &[&str]) -> Listed {
    let places = page.places.iter().map(|place| cursor::encode(identity, place));
    Listed {
        has_next: page.next.is_some(),
        end: page.next.as_ref().map(|place| cursor::encode(identity, place)),
        total: page.total,
        items: page.records.into_iter().map(Item::Record).zip(places).collect(),
    }
}
