//! The program as its users run it.

mod bench;
mod court;
mod import;
mod serve;
mod verbs;
