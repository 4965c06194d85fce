//! What happens, told to those who listen: over a WebSocket, as a stream of server-sent events, or by asking again and again.
//! All three read the one feed of [`crate::services::events`] and hold nothing but the number that their client has.

/// The AsyncAPI document.
pub mod asyncapi;
/// What a client has done.
mod commands;
/// Asking with patience, and the stream.
mod pull;
/// The table of contents.
pub mod router;
/// The WebSocket.
mod socket;
/// Those who are told and do not come.
pub mod webhooks;
/// Frames as JSON.
mod wire;
/// JSON as YAML.
mod yaml;
