//! The event lane: one feed, heard over a WebSocket, as a stream and by asking.

mod ears;
mod feed;
mod frames;
mod rights;
