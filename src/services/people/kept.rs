//! What is known of people beside their records and kept over restarts: their sessions, by the hashes of tokens, and when keys
//! were used last. It is no part of the log: a backup has no sessions, and whoever loses the file signs in again. It is written
//! when a session begins or ends and, for mere uses, now and then by whoever runs the box, so a read costs no write.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Of the form below.
const VERSION: u32 = 1;

/// All rows of the file.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub(super) struct Rows {
    version: u32,
    /// Those that were open.
    pub(super) sessions: Vec<SessionRow>,
    /// Key id, and when it was used last.
    pub(super) uses: Vec<(String, i64)>,
}

/// One session; ids and hashes as text, times in milliseconds since 1970.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct SessionRow {
    pub(super) token_hash: String,
    pub(super) user: String,
    pub(super) password_state: String,
    pub(super) began_at: i64,
    pub(super) last_used_at: i64,
    pub(super) address: Option<IpAddr>,
}

impl Rows {
    pub(super) fn new(sessions: Vec<SessionRow>, uses: Vec<(String, i64)>) -> Self {
        Self {
            version: VERSION,
            sessions,
            uses,
        }
    }
}
