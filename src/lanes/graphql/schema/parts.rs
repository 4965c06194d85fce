//! Fields by their shapes, wherever they stand: in a record, in a part of one, among its attributes.

use std::sync::Arc;

use async_graphql::Value;
use async_graphql::dynamic::{FieldFuture, FieldValue, ResolverContext, TypeRef};

use crate::domain::id::RecordId;
use crate::domain::kind::{Member, Shape, kind};
use crate::domain::value::Value as Told;
use crate::lanes::graphql::schema::answer::{part, plain, plain_type, record_value, refuse_or, sitting};
use crate::lanes::graphql::schema::book::{Book, FieldDef, TypeDef};
use crate::lanes::graphql::schema::lists::{Item, ListDef, Listed, Window};
use crate::lanes::graphql::schema::names::{camel, link_of, pascal, type_of};
use crate::services::failure::Outcome;

/// Finds the value of a field.
pub(super) type One = Arc<dyn for<'a> Fn(&ResolverContext<'a>) -> Option<&'a Told> + Send + Sync>;
/// Finds the values of a field.
pub(super) type Many = Arc<dyn for<'a> Fn(&ResolverContext<'a>) -> Vec<&'a Told> + Send + Sync>;

/// Says that a function finds a value whatever it is asked.
pub(super) fn one(
    find: impl for<'a> Fn(&ResolverContext<'a>) -> Option<&'a Told> + Send + Sync + 'static,
) -> One {
    Arc::new(find)
}

/// The same of values.
pub(super) fn many(
    find: impl for<'a> Fn(&ResolverContext<'a>) -> Vec<&'a Told> + Send + Sync + 'static,
) -> Many {
    Arc::new(find)
}

/// Where a field stands and what it is called there.
#[derive(Clone, Copy)]
pub(super) struct At<'n> {
    /// The type.
    pub(super) ty: &'n str,
    /// The field, as the tables call it.
    pub(super) field: &'n str,
    /// What it means.
    pub(super) doc: &'n str,
}

/// The fields for one value of a shape.
pub(super) fn fields_of_one(book: &mut Book, at: At<'_>, shape: Shape, find: One) -> Vec<FieldDef> {
    match shape {
        Shape::List(inner, _) => {
            let all = many(move |ctx| find(ctx).map_or(&[][..], Told::as_list).iter().collect());
            fields_of_many(book, at, *inner, all)
        }
        Shape::Object(members) => {
            let ty = part_type(book, at, members);
            let field = FieldDef::new(camel(at.field), TypeRef::named(ty), at.doc, move |ctx| {
                let found = find(&ctx).filter(|found| found.as_map().is_some());
                FieldFuture::Value(found.map(|found| FieldValue::owned_any(found.clone())))
            });
            vec![field]
        }
        Shape::Ref(wanted) => {
            let (id, ty) = (Arc::clone(&find), linked_type(wanted));
            let link = FieldDef::new(
                link_name(at.field, wanted),
                TypeRef::named(&ty),
                format!("{} The record itself, as far as it may be read.", at.doc),
                move |ctx| {
                    let id = find(&ctx).and_then(Told::as_id);
                    let found = id.map_or(Ok(None), |id| sitting(&ctx).get(id));
                    refuse_or(&ctx, found, |found| {
                        let found = found.filter(|found| wanted.is_empty() || found.kind == wanted);
                        found.map(|found| record_value(found, &ty))
                    })
                },
            );
            vec![scalar(at, TypeRef::ID, id), link]
        }
        _ => vec![scalar(at, plain_type(shape).unwrap_or("JSON"), find)],
    }
}

fn scalar(at: At<'_>, ty: &'static str, find: One) -> FieldDef {
    FieldDef::new(camel(at.field), TypeRef::named(ty), at.doc, move |ctx| {
        FieldFuture::from_value(find(&ctx).map(plain))
    })
}

/// The fields for several values of a shape.
pub(super) fn fields_of_many(book: &mut Book, at: At<'_>, inner: Shape, find: Many) -> Vec<FieldDef> {
    match inner {
        Shape::Object(members) => {
            let ty = part_type(book, at, members);
            let list = ListDef::new(camel(at.field), ty, at.doc, move |ctx, window| {
                window.of_whole(
                    find(ctx)
                        .into_iter()
                        .map(|part| Item::Part(part.clone()))
                        .collect(),
                )
            });
            list.of_parts().into_fields(book).into()
        }
        Shape::Ref(wanted) => {
            let name = camel(at.field);
            let stem = name.strip_suffix('s').filter(|stem| !stem.ends_with('A'));
            let ids_name = format!("{}Ids", stem.unwrap_or(&name));
            let ids = Arc::clone(&find);
            let list = ListDef::new(name, linked_type(wanted), at.doc, move |ctx, window| {
                let ids = find(ctx).into_iter().filter_map(Told::as_id);
                linked(ctx, window, wanted, ids)
            });
            let mut fields: Vec<FieldDef> = list.into_fields(book).into();
            fields.push(FieldDef::new(
                ids_name,
                TypeRef::named_nn_list_nn(TypeRef::ID),
                at.doc,
                move |ctx| {
                    FieldFuture::from_value(Some(Value::List(ids(&ctx).into_iter().map(plain).collect())))
                },
            ));
            fields
        }
        _ => {
            let ty = plain_type(inner).unwrap_or("JSON");
            let field = FieldDef::new(
                camel(at.field),
                TypeRef::named_nn_list_nn(ty),
                at.doc,
                move |ctx| {
                    FieldFuture::from_value(Some(Value::List(find(&ctx).into_iter().map(plain).collect())))
                },
            );
            vec![field]
        }
    }
}

/// The records of these ids that the caller may read, in this order; a cursor is the id of the last one.
pub(super) fn linked(
    ctx: &ResolverContext<'_>,
    window: &Window,
    wanted: &str,
    ids: impl Iterator<Item = RecordId>,
) -> Outcome<Listed> {
    let mut records: Vec<Item> = Vec::new();
    let mut seen = Vec::new();
    for id in ids {
        if seen.contains(&id) {
            continue;
        }
        seen.push(id);
        let found = sitting(ctx).get(id)?;
        let found = found.filter(|found| wanted.is_empty() || found.kind == wanted);
        records.extend(found.map(Item::Record));
    }
    let window = Window {
        limit: window.limit.or(Some(super::lists::ITEMS)),
        after: window.after.clone(),
    };
    window.of_whole(records)
}

/// The type of a record that a field names.
pub(super) fn linked_type(wanted: &str) -> String {
    kind(wanted).map_or_else(|| "Record".to_owned(), type_of)
}

fn link_name(field: &str, wanted: &str) -> String {
    if field.ends_with("_id") {
        link_of(field)
    } else {
        format!("{}{}", camel(field), linked_type(wanted))
    }
}

/// Parts that are called otherwise than by where they stand.
const PART_NAMES: [(&str, &str, &str); 9] = [
    ("Investigation", "team", "Member"),
    ("Investigation", "place", "Site"),
    ("Investigation", "entities", "CaseEntity"),
    ("Entity", "relationships", "Relationship"),
    ("Evidence", "files", "File"),
    ("File", "capture", "Capture"),
    ("Report", "location", "MapPoint"),
    ("Person", "identifiers", "Identifier"),
    ("Watchlist", "entries", "Sought"),
];

/// The type of a part with these members.
fn part_type(book: &mut Book, at: At<'_>, members: &'static [Member]) -> String {
    let named = PART_NAMES
        .iter()
        .find(|(ty, field, _)| *ty == at.ty && *field == at.field);
    let wanted = named.map_or_else(
        || format!("{}{}", at.ty, pascal(at.field)),
        |(_, _, name)| (*name).to_owned(),
    );
    let (name, is_new) = book.name_of_members(members, wanted);
    if is_new {
        let fields = members.iter().flat_map(|member| {
            let at = At {
                ty: &name,
                field: member.name,
                doc: "",
            };
            let own = member.name;
            fields_of_one(book, at, member.shape, one(move |ctx| part(ctx)?.get(own)))
        });
        let fields = fields.collect();
        book.add(TypeDef {
            doc: at.doc.to_owned(),
            implements: Vec::new(),
            name: name.clone(),
            fields,
        });
    }
    name
}
