//! The one integration-test binary: folders mirror the lanes, `support` holds the test box.

mod fold;
mod search;
mod server;
mod store;
mod support;
mod tidy;
