//! The program as its users run it.

mod import;
mod serve;
mod verbs;
