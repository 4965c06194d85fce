//! The event lane: one feed, heard over a WebSocket, as a stream and by asking.

mod commands;
pub(crate) mod ears;
mod faults;
mod feed;
mod frames;
mod names;
mod reports;
mod rights;
mod webhooks;
