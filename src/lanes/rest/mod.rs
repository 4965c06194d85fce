//! The REST lane: records of every kind over HTTP. `router.rs` is its table of contents.

/// Many records in one commit.
mod batch;
/// What belongs to a case or stands beside it, and how entities stand to each other.
mod casework;
/// Categories of reports.
mod categories;
/// What writers disagree about.
mod conflicts;
/// Records expunged, receipts, proofs, public keys.
mod court;
/// Files, custody and labels of evidence.
mod evidence;
/// The operations of a record.
mod history;
/// Sessions, users, keys, agencies, the audit log.
mod people;
/// Make, read, change and list records of one kind.
mod records;
/// Reports: file, talk, show, change.
mod reports;
/// Every route of this lane.
pub mod router;
/// The forms of bodies and answers that are no plain records.
mod schemas;
/// One box over all records.
mod search;
/// Which part of a list, in which order, with which members.
mod selection;
/// What is done with alerts, and lists held against everything.
mod watch;
