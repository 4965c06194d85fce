//! The program as its users run it.

mod bench;
mod court;
mod import;
mod people;
mod rotted;
mod serve;
mod trouble;
mod verbs;
