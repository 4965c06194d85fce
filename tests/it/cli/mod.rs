//! The program as its users run it.

mod bench;
mod import;
mod serve;
mod verbs;
