//! The program as its users run it.

mod bench;
mod court;
mod import;
mod people;
mod rotted;
mod serve;
mod terminal;
mod trouble;
mod verbs;
