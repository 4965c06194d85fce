//! The page for who filed a report: status, own messages, own pictures, and nothing else. Whoever has its secret may see it,
//! until it ends or is taken back. Only the secret's hash is kept; the node can make the secret again from its own key and a
//! seed in the report, so that a repeated request gets the same link.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

use crate::domain::id::Hash;
use crate::domain::kind::REPORT;
use crate::domain::operation::{Action, Change, Merge};
use crate::domain::record::Record;
use crate::domain::time::Millis;
use crate::domain::value::Value;
use crate::services::audit::{self, Event};
use crate::services::caller::{Caller, Via};
use crate::services::casebook::{Condition, refuse_stale};
use crate::services::failure::{Failure, Outcome};
use crate::services::files::hand_out::{Copy, StoredFile, entries};
use crate::services::reports::{chat, made_at, messages_of};
use crate::services::{Services, Written};
use crate::store::hash::sha256;
use crate::store::identity::random;
use crate::views::records;

/// What the page shows.
#[derive(Clone, PartialEq, Debug)]
pub struct PublicReport {
    /// The report's number.
    pub number: String,
    /// When it was filed.
    pub filed_at: Millis,
    /// Where it stands.
    pub status: String,
    /// Since when.
    pub status_at: Millis,
    /// The messages of who filed it: when, and what.
    pub messages: Vec<(Millis, String)>,
    /// Of each of their pictures, whether it has a small copy.
    pub pictures: Vec<bool>,
    /// When the page ends.
    pub expires_at: Millis,
    /// It is an exercise.
    pub is_training: bool,
}

/// A page's secret before its report is there.
pub(super) struct Link {
    seed: String,
    hash: Hash,
    expires_at: Millis,
}

impl Link {
    pub(super) fn changes(self) -> Vec<Change> {
        vec![
            Change::new("public_token", Action::Set(Value::Text(self.hash.to_string()))),
            Change::new("public_seed", Action::Set(Value::Text(self.seed))),
            Change::new("public_expires_at", Action::Set(Value::Time(self.expires_at))),
        ]
    }
}

/// The hash under which a page is found. The secret has 256 bits, so a fast hash is right.
fn token_hash(token: &str) -> Hash {
    sha256(&[b"blotter public link\0", token.as_bytes()])
}

impl Services {
    pub(super) fn new_link(&self) -> Outcome<Link> {
        let mut seed = [0; 24];
        random(&mut seed)?;
        let seed = BASE64.encode(seed);
        let days = i64::try_from(self.report_rules.public_link_days).unwrap_or(i64::MAX);
        Ok(Link {
            hash: token_hash(&self.token_of(&seed)),
            seed,
            expires_at: self.now().plus(days.saturating_mul(86_400_000)),
        })
    }

    fn token_of(&self, seed: &str) -> String {
        BASE64.encode(sha256(&[&self.store.link_secret().0, seed.as_bytes()]).0)
    }

    /// The path of a report's public page, if it has one and this node made it.
    pub fn public_path(&self, report: &Record) -> Option<String> {
        let token = self.token_of(report.text("public_seed")?);
        let is_ours = report.text("public_token") == Some(token_hash(&token).to_string().as_str());
        is_ours.then(|| format!("/public/reports/{token}"))
    }

    /// Takes a report's public page back.
    ///
    /// # Errors
    /// `Denied`, or `Unknown` if there is no such report for this caller.
    pub fn revoke_public_link(
        &self,
        caller: &Caller,
        reference: &str,
        condition: Option<Condition>,
    ) -> Outcome<Written> {
        let reference = reference.to_owned();
        self.write(caller, "report.revoke-link", None, move |desk| {
            let report = desk.report(&reference)?;
            refuse_stale(&report, condition)?;
            let clear = |name: &str| {
                let seen = report.seen(name, Merge::Mv);
                report
                    .get(name)
                    .map(|_| Change::new(name, Action::Set(Value::Null)).seeing(seen))
            };
            let names = ["public_token", "public_seed", "public_expires_at"];
            let changes = names.into_iter().filter_map(clear).collect();
            desk.change(&REPORT, &report, changes).map(drop)
        })
    }

    /// The public page behind a secret. One that has ended, was taken back or never was is the same to a stranger.
    ///
    /// # Errors
    /// `Unknown`.
    pub fn public_report(&self, token: &str, via: &Via) -> Outcome<PublicReport> {
        let report = self.page_asked(token, via)?;
        self.note_stranger(&report, via, "public-page")?;
        let own = report.text("filed_by").unwrap_or_default();
        let messages = messages_of(&self.snapshot()?, &report)?;
        let own_messages = messages
            .iter()
            .filter(|message| message.text("sent_by") == Some(own));
        let status = report.shown("status");
        Ok(PublicReport {
            number: report.text("display_id").unwrap_or_default().to_owned(),
            filed_at: made_at(&report),
            status: report.text("status").unwrap_or_default().to_owned(),
            status_at: status.map_or(made_at(&report), |version| version.hlc.millis()),
            messages: own_messages
                .map(|message| (made_at(message), chat::shown(message)))
                .collect(),
            pictures: own_pictures(&report)
                .iter()
                .map(|entry| entry.get("thumbnail").is_some())
                .collect(),
            expires_at: ends_at(&report).unwrap_or_default(),
            is_training: report.text("mode") == Some("training"),
        })
    }

    /// The small copy of the picture at this place of the public page.
    ///
    /// # Errors
    /// `Unknown`.
    pub fn public_picture(&self, token: &str, place: usize, via: &Via) -> Outcome<StoredFile> {
        let report = self.page_asked(token, via)?;
        let event = Event::done("public-picture", Some(report.id));
        self.count_stranger(report.tenant.clone(), via, event)?;
        let pictures = own_pictures(&report);
        let entry = pictures.get(place).ok_or(Failure::Unknown("file"))?;
        self.stored_file(report.id, entry, Copy::Thumbnail)
    }

    /// The report behind a secret. Whoever guesses leaves a trace, without the guess: it may be a true one but for a letter.
    fn page_asked(&self, token: &str, via: &Via) -> Outcome<Record> {
        let found = self.report_by_token(token);
        if let Err(Failure::Unknown(_)) = &found {
            let event = Event::refused("public-page", "unknown", None);
            self.count_stranger(self.home().clone(), via, event)?;
        }
        found
    }

    fn report_by_token(&self, token: &str) -> Outcome<Record> {
        const UNKNOWN: Failure = Failure::Unknown("report");
        let rows = self.snapshot()?;
        let field = REPORT.field("public_token").ok_or(UNKNOWN)?;
        let hash = token_hash(token).to_string();
        let id = records::by_name(&rows, "", &REPORT, field, &hash)?.ok_or(UNKNOWN)?;
        let report = records::get(&rows, id)?.ok_or(UNKNOWN)?;
        let open = ends_at(&report).is_some_and(|end| end > self.now());
        let named = report.text("public_token") == Some(hash.as_str());
        if open && named && report.rank("sealing") == 0 {
            return Ok(report);
        }
        Err(UNKNOWN)
    }

    fn note_stranger(&self, report: &Record, via: &Via, event: &'static str) -> Outcome<()> {
        let (tenant, id, via) = (report.tenant.clone(), report.id, via.clone());
        self.store.write_soon(move |session| {
            audit::note_stranger(session, tenant, &via, Event::done(event, Some(id)))
        })?;
        Ok(())
    }
}

fn ends_at(report: &Record) -> Option<Millis> {
    report.get("public_expires_at").and_then(Value::as_time)
}

fn own_pictures(report: &Record) -> Vec<Value> {
    let own = report.text("filed_by");
    let mut pictures = entries(report, &REPORT);
    pictures.retain(|entry| entry.get("added_by").and_then(Value::as_text) == own);
    pictures
}
