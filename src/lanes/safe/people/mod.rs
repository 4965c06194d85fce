//! Persons and users.

/// Persons and organizations.
pub(super) mod persons;
/// Users.
pub(super) mod users;
