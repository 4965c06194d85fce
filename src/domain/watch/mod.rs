//! What is looked for, and when something that is held is it. Pure: an index of all that is looked for, asked with what a
//! record says. How alike two names, plates or numbers are is `matching`'s to say; this finds the pairs worth asking about.

/// What a record says, by what it is.
pub mod facts;
/// All that is looked for, found again by what a record says.
pub mod index;
/// Whether a record says what is looked for, and how sure that is.
mod judge;
/// Under which keys a name, plate, number or word stands.
mod keys;
/// Which entries stand under a key.
mod postings;
/// One person, plate, number or text that is looked for.
pub mod sought;
/// A text with its words, and what in it may be a name, a number, a plate or an identifier.
mod words;
