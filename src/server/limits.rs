//! What one peer, and all of them together, may use. Each number is a setting (`docs/api/config.md`).

/// The limits of one listener. The defaults suit a laptop with two cores.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Open connections; one more is closed at once.
    pub connections_max: usize,
    /// Open connections of one IPv4 address or one IPv6 /64 network.
    pub connections_per_ip_max: usize,
    /// From accept to the end of the TLS handshake.
    pub handshake_seconds_max: u64,
    /// For a request's head; in HTTP/1.1 this includes the wait for the next request.
    pub head_seconds_max: u64,
    /// Without a request in hand, in HTTP/2.
    pub idle_seconds_max: u64,
    /// Waiting for a request's body that may pass before its rate counts.
    pub body_grace_seconds: u64,
    /// Bytes of a body that must arrive for each further second of waiting.
    pub body_rate_bytes_min: u64,
    /// A peer that takes none of our bytes for so long is cut.
    pub write_stall_seconds_max: u64,
    /// The whole head of a request; more is answered with 431.
    pub header_bytes_max: u32,
    /// Header fields in HTTP/1.1; more is answered with 431.
    pub headers_max: usize,
    /// Requests at a time in one HTTP/2 connection.
    pub streams_max: u32,
    /// Streams that a peer has reset before we accepted them; more ends the connection ("rapid reset").
    pub resets_pending_max: usize,
    /// Requests that a peer may give up before they were answered, beside as many as it lets be answered. Who only asks and
    /// gives up has us work for nothing ("rapid reset", at whatever pace).
    pub given_up_max: u64,
    /// How long a peer waits for its next handshake after it broke the rules of HTTP/2.
    pub penalty_ms: u64,
    /// From the order to stop until unfinished requests are cut.
    pub drain_seconds_max: u64,
    /// How long browsers must insist on TLS (`Strict-Transport-Security`); 0 leaves the header out.
    pub hsts_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 1024,
            connections_per_ip_max: 256,
            handshake_seconds_max: 10,
            head_seconds_max: 20,
            idle_seconds_max: 120,
            body_grace_seconds: 20,
            body_rate_bytes_min: 1024,
            write_stall_seconds_max: 30,
            header_bytes_max: 32 * 1024,
            headers_max: 100,
            streams_max: 128,
            resets_pending_max: 32,
            given_up_max: 100,
            penalty_ms: 250,
            drain_seconds_max: 8,
            hsts_seconds: 365 * 24 * 60 * 60,
        }
    }
}
