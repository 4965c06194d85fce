//! The lane of evidence-room clients: pollers and record systems written against another maker's web API. Paths and names in
//! bodies match without regard to case, answers are bare JSON in camelCase, and failures have that API's own form.

/// A request taken apart.
mod ask;
/// Cases and what lies in them.
mod cases;
/// Custody transactions.
mod custody;
/// How these clients are let in.
mod door;
/// Failures in the form that these clients know.
mod failure;
/// What clients give by number.
mod given;
/// Items: by sequence, by id, changed, searched.
mod items;
/// Notes.
mod notes;
/// Persons and users.
mod people;
/// Lists that clients fill their menus with.
mod reference;
/// The table of contents.
pub mod router;
/// Searches with criteria.
mod search;
/// Sign-in with a password.
mod sign_in;
/// Records as these clients read them.
mod wire;
