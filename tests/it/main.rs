//! The one integration-test binary: folders mirror the lanes, `support` holds the test box.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, also in what tests share"
)]

mod app;
mod cli;
mod court;
mod docs;
mod events;
mod fold;
mod fuzz;
mod graphql;
mod hostile;
mod images;
mod import;
mod kill;
mod operation;
mod people;
mod reports;
mod rest;
mod safe;
mod search;
mod server;
mod services;
mod store;
mod support;
mod tidy;
mod ui;
mod watch;
