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
use crate::lanes::graphql::schema::book::{Book, ROOTS};
use crate::lanes::http::Lanes;
use crate::services::search::Finder;

/// A schema that answers, and what each of its fields can cost.
#[derive(Debug)]
pub(super) struct Engine {
    /// It answers queries and changes.
    pub(super) schema: Schema,
    /// What each field leads to.
    pub(super) costs: Costs,
}

impl Engine {
    /// Of the tables.
    ///
    /// # Errors
    /// The tables name a type that there is not: a fault of the program.
    pub(super) fn new() -> Result<Self, SchemaError> {
        let book = book();
        Ok(Self {
            costs: book.costs(),
            schema: book.schema(ROOTS[0])?,
        })
    }

    /// The roots of queries, changes and subscriptions.
    pub(super) fn roots() -> [&'static str; 3] {
        ROOTS
    }
}

fn book() -> Book {
    let mut book = Book::default();
    book.add_scalar("JSON", "Any JSON value.");
    book.add_scalar("DateTime", "A time, RFC 3339, in UTC.");
    book.add_scalar("Date", "A day, `YYYY-MM-DD`.");
    book.add_scalar("Long", "A whole number of up to 64 bits.");
    records::add(&mut book);
    custody::add(&mut book);
    disputes::add(&mut book);
    roots::add(&mut book);
    book
}

fn finder<'a>(ctx: &ResolverContext<'a>) -> &'a Finder {
    &ctx.ctx.data_unchecked::<Lanes>().finder
}
