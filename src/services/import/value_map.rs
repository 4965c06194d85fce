//! Tables in a mapping that turn an agency's codes into words.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::template;

/// What becomes of a value that the table does not name.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Otherwise {
    /// The row is rejected: a new code is something a person should see.
    #[default]
    Reject,
    /// It stays as it is.
    Keep,
    /// First letter large, the rest small.
    Sentence,
    /// Every word's first letter large.
    Title,
}

/// One table.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ValueMap {
    #[serde(default)]
    otherwise: Otherwise,
    values: BTreeMap<String, String>,
}

impl ValueMap {
    /// `None`: the table does not know the value, and that is a fault.
    pub(super) fn look_up(&self, value: &str) -> Option<String> {
        if let Some(word) = self.values.get(value) {
            return Some(word.clone());
        }
        match self.otherwise {
            Otherwise::Reject => None,
            Otherwise::Keep => Some(value.to_owned()),
            Otherwise::Sentence => Some(template::sentence(value)),
            Otherwise::Title => Some(template::title(value)),
        }
    }
}
