//! What a record says, by what it is.

use crate::domain::watch::sought::Day;

/// What a record says of itself.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Facts {
    /// Names of persons and organizations, each whole.
    pub names: Vec<String>,
    /// When the person was born.
    pub born: Option<Day>,
    /// Number plates.
    pub plates: Vec<String>,
    /// Telephone numbers.
    pub phones: Vec<String>,
    /// Numbers of papers and things, addresses of mail.
    pub identifiers: Vec<String>,
    /// Free text: titles, descriptions, messages.
    pub texts: Vec<String>,
}
