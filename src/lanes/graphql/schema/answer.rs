//! From what services give to values of GraphQL. What fails becomes null, and an error that says where.

use std::sync::Arc;

use async_graphql::dynamic::{FieldFuture, FieldValue, ResolverContext, TypeRef};
use async_graphql::{ErrorExtensionValues, ServerError, Value};

use crate::domain::custody::chain::Entry;
use crate::domain::kind::{ENTITY, Shape, kind};
use crate::domain::record::Record;
use crate::domain::value::Value as Told;
use crate::lanes::graphql::schema::lists::Item;
use crate::lanes::graphql::schema::names::{entity_type, type_of};
use crate::lanes::graphql::wire::error_of;
use crate::services::failure::Outcome;
use crate::services::reading::sitting::Sitting;

/// What the request reads from.
pub(in crate::lanes::graphql) fn sitting<'a>(ctx: &ResolverContext<'a>) -> &'a Sitting {
    ctx.ctx.data_unchecked::<Arc<Sitting>>()
}

/// The record whose field is asked for.
pub(in crate::lanes::graphql) fn record<'a>(ctx: &ResolverContext<'a>) -> Option<&'a Arc<Record>> {
    ctx.parent_value.downcast_ref::<Arc<Record>>()
}

/// The part of a record whose member is asked for.
pub(in crate::lanes::graphql) fn part<'a>(ctx: &ResolverContext<'a>) -> Option<&'a Told> {
    ctx.parent_value.downcast_ref::<Told>()
}

/// The entry of a chain whose field is asked for.
pub(in crate::lanes::graphql) fn entry<'a>(ctx: &ResolverContext<'a>) -> Option<&'a (Entry, Arc<Record>)> {
    ctx.parent_value
        .downcast_ref::<Box<(Entry, Arc<Record>)>>()
        .map(|entry| &**entry)
}

/// What was found, or null and why.
pub(in crate::lanes::graphql) fn refuse_or<'a, T>(
    ctx: &ResolverContext<'a>,
    outcome: Outcome<T>,
    told: impl FnOnce(T) -> Option<FieldValue<'a>>,
) -> FieldFuture<'a> {
    match outcome {
        Ok(found) => FieldFuture::Value(told(found)),
        Err(failure) => {
            let (message, extensions) = error_of(&failure);
            let mut values = ErrorExtensionValues::default();
            for (name, value) in extensions {
                values.set(name, Value::from_json(value).unwrap_or_default());
            }
            let mut error = ServerError::new(message, Some(ctx.ctx.item.pos));
            error.extensions = Some(values);
            ctx.ctx.add_error(ctx.ctx.set_error_path(error));
            FieldFuture::Value(None)
        }
    }
}

/// A record where a field has this type. Where that is an interface, the value says what it is.
pub(in crate::lanes::graphql) fn record_value<'a>(record: Arc<Record>, field_type: &str) -> FieldValue<'a> {
    match field_type {
        "Record" | "Entity" => {
            let ty = type_name(&record);
            FieldValue::owned_any(record).with_type(ty)
        }
        _ => FieldValue::owned_any(record),
    }
}

/// The type of a record.
pub(in crate::lanes::graphql) fn type_name(record: &Record) -> String {
    match kind(&record.kind) {
        Some(kind) if kind.name == ENTITY.name => {
            let what = record.text("kind").unwrap_or_default();
            let known = ENTITY
                .field("kind")
                .is_some_and(|field| matches!(field.shape, Shape::Choice(words) if words.contains(&what)));
            entity_type(if known { what } else { "item" })
        }
        Some(kind) => type_of(kind),
        None => String::new(),
    }
}

/// An item of a list.
pub(in crate::lanes::graphql) fn item_value<'a>(item: Item, field_type: &str) -> FieldValue<'a> {
    match item {
        Item::Record(record) => record_value(record, field_type),
        Item::Part(part) => FieldValue::owned_any(part),
        Item::Entry(entry) => FieldValue::owned_any(entry),
        Item::Json(json) => FieldValue::owned_any(json),
    }
}

/// A value without fields.
pub(in crate::lanes::graphql) fn plain(value: &Told) -> Value {
    match value {
        Told::Null => Value::Null,
        Told::Bool(truth) => Value::Boolean(*truth),
        Told::Int(number) => Value::from(*number),
        Told::Float(number) => Value::from(*number),
        Told::Text(text) => Value::String(text.clone()),
        Told::Time(time) => Value::String(time.to_string()),
        Told::Id(id) => Value::String(id.to_string()),
        Told::List(list) => Value::List(list.iter().map(plain).collect()),
        Told::Bytes(_) | Told::Map(_) => Value::from_json(serde_json::Value::from(value)).unwrap_or_default(),
    }
}

/// The type of a value of this shape, if it has no fields.
pub(in crate::lanes::graphql) fn plain_type(shape: Shape) -> Option<&'static str> {
    Some(match shape {
        Shape::Line(_) | Shape::Text(_) | Shape::Choice(_) | Shape::Phone | Shape::Email | Shape::Sha256 => {
            TypeRef::STRING
        }
        Shape::Bool => TypeRef::BOOLEAN,
        Shape::Int(least, most) => match i32::try_from(least).and(i32::try_from(most)) {
            Ok(_) => TypeRef::INT,
            Err(_) => "Long",
        },
        Shape::Number(..) => TypeRef::FLOAT,
        Shape::Time => "DateTime",
        Shape::Day => "Date",
        Shape::Ref(_) => TypeRef::ID,
        Shape::Free(_) => "JSON",
        Shape::List(..) | Shape::Object(_) => return None,
    })
}
