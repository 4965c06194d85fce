//! The declaration of all settings: name, type, default, range and meaning of each, once. The text above a setting is
//! its documentation here and in `docs/api/config.md`.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::raw::RawConfig;
use crate::config::value::{Language, LogFormat, LogLevel, Region, Value, read};
use crate::config::{Fault, Shown};
use crate::server::certs::name::Name;

/// A section of the file, as the reference shows it.
#[derive(Debug)]
pub struct Section {
    /// `server`
    pub name: &'static str,
    /// What it is about.
    pub about: &'static [&'static str],
    /// Its settings, in order.
    pub settings: &'static [Setting],
}

/// One setting, as the reference shows it.
#[derive(Debug)]
pub struct Setting {
    /// `listen`
    pub key: &'static str,
    /// What it means, with its unit.
    pub about: &'static [&'static str],
    /// In the form in which it is typed; empty when it is not set.
    pub default: &'static str,
    /// What can be typed.
    pub form: &'static str,
    /// The range of a number.
    pub range: Option<(u64, u64)>,
}

macro_rules! settings {
    ($( $(#[doc = $section_doc:literal])+ $section:ident: $Section:ident {
        $( $(#[doc = $doc:literal])+ $key:ident: $type:ty = $default:literal $(in $min:literal..=$max:literal)?, )+
    } )+) => {
        /// All settings, checked.
        #[derive(Clone, PartialEq, Debug)]
        pub struct Config {
            $( $(#[doc = $section_doc])+ pub $section: $Section, )+
        }

        $(
            $(#[doc = $section_doc])+
            #[derive(Clone, PartialEq, Debug)]
            pub struct $Section {
                $( $(#[doc = $doc])+ #[doc = concat!(" Default: `", $default, "`.")] pub $key: $type, )+
            }
        )+

        /// Every setting by section, in the order of the reference.
        pub const SECTIONS: &[Section] = &[ $( Section {
            name: stringify!($section),
            about: &[$($section_doc),+],
            settings: &[ $( Setting {
                key: stringify!($key),
                about: &[$($doc),+],
                default: $default,
                form: <$type as Value>::FORM,
                range: range!($($min, $max)?),
            } ),+ ],
        } ),+ ];

        impl Config {
            /// Parses every setting; what can't be parsed is a fault, and the default in its place.
            pub(super) fn read(raw: &RawConfig, faults: &mut Vec<Fault>) -> Self {
                Self { $( $section: $Section { $(
                    $key: read(
                        raw, stringify!($section), stringify!($key), $default, range!($($min, $max)?), faults,
                    ),
                )+ }, )+ }
            }

            /// Every setting with its value and where it came from.
            pub(super) fn shown(&self, raw: &RawConfig) -> Vec<Shown> {
                vec![ $( $( Shown {
                    name: concat!(stringify!($section), ".", stringify!($key)).to_owned(),
                    value: self.$section.$key.show(),
                    origin: raw.origin(stringify!($section), stringify!($key)),
                }, )+ )+ ]
            }
        }
    };
}

macro_rules! range {
    () => {
        None
    };
    ($min:literal, $max:literal) => {
        Some(($min, $max))
    };
}

settings! {
    /// Where the server listens, and what it is called.
    server: Server {
        /// The listener with TLS; port 0 picks one.
        listen: SocketAddr = "127.0.0.1:8443",
        /// A listener without TLS, for a proxy on this machine. Not set: none.
        plain_listen: Option<SocketAddr> = "",
        /// Lets listeners without TLS serve other machines. Whoever is on the way reads along.
        plain_beyond_loopback: bool = "false",
        /// A listener without TLS for `/metrics` alone. Not set: metrics are read with a key at the main listener.
        metrics_listen: Option<SocketAddr> = "",
        /// Further names and addresses of this machine, for its certificate. The authority that `init` makes is
        /// limited to the names of that day; a name that is added later needs a new authority.
        hosts: Vec<Name> = "",
    }
    /// The agency's own certificate in place of the one that the node makes itself. Both files are read again when
    /// they change.
    tls: Tls {
        /// PEM, the certificate first, then those between it and its authority.
        certificate_file: Option<PathBuf> = "",
        /// PEM, not encrypted.
        key_file: Option<PathBuf> = "",
    }
    /// What one peer, and all of them together, may use of each listener.
    limits: PeerLimits {
        /// Open connections; one more is closed at once.
        connections_max: usize = "1024" in 8..=100000,
        /// Open connections of one IPv4 address or one IPv6 /64 network.
        connections_per_ip_max: usize = "256" in 1..=100000,
        /// Seconds from accept to the end of the TLS handshake.
        handshake_seconds_max: u64 = "10" in 1..=300,
        /// Seconds for a request's head; in HTTP/1.1 this includes the wait for the next request.
        head_seconds_max: u64 = "20" in 1..=300,
        /// Seconds without a request in hand until an HTTP/2 connection is closed.
        idle_seconds_max: u64 = "120" in 1..=86400,
        /// Seconds of waiting for a request's body that may pass before its rate counts.
        body_grace_seconds: u64 = "20" in 1..=3600,
        /// Bytes of a body that must arrive for each further second of waiting.
        body_rate_bytes_min: u64 = "1024" in 1..=1000000000,
        /// Seconds after which a peer that takes none of our bytes is cut.
        write_stall_seconds_max: u64 = "30" in 1..=3600,
        /// Bytes of the whole head of a request; more is answered with 431.
        header_bytes_max: u32 = "32768" in 4096..=1048576,
        /// Header fields in HTTP/1.1; more is answered with 431.
        headers_max: usize = "100" in 10..=1000,
        /// Requests at a time in one HTTP/2 connection.
        streams_max: u32 = "128" in 1..=10000,
        /// Streams that a peer has reset before they were accepted; more ends the connection.
        resets_pending_max: usize = "32" in 1..=10000,
        /// Requests that a peer of HTTP/2 may give up before they were answered, beside as many as it lets be answered; more
        /// ends the connection.
        given_up_max: u64 = "100" in 1..=1000000,
        /// Milliseconds that an IPv4 address or an IPv6 /64 network waits for its next handshake after it broke the rules of HTTP/2.
        penalty_ms: u64 = "250" in 0..=60000,
        /// Bytes of one order at the admin socket.
        admin_line_bytes_max: u64 = "67108864" in 1048576..=1073741824,
        /// Seconds from the order to stop until unfinished requests are cut.
        drain_seconds_max: u64 = "8" in 1..=300,
        /// Seconds for which browsers must insist on TLS (`Strict-Transport-Security`); 0 leaves the header out.
        hsts_seconds: u64 = "31536000" in 0..=63072000,
    }
    /// How large a request's body may be, and how much work it may make. Longer ones are answered with 413.
    bodies: Bodies {
        /// Bytes of a JSON body, also of a batch.
        json_bytes_max: u64 = "4194304" in 4096..=268435456,
        /// Bytes of one file of evidence.
        file_bytes_max: u64 = "4294967296" in 4096..=1099511627776,
        /// Bytes of one image of a report.
        image_bytes_max: u64 = "26214400" in 4096..=1073741824,
        /// Files that one request may bring.
        files_max: usize = "50" in 1..=10000,
        /// Bytes of the part `data` beside files.
        form_data_bytes_max: usize = "1048576" in 4096..=268435456,
        /// Members of one object in JSON; each costs fifty times its bytes in memory.
        members_max: usize = "10000" in 100..=1000000,
        /// Bytes of a body that is too long or refused that are still read, so that its sender gets the answer.
        drained_bytes_max: u64 = "33554432" in 0..=1099511627776,
        /// From so many bytes on a JSON body is large, is read at 16 MB a second, waits for its turn, and counts as one request more for each time that it holds them.
        large_bytes_min: usize = "262144" in 4096..=268435456,
        /// Large JSON bodies that are taken apart at once; each can take some fifty times its length in memory.
        large_at_once_max: usize = "2" in 1..=1024,
    }
    /// How small copies of pictures are made. A picture beyond these is kept like any other, without a small copy.
    images: Images {
        /// Bytes of a picture; its decoder wants it whole in memory.
        source_bytes_max: u64 = "67108864" in 4096..=1073741824,
        /// Pixels of a picture.
        pixels_max: u64 = "50000000" in 1000000..=10000000000,
        /// Bytes that a decoder may take.
        decoder_bytes_max: u64 = "536870912" in 16777216..=17179869184,
    }
    /// How many requests a credential may make. More is answered with 429 and `Retry-After`.
    rates: Rates {
        /// Requests a second, over time.
        requests_per_second: u32 = "100" in 1..=1000000,
        /// Requests at once, before the rate counts.
        burst: u32 = "400" in 1..=1000000,
    }
    /// The log and the views on disk.
    store: Store {
        /// Bytes of a segment file of the log, after which the next one is begun.
        segment_bytes_max: u64 = "67108864" in 65536..=4294967296,
        /// Bytes of memory in which pages of the view database are kept.
        cache_bytes: u64 = "33554432" in 1048576..=68719476736,
        /// Bytes of memory in which records stand as they are shown, so that reading one again needs no disk.
        shown_bytes_max: u64 = "16777216" in 0..=68719476736,
        /// Seconds between durable checkpoints of the views; more means a longer replay after a power loss.
        checkpoint_seconds: u64 = "5" in 1..=3600,
        /// Seconds that one step of the write thread may take; a disk that hangs longer makes the server not ready, and the
        /// system's watchdog is told nothing more.
        stuck_seconds_max: u64 = "20" in 1..=3600,
        /// Free bytes at which writes are refused: large files below four times as much, images of reports below
        /// twice as much, text and custody last.
        low_disk_floor_bytes: u64 = "67108864" in 1048576..=1099511627776,
        /// Bytes above which a file is large, and refused first when the disk is low.
        large_file_bytes_min: u64 = "1048576" in 0..=1099511627776,
        /// Writes that one sync makes durable.
        group_requests_max: usize = "512" in 1..=100000,
        /// Writes that wait for their group; further ones wait to wait, or are answered with 429.
        queue_requests_max: usize = "4096" in 16..=1000000,
    }
    /// The full-text index.
    search: Search {
        /// Bytes of memory for indexing.
        heap_bytes: u64 = "15728640" in 15000000..=4294967296,
        /// Milliseconds after which what was written can be found.
        commit_ms: u64 = "200" in 10..=60000,
        /// Characters of a text to search for.
        text_chars_max: usize = "2000" in 20..=2000,
        /// Hits a page.
        limit_max: usize = "500" in 20..=500,
        /// Milliseconds for which a search that wants to see everything waits for the index.
        wait_ms_max: u64 = "3000" in 0..=60000,
    }
    /// What happens, told to those who listen.
    events: Events {
        /// Events kept in memory for those who are up to date; others read the log.
        kept_max: usize = "4096" in 16..=1000000,
        /// Bytes that they take there.
        kept_bytes_max: usize = "16777216" in 1048576..=17179869184,
        /// Who was up to date and is so many changes behind is told that it lags, and goes on from where it is.
        behind_max: u64 = "10000" in 1..=1000000000,
        /// Subscriptions of one connection.
        subscriptions_max: usize = "50" in 1..=1000,
        /// Bytes of a client's frame.
        frame_bytes_max: usize = "65536" in 1024..=16777216,
        /// Bad frames in a row that end a connection.
        bad_frames_max: u32 = "10" in 1..=1000,
        /// Seconds for which a WebSocket waits for its credential.
        auth_seconds_max: u64 = "5" in 1..=300,
        /// Seconds between two pings; a client that is silent for three of them is gone.
        ping_seconds: u64 = "20" in 1..=3600,
        /// Seconds for which one who asks may wait for the next event.
        wait_seconds_max: u64 = "60" in 0..=3600,
        /// Webhooks that this node tells.
        webhooks_max: usize = "100" in 0..=10000,
        /// Whether webhooks may lead to this machine and to what it reaches without a router.
        webhook_local_allowed: bool = "false",
        /// Whether webhooks may lead to private networks (`10.0.0.0/8` and their like).
        webhook_private_allowed: bool = "true",
        /// Whether webhooks may go out without TLS. Whoever is on the way reads along.
        webhook_http_allowed: bool = "false",
        /// PEM: authorities that webhooks trust beside those of the system. Not set: none.
        webhook_ca_file: Option<PathBuf> = "",
        /// Seconds for one attempt, from the name of the receiver to the end of its answer.
        webhook_seconds_max: u64 = "20" in 1..=300,
        /// Bytes of a receiver's answer that are read.
        webhook_answer_bytes_max: usize = "65536" in 0..=16777216,
        /// Milliseconds until the second attempt; doubled with each further one.
        webhook_retry_ms_min: u64 = "1000" in 1..=3600000,
        /// Seconds between two attempts, at most.
        webhook_retry_seconds_max: u64 = "3600" in 1..=86400,
        /// Seconds after which a webhook is paused whose receiver took nothing: three days.
        webhook_give_up_seconds: u64 = "259200" in 1..=31536000,
        /// Attempts of each webhook that are remembered.
        webhook_attempts_max: usize = "200" in 1..=100000,
    }
    /// Watchlists: what is held and what comes in, against what is looked for.
    watchlists: Watchlists {
        /// Hundredths that a name must score to raise an alert: 90 is the same name, 80 a nickname, 85 and less a name that is spoken alike, 55 one that agrees by an initial; the same day of birth adds 10 to 20, another one takes 50.
        name_score_min: u32 = "70" in 1..=100,
        /// Hundredths that plates must score that agree in part.
        plate_score_min: u32 = "60" in 1..=100,
        /// Entries within the record of a list; a longer list has records of the kind watchlist-entry.
        inline_entries_max: usize = "500" in 0..=10000,
        /// Entries of an agency that are records of their own; each takes about 350 bytes of memory.
        entries_max: u64 = "250000" in 0..=10000000,
        /// Alerts that one new entry raises about what is held already; that there were more is an alert about the list.
        held_alerts_per_entry_max: usize = "500" in 1..=1000000,
        /// Rows of a pasted list that is held against everything.
        screened_rows_max: usize = "10000" in 1..=1000000,
        /// Records that are told for one of its rows, the surest first.
        screened_hits_per_row_max: usize = "20" in 1..=1000,
    }
    /// What a query of the GraphQL lane may ask for. Beyond it a query is refused before anything is read.
    graphql: Graphql {
        /// Levels of fields.
        depth_max: usize = "12" in 3..=60,
        /// What a query can cost: one for each field; what is in a list counts as often as it may have items.
        complexity_max: usize = "5000" in 100..=10000000,
        /// Bytes of a request's body.
        body_bytes_max: u64 = "1048576" in 4096..=67108864,
        /// Names under which one field is asked for in one selection.
        aliases_max: usize = "10" in 1..=1000,
        /// Directives of one document.
        directives_max: usize = "50" in 0..=10000,
        /// Words and signs of one document.
        tokens_max: usize = "10000" in 100..=1000000,
        /// Queries and changes that one WebSocket has carried out at a time; the next one waits.
        operations_max: usize = "8" in 1..=1000,
        /// Whether the schema may be asked for.
        introspection: bool = "true",
    }
    /// Passwords and sessions of people.
    auth: Auth {
        /// Minutes without a request until a session is locked.
        session_idle_minutes: u64 = "30" in 1..=1440,
        /// Hours after which a session ends, whatever happens.
        session_life_hours: u64 = "12" in 1..=168,
        /// Failures in a row that lock an account, counted over restarts.
        lock_failures: u32 = "5" in 1..=100,
        /// Minutes for which it stays locked.
        lock_minutes: u64 = "15" in 1..=10080,
        /// Failed sign-ins a minute from one address; more must wait.
        failures_per_minute_max: u32 = "30" in 1..=100000,
        /// Addresses whose failures are counted at once; all others together are one more.
        failing_addresses_max: usize = "10000" in 100..=10000000,
        /// Sessions of one user; with more, the one that was idle longest ends.
        sessions_per_user_max: usize = "20" in 1..=10000,
        /// Sessions of all users; with more, the one that was idle longest ends.
        sessions_max: usize = "10000" in 1..=1000000,
        /// Bytes of a new password, at least.
        password_bytes_min: usize = "12" in 8..=64,
        /// Bytes of a new password, at most.
        password_bytes_max: usize = "1024" in 64..=65536,
        /// KiB of memory that the hash of a password takes (argon2id). Hashes made before keep what they cost.
        hash_memory_kib: u32 = "32768" in 8192..=4194304,
        /// Passes over that memory.
        hash_passes: u32 = "3" in 1..=100,
        /// Hashes that run at once.
        hashes_at_once_max: usize = "2" in 1..=1024,
        /// Requests that wait for one; further ones are answered with 429.
        hashes_waiting_max: usize = "16" in 0..=100000,
    }
    /// Rows of files that are imported. Those beyond are rejected with their line; the rest goes in.
    import: Import {
        /// Bytes of one cell.
        cell_bytes_max: usize = "262144" in 1024..=16777216,
        /// Bytes of one row with all its cells.
        row_bytes_max: usize = "1048576" in 4096..=33554432,
        /// Lines of one row: a quoted cell that runs over more was not meant to.
        row_lines_max: usize = "500" in 1..=100000,
    }
    /// The reports lane.
    reports: Reports {
        /// Whether the same report by the same key within 60 seconds, without an `Idempotency-Key`, is answered as a replay.
        dedupe: bool = "false",
        /// Language of the categories (`en`, `de-CH`). Not set: that which the caller asks for.
        language: Option<Language> = "",
        /// Region of phone numbers without a country (`US`). Not set: such numbers are refused.
        default_region: Option<Region> = "",
        /// Days for which a report's public page is open.
        public_link_days: u64 = "30" in 1..=3650,
    }
    /// The evidence room's lane, for clients of another maker's software.
    safe: Safe {
        /// Requests a second of one token, over time.
        requests_per_second: u32 = "5000" in 1..=1000000,
        /// Requests of one token at once, before the rate counts.
        burst: u32 = "10000" in 1..=1000000,
        /// Lets clients make items, which otherwise come by item entry and data import alone.
        item_create: bool = "false",
        /// Licences of each agency; a user whose licence is reserved always has one. 0: as many as anybody wants.
        seats: usize = "0" in 0..=1000000,
        /// Minutes after a user's last request until the licence is free again.
        seat_held_minutes: u64 = "20" in 1..=1440,
    }
    /// What the program says while it runs, on stderr or to journald. Never names, plates, addresses or bodies.
    log: Log {
        /// Form of the lines.
        format: LogFormat = "text",
        /// The least that is worth a line.
        level: LogLevel = "info",
    }
}
