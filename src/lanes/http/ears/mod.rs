//! What the lanes share that tell what happens: an event's form, how it is heard, a WebSocket, and who stays on it.

/// Events as JSON.
pub mod event;
/// Credentials of those who stay.
pub mod guest;
/// From a place in the feed to what is heard next.
pub mod hear;
/// The WebSocket.
pub mod socket;
