//! What the words mean. No IO, no clock, no wire names of a lane.
//!
//! | word | meaning |
//! | --- | --- |
//! | node | one installation with its own ed25519 key |
//! | log | a node's operations in order; a restored node starts a new one |
//! | operation | one immutable, signed change of one record |
//! | record | what the operations on one id mean together |
//! | view | what is folded from logs; can be deleted and rebuilt |
//! | lane | a protocol that clients speak |
//! | tenant | an agency; nothing crosses from one to another |
//! | custody | who has an item now, and how it came to them |
//! | held | received and kept, but not applied |
//! | receipt | a signed word that operations are durable upstream |

/// What may be done with an item, who has it, and where units disagree.
pub mod custody;
/// What an operation means to those who listen.
pub mod event;
/// Names of logs, operations, versions, records and tenants.
pub mod id;
/// The kinds of records, as tables.
pub mod kind;
/// When two names, plates or phone numbers mean the same.
pub mod matching;
/// One immutable change and its parts.
pub mod operation;
/// A person as an evidence room writes it.
pub mod person;
/// A record as folded from its operations.
pub mod record;
/// Wall times, the clock that tests replace, the hybrid logical clock.
pub mod time;
/// The self-describing value of a field.
pub mod value;
/// What is looked for, and when something that is held is it.
pub mod watch;
