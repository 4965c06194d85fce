//! The self-describing value of a field, and its form in JSON. A value that a newer node wrote is kept and passed on whole.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::domain::id::RecordId;
use crate::domain::time::Millis;

/// A map of values by name, in the order of the names.
pub type Fields = BTreeMap<String, Value>;

/// What a field can hold.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// No value: a field that was cleared.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction; never infinite or NaN.
    Float(f64),
    /// Text in Unicode.
    Text(String),
    /// A wall time.
    Time(Millis),
    /// Another record.
    Id(RecordId),
    /// Bytes; in JSON as base64.
    Bytes(Vec<u8>),
    /// Values in order.
    List(Vec<Value>),
    /// Values by name.
    Map(Fields),
}

impl Value {
    /// Shorthand for a text value.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is a whole one.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// The number, whole or not.
    pub fn as_float(&self) -> Option<f64> {
        match self {
            Self::Float(number) => Some(*number),
            #[expect(
                clippy::cast_precision_loss,
                reason = "a coordinate or a measure given as a whole number"
            )]
            Self::Int(number) => Some(*number as f64),
            _ => None,
        }
    }

    /// The truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// The record named, if one is.
    pub fn as_id(&self) -> Option<RecordId> {
        match self {
            Self::Id(id) => Some(*id),
            _ => None,
        }
    }

    /// The time, if it is one.
    pub fn as_time(&self) -> Option<Millis> {
        match self {
            Self::Time(time) => Some(*time),
            _ => None,
        }
    }

    /// The values by name, if it is a map.
    pub fn as_map(&self) -> Option<&Fields> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The values in order; empty if it is not a list.
    pub fn as_list(&self) -> &[Self] {
        match self {
            Self::List(list) => list,
            _ => &[],
        }
    }

    /// A member of a map.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.as_map()?.get(name)
    }

    /// Nothing is said by it, whatever it was to be: null, or a text, list or map with nothing in it. Of a value that must have
    /// a shape `shape::is_nothing` knows, for which an empty map is no missing text.
    pub fn is_absent(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.trim().is_empty(),
            Self::List(list) => list.is_empty(),
            Self::Map(map) => map.is_empty(),
            _ => false,
        }
    }
}

impl From<serde_json::Value> for Value {
    fn from(json: serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(truth) => Self::Bool(truth),
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(whole) => Self::Int(whole),
                None => number.as_f64().map_or(Self::Null, Self::Float),
            },
            serde_json::Value::String(text) => Self::Text(text),
            serde_json::Value::Array(list) => Self::List(list.into_iter().map(Self::from).collect()),
            serde_json::Value::Object(map) => Self::Map(
                map.into_iter()
                    .map(|(name, value)| (name, Self::from(value)))
                    .collect(),
            ),
        }
    }
}

impl From<&Value> for serde_json::Value {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(truth) => Self::Bool(*truth),
            Value::Int(number) => Self::from(*number),
            Value::Float(number) => Self::from(*number),
            Value::Text(text) => Self::String(text.clone()),
            Value::Time(time) => Self::String(time.to_string()),
            Value::Id(id) => Self::String(id.to_string()),
            Value::Bytes(bytes) => Self::String(BASE64.encode(bytes)),
            Value::List(list) => Self::Array(list.iter().map(Self::from).collect()),
            Value::Map(map) => Self::Object(
                map.iter()
                    .map(|(name, value)| (name.clone(), Self::from(value)))
                    .collect(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Value;

    #[test]
    fn json_keeps_its_meaning() {
        let json = serde_json::json!({"a": [1, 2.5, "x", null, true], "b": {"c": -3}});
        let value = Value::from(json.clone());
        assert_eq!(serde_json::Value::from(&value), json);
    }

    #[test]
    fn a_number_too_large_for_an_integer_is_a_float_and_never_wraps() {
        let value = Value::from(serde_json::json!(18_446_744_073_709_551_615_u64));
        assert!(matches!(value, Value::Float(_)));
    }

    #[test]
    fn blank_text_and_empty_lists_count_as_absent() {
        for json in ["null", "\"  \"", "[]", "{}"] {
            assert!(Value::from(serde_json::from_str::<serde_json::Value>(json).unwrap()).is_absent());
        }
        assert!(!Value::Bool(false).is_absent());
    }
}
