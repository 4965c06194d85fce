//! Webhooks: who is told, where, with whose rights, and under which secret. The secret is made of the node's own and of a number
//! that stands in the record, so it lies nowhere, whoever may read record or log does not have it, and the node can make it again.

/// How far each has come, and what became of what was told.
mod deliveries;
/// What a receiver checks by.
mod sign;

use hyper::Uri;

use crate::domain::id::RecordId;
use crate::domain::kind::{CREDENTIAL, Field, USER, WEBHOOK};
use crate::domain::operation::{Action, Change, Merge};
use crate::domain::record::Record;
use crate::domain::value::{Fields, Value};
use crate::services::caller::{Caller, Identity};
use crate::services::casebook::{Condition, refuse_stale};
use crate::services::desk::Desk;
use crate::services::events::{Filter, Listener, Wanted};
use crate::services::failure::{Clash, Failure, Fault, Outcome, beside};
use crate::services::people::role_of;
use crate::services::policy;
use crate::services::shape::Checker;
use crate::services::{RequestKey, Services, Written};
use crate::store::database::{Direction, Read};
use crate::store::hash::sha256;
use crate::store::identity::Stream;
use crate::views::index::Order;
use crate::views::{arrivals, records};

pub use deliveries::{Attempt, Deliveries, Place, Standing};
pub use sign::{Secret, signatures};

/// The name under which the node itself acts on webhooks.
const PART: &str = "webhooks";

/// A webhook as those who tell need it.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Its record.
    pub id: RecordId,
    /// The version of the record.
    pub version: u64,
    /// Where to tell.
    pub url: String,
    /// What.
    pub filter: Filter,
    /// After which arrival it began.
    pub begins_after: u64,
    /// Under which secrets, the present one first.
    pub secrets: Vec<Secret>,
    owner: RecordId,
}

impl Services {
    /// Makes a webhook. The secret is seen this once; of a repeated request's it is not known any more. `fault` says why
    /// nothing is ever posted to an address.
    ///
    /// # Errors
    /// `Denied`; `Invalid` with every fault; `Conflict` if there are `count_max` here.
    pub fn create_webhook(
        &self,
        caller: &Caller,
        mut input: Fields,
        (count_max, fault): (usize, impl Fn(&str) -> Option<String>),
        request: Option<RequestKey>,
    ) -> Outcome<(Written, String)> {
        let mut faults = refused_address(&input, fault);
        if let Some(own) = caller.record() {
            let own = Value::Text(own.to_string());
            input.entry("owner_id".to_owned()).or_insert(own);
        }
        if input.get("owner_id").is_none_or(|owner| *owner == Value::Null) {
            let expected = "the user or key whose rights it has: the owner of the folder has too many";
            faults.push(Fault::wrong("data.owner_id", expected));
        }
        let told_by = self.own_log();
        let is_full = self.own_webhooks()?.len() >= count_max;
        let written = self.write(caller, "webhook.create", request, move |desk| {
            policy::demand(desk.caller(), "webhooks:admin")?;
            let given = beside(faults, desk.check(&WEBHOOK, input, None))?;
            if is_full {
                let text = format!("this node tells {count_max} webhooks at most");
                return Err(Failure::Conflict(Clash::State, text, Fields::new()));
            }
            let begins_after = arrivals::last(desk.session().rows())?;
            let begins_after = i64::try_from(begins_after).unwrap_or(i64::MAX);
            let added = vec![
                Change::new("told_by", Action::Set(told_by)),
                Change::new("begins_after", Action::Fix(Value::Int(begins_after))),
                Change::new("secret_number", Action::Set(Value::Int(1))),
            ];
            desk.create_checked(&WEBHOOK, given, added).map(drop)
        })?;
        let secret = self.secret_of(written.first()?.id, 1);
        Ok((written, secret.to_string()))
    }

    /// Changes a webhook; `fault` as in [`Services::create_webhook`].
    ///
    /// # Errors
    /// See [`Services::patch`].
    pub fn change_webhook(
        &self,
        caller: &Caller,
        (reference, condition): (&str, Option<Condition>),
        input: Fields,
        fault: impl Fn(&str) -> Option<String>,
        request: Option<RequestKey>,
    ) -> Outcome<Written> {
        let (reference, faults) = (reference.to_owned(), refused_address(&input, fault));
        self.write(caller, "update", request, move |desk| {
            let hook = desk.find(&WEBHOOK, &reference)?;
            refuse_stale(&hook, condition)?;
            beside(faults, desk.patch(&WEBHOOK, &hook, input).map(drop))
        })
    }

    /// Gives a webhook another secret, seen this once; until the overlap is over both are signed with.
    ///
    /// # Errors
    /// `Denied`, or `Unknown` if there is none for this caller.
    pub fn rotate_webhook(
        &self,
        caller: &Caller,
        reference: &str,
        overlap_millis: i64,
        request: Option<RequestKey>,
    ) -> Outcome<(Written, String)> {
        let reference = reference.to_owned();
        let written = self.write(caller, "webhook.rotate", request, move |desk| {
            let hook = demanded(desk, &reference)?;
            let end = Value::Time(desk.now().plus(overlap_millis));
            let number = Value::Int(secret_number(&hook).saturating_add(1));
            let changes = vec![
                set(&hook, "secret_number", number),
                set(&hook, "old_secret_until", end),
            ];
            desk.change(&WEBHOOK, &hook, changes).map(drop)
        })?;
        let hook = written.first()?;
        let secret = self.secret_of(hook.id, secret_number(hook));
        Ok((written, secret.to_string()))
    }

    /// Holds a webhook back, or lets it go on from where it is. Who lets it go on has it told from this node.
    ///
    /// # Errors
    /// `Denied`, or `Unknown` if there is none for this caller.
    pub fn pause_webhook(
        &self,
        caller: &Caller,
        reference: &str,
        paused: bool,
        request: Option<RequestKey>,
    ) -> Outcome<Written> {
        let (reference, own) = (reference.to_owned(), self.own_log());
        let verb = if paused { "webhook.pause" } else { "webhook.resume" };
        self.write(caller, verb, request, move |desk| {
            let hook = demanded(desk, &reference)?;
            let mut changes = pausing(&hook, paused, None);
            if !paused && hook.get("told_by") != Some(&own) {
                changes.push(set(&hook, "told_by", own));
            }
            desk.change(&WEBHOOK, &hook, changes).map(drop)
        })
    }

    /// Notes from where on a webhook is to be told again.
    ///
    /// # Errors
    /// `Denied`, or `Unknown` if there is none for this caller; `Invalid` for what has not happened yet.
    pub fn replay_webhook(
        &self,
        caller: &Caller,
        reference: &str,
        after: i64,
        request: Option<RequestKey>,
    ) -> Outcome<Written> {
        let reference = reference.to_owned();
        self.write(caller, "webhook.replay", request, move |desk| {
            let hook = demanded(desk, &reference)?;
            let last = i64::try_from(arrivals::last(desk.session().rows())?).unwrap_or(i64::MAX);
            if after > last {
                let expected = format!("at most {last}, the last one that there is");
                return Err(Failure::wrong("data.after", expected));
            }
            let changes = vec![set(&hook, "replayed_after", Value::Int(after))];
            desk.change(&WEBHOOK, &hook, changes).map(drop)
        })
    }

    /// The node itself holds a webhook back, and says why.
    ///
    /// # Errors
    /// The store takes no writes.
    pub fn hold_webhook_back(&self, id: RecordId, because: &str) -> Outcome<()> {
        let Some(hook) = records::get(&self.snapshot()?, id)? else {
            return Ok(());
        };
        let node = self.admit_node(hook.tenant, PART, PART);
        let because = Value::text(because.chars().take(400).collect::<String>());
        let held = self.write(&node, "webhook.pause", None, move |desk| {
            let hook = desk.find(&WEBHOOK, &id.to_string())?;
            let changes = pausing(&hook, true, Some(because));
            desk.change(&WEBHOOK, &hook, changes).map(drop)
        });
        held.map(drop)
    }

    /// The webhooks that this node tells and that are not paused, with the versions of their records.
    ///
    /// # Errors
    /// The disk failed.
    pub fn active_webhooks(&self) -> Outcome<Vec<(RecordId, u64)>> {
        let own = self.own_webhooks()?;
        let active = own.iter().filter(|hook| !is_paused(hook));
        Ok(active.map(|hook| (hook.id, hook.version)).collect())
    }

    /// A webhook that this node is to tell now; `None` if it is paused, told from elsewhere or gone.
    ///
    /// # Errors
    /// `Invalid` for a filter that is none any more.
    pub fn webhook(&self, id: RecordId) -> Outcome<Option<Webhook>> {
        let hook = records::get(&self.snapshot()?, id)?;
        match hook.filter(|hook| self.tells(hook) && !is_paused(hook)) {
            Some(hook) => self.as_told(&hook).map(Some),
            None => Ok(None),
        }
    }

    /// The same of one that the caller names, paused or not, to try it.
    ///
    /// # Errors
    /// `Denied`, or `Unknown` if there is none for this caller.
    pub fn webhook_of(&self, caller: &Caller, reference: &str) -> Outcome<Webhook> {
        self.as_told(&self.demanded_webhook(caller, reference)?)
    }

    /// The record of a webhook for who may set it up: with the right to do so, and with those of its owner.
    ///
    /// # Errors
    /// `Denied`, or `Unknown` if there is none for this caller.
    pub fn demanded_webhook(&self, caller: &Caller, reference: &str) -> Outcome<Record> {
        self.demand(caller, "webhook", "webhooks:admin")?;
        let hook = self.read(caller, &WEBHOOK, reference)?;
        refuse_greater_owner(&self.snapshot()?, caller, &hook)?;
        Ok(hook)
    }

    /// Who listens through a webhook, with the rights that its owner has now.
    ///
    /// # Errors
    /// `Unauthenticated`: the owner may listen no more, and why.
    pub fn webhook_listener(&self, hook: &Webhook) -> Outcome<Listener> {
        self.admit_absent(hook.owner, PART).map(Listener::new)
    }

    fn as_told(&self, hook: &Record) -> Outcome<Webhook> {
        let number = secret_number(hook);
        let mut secrets = vec![self.secret_of(hook.id, number)];
        let until = hook.get("old_secret_until").and_then(Value::as_time);
        if until.is_some_and(|until| until > self.now()) {
            secrets.push(self.secret_of(hook.id, number - 1));
        }
        let owner = hook.get("owner_id").and_then(Value::as_id);
        let begins_after = hook.get("begins_after").and_then(Value::as_int);
        Ok(Webhook {
            id: hook.id,
            version: hook.version,
            url: hook.text("url").unwrap_or_default().to_owned(),
            filter: Filter::new(wanted(hook.get("filter")))?,
            begins_after: begins_after
                .and_then(|number| u64::try_from(number).ok())
                .unwrap_or(0),
            secrets,
            owner: owner.ok_or_else(|| Failure::Internal("a webhook without an owner".into()))?,
        })
    }

    fn own_webhooks(&self) -> Outcome<Vec<Record>> {
        let rows = self.snapshot()?;
        let mut ids = Vec::new();
        for tenant in records::tenants(&rows)? {
            let order = (Order::Created, Direction::Up);
            records::list(&rows, (&tenant, &WEBHOOK), order, None, &mut |_, id| {
                ids.push(id);
                true
            })?;
        }
        let mut own = Vec::new();
        for id in ids {
            own.extend(records::get(&rows, id)?.filter(|hook| self.tells(hook)));
        }
        Ok(own)
    }

    /// Whether this node tells it: after a restore it is another's until somebody says so.
    fn tells(&self, hook: &Record) -> bool {
        hook.kind == WEBHOOK.name && !hook.is_expunged() && hook.get("told_by") == Some(&self.own_log())
    }

    fn own_log(&self) -> Value {
        Value::Text(self.store().log(Stream::Records).to_string())
    }

    fn secret_of(&self, hook: RecordId, number: i64) -> Secret {
        let node = self.store().webhook_secret();
        Secret(
            sha256(&[
                b"blotter webhook\0",
                &node.0,
                &hook.bytes(),
                &number.to_be_bytes(),
            ])
            .0,
        )
    }
}

/// Refuses to let somebody set up what hears more than he may: who moves a webhook to another address reads with its owner's eyes.
/// The node itself only ever holds one back, which gives nobody anything.
///
/// # Errors
/// `Denied`, naming what the caller lacks; `Invalid` for an owner that is neither a user nor a key.
pub(in crate::services) fn refuse_greater_owner(
    rows: &impl Read,
    caller: &Caller,
    hook: &Record,
) -> Outcome<()> {
    if matches!(caller.identity(), Identity::Node(_)) {
        return Ok(());
    }
    let Some(owner) = hook.get("owner_id").and_then(Value::as_id) else {
        return Err(Failure::wrong("data.owner_id", "a user or a key"));
    };
    if caller.record() == Some(owner) {
        return Ok(());
    }
    let owner = records::get(rows, owner)?.filter(|owner| owner.tenant == hook.tenant);
    match owner {
        Some(user) if user.kind == USER.name => match role_of(&user) {
            Some(role) => policy::demand_role(caller, role),
            None => Ok(()),
        },
        Some(key) if key.kind == CREDENTIAL.name => {
            let scopes = key.get("scopes").map_or(&[][..], Value::as_list);
            policy::demand_scopes(caller, scopes.iter().filter_map(Value::as_text))
        }
        _ => Err(Failure::wrong("data.owner_id", "a user or a key")),
    }
}

/// What is wrong with an address where nothing could ever be told.
fn refused_address(input: &Fields, fault: impl Fn(&str) -> Option<String>) -> Vec<Fault> {
    let url = input.get("url").and_then(Value::as_text);
    let fault = url.filter(|url| is_address(url)).and_then(fault);
    let fault = fault.map(|why| Fault::wrong("data.url", format!("an address that may be told: {why}")));
    fault.into_iter().collect()
}

/// Checks what the table of the kind can't say.
pub(in crate::services) fn check(given: &[(&'static Field, Value)], checker: &mut Checker<'_>) {
    let said = |name: &str| {
        given
            .iter()
            .find(|(field, _)| field.name == name)
            .map(|(_, value)| value)
    };
    if let Some(url) = said("url").and_then(Value::as_text)
        && !is_address(url)
    {
        let expected = "an address such as https://desk.example.org/events, without a name or password";
        checker.refuse("data.url", expected);
    }
    if let Err(Failure::Invalid(faults)) = Filter::new(wanted(said("filter"))) {
        for fault in faults {
            checker.refuse(&format!("data.{}", fault.path), &fault.expected);
        }
    }
}

/// Whether one can post there. What may be reached at all is the node's matter, at the time when it connects.
fn is_address(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let host = uri.host().is_some_and(|host| !host.is_empty());
    let named = uri
        .authority()
        .is_some_and(|authority| authority.as_str().contains('@'));
    // A port that is none stands there, but not as a number.
    let port = uri.authority().is_none_or(|authority| {
        let after = authority.as_str().rsplit(']').next().unwrap_or_default();
        !after.contains(':') || uri.port_u16().is_some_and(|port| port > 0)
    });
    matches!(uri.scheme_str(), Some("https" | "http")) && host && port && !named && !url.contains('#')
}

fn wanted(filter: Option<&Value>) -> Wanted {
    let words = |name: &str| -> Vec<String> {
        let list = filter
            .and_then(|filter| filter.get(name))
            .map_or(&[][..], Value::as_list);
        list.iter()
            .filter_map(Value::as_text)
            .map(str::to_owned)
            .collect()
    };
    let least = filter.and_then(|filter| filter.get("minSeverity"));
    Wanted {
        types: words("eventTypes"),
        cases: words("caseIds"),
        entities: words("entityIds"),
        min_severity: least.and_then(Value::as_text).map(str::to_owned),
    }
}

fn demanded(desk: &mut Desk<'_, '_, '_>, reference: &str) -> Outcome<Record> {
    policy::demand(desk.caller(), "webhooks:admin")?;
    desk.find(&WEBHOOK, reference)
}

fn is_paused(hook: &Record) -> bool {
    hook.get("paused").and_then(Value::as_bool) == Some(true)
}

fn secret_number(hook: &Record) -> i64 {
    hook.get("secret_number").and_then(Value::as_int).unwrap_or(1)
}

fn pausing(hook: &Record, paused: bool, because: Option<Value>) -> Vec<Change> {
    let mut changes = Vec::new();
    if is_paused(hook) != paused {
        changes.push(set(hook, "paused", Value::Bool(paused)));
    }
    let because = because.unwrap_or(Value::Null);
    if hook.get("paused_because").unwrap_or(&Value::Null) != &because {
        changes.push(set(hook, "paused_because", because));
    }
    changes
}

fn set(hook: &Record, field: &'static str, value: Value) -> Change {
    Change::new(field, Action::Set(value)).seeing(hook.seen(field, Merge::Mv))
}

#[cfg(test)]
mod tests {
    use super::is_address;

    #[test]
    fn an_address_is_one_that_can_be_posted_to() {
        let table = [
            ("https://desk.example.org/events", true),
            ("https://[fd00::7]:8443/a?b=c", true),
            ("http://10.0.0.7/", true),
            ("https://desk.example.org:65535/", true),
            ("https://desk.example.org:65536/", false),
            ("https://desk.example.org:99999/", false),
            ("https://[fd00::7]/", true),
            ("https://[fd00::7]:99999/", false),
            ("https://ana:secret@desk.example.org/", false),
            ("https://desk.example.org/#part", false),
            ("ftp://desk.example.org/", false),
            ("/events", false),
            ("https:///events", false),
            ("desk.example.org", false),
            ("https://desk example/", false),
        ];
        for (url, expected) in table {
            assert_eq!(is_address(url), expected, "{url}");
        }
    }
}
