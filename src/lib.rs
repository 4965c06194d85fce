//! blotter: the front desk's book as one program. This file is the map; it re-exports nothing.
//!
//! Layers, highest first; a layer names only layers below it (`tests/it/tidy.rs` checks):
//! `cli, app, server, config` → `lanes` → `services, sync` → `views, search` → `store` → `domain`.

/// The only place where the parts are joined: start and stop.
pub mod app;
/// The command line: one verb a file.
pub mod cli;
/// File and environment → checked settings, with their reference page.
pub mod config;
/// What the words mean: ids, operations, record kinds, time. No IO, no clock.
pub mod domain;
/// Protocols: routes, envelopes, the published document.
pub mod lanes;
/// The full-text index, a follower of the log; the only folder that names tantivy.
pub mod search;
/// The network edge: listeners, TLS and its certificates, limits, the orderly stop.
pub mod server;
/// What a caller may do: one verb a file.
pub mod services;
/// What happened, durably: the journal of signed logs, files by hash, and the view database.
pub mod store;
/// What the log means now; can be deleted and rebuilt.
pub mod views;
