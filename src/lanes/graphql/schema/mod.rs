//! The schema, made of the tables of kinds: a new field of a kind is one line there and nothing here.

mod about;
/// From what services give to values.
mod answer;
/// Types as they are gathered.
mod book;
/// Chains of custody.
mod custody;
/// What writers disagree about.
mod disputes;
/// Search, and the audit log.
mod found;
/// Lists, plain and as connections.
mod lists;
/// From words of tables to names.
mod names;
/// Fields by their shapes.
mod parts;
/// Kinds as types.
mod records;
/// Where queries begin.
mod roots;

use async_graphql::dynamic::{ResolverContext, Schema, SchemaError};

use crate::lanes::graphql::limits::Costs;
use crate::lanes::graphql::{changes, live};
use crate::lanes::http::Lanes;
use crate::lanes::http::route::Route;
use crate::services::search::Finder;

pub(super) use answer::{record_value, refuse_or, sitting};
pub(super) use book::{Book, FieldDef, ROOTS, TypeDef};
pub(super) use names::{camel, one_of, pascal, type_of};
pub(super) use roots::{id_of, json_link, json_type, json_value, text_of};

/// A schema that answers, and what each of its fields can cost.
#[derive(Debug)]
pub(super) struct Engine {
    /// It answers queries and changes.
    pub(super) schema: Schema,
    /// What each field leads to.
    pub(super) costs: Costs,
}

impl Engine {
    /// Of the tables of kinds and of routes.
    ///
    /// # Errors
    /// The tables name a type that there is not: a fault of the program.
    pub(super) fn new(writes: &[Route]) -> Result<Self, SchemaError> {
        let book = book(writes);
        Ok(Self {
            costs: book.costs(),
            schema: book.schema(ROOTS[0])?,
        })
    }

    /// What answers subscriptions: the same, asked as a query about one thing that happened.
    ///
    /// # Errors
    /// The tables name a type that there is not: a fault of the program.
    pub(super) fn of_events() -> Result<Schema, SchemaError> {
        book(&[]).schema(ROOTS[2])
    }

    /// The roots of queries, changes and subscriptions.
    pub(super) fn roots() -> [&'static str; 3] {
        ROOTS
    }
}

fn book(writes: &[Route]) -> Book {
    let mut book = Book::default();
    book.add_scalar("JSON", "Any JSON value.");
    book.add_scalar("DateTime", "A time, RFC 3339, in UTC.");
    book.add_scalar("Date", "A day, `YYYY-MM-DD`.");
    book.add_scalar("Long", "A whole number of up to 64 bits.");
    records::add(&mut book);
    custody::add(&mut book);
    disputes::add(&mut book);
    roots::add(&mut book);
    live::add(&mut book);
    changes::add(&mut book, writes);
    book
}

fn finder<'a>(ctx: &ResolverContext<'a>) -> &'a Finder {
    &lanes(ctx).finder
}

/// What every handler has at hand.
pub(super) fn lanes<'a>(ctx: &ResolverContext<'a>) -> &'a Lanes {
    ctx.ctx.data_unchecked::<Lanes>()
}
