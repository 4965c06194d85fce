//! What a query may ask for at all. It is judged twice before anything is looked up: as text, so that nobody makes the parser
//! dig or count, and as a document, whose fragments are weighed once each however often they are spread.

/// The text, token by token.
mod scan;
/// The document, field by field.
mod weigh;

use serde_json::Value as Json;

use crate::lanes::http::GraphqlOptions;
use crate::services::failure::Failure;

pub(super) use scan::scan;
pub(super) use weigh::{Costs, FieldCost, weigh};

/// A limit that was met, by the name of its setting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Exceeded {
    /// The setting.
    pub(super) limit: &'static str,
    /// What was met.
    pub(super) text: String,
}

impl Exceeded {
    fn new(limit: &'static str, max: usize, what: &str) -> Self {
        Self {
            limit,
            text: format!("at most {max} (graphql.{limit}): {what}"),
        }
    }
}

impl From<Exceeded> for Failure {
    fn from(exceeded: Exceeded) -> Self {
        Self::wrong("query", exceeded.text)
    }
}

/// Variables as they were given.
pub(super) type Variables = serde_json::Map<String, Json>;

/// The settings.
pub(super) type Limits = GraphqlOptions;
