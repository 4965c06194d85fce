//! "Break glass": an officer reads one restricted record with a stated reason. It raises an alert for those who are cleared
//! for the case and is in the audit log before the answer; it opens nothing else, and nothing for a second time.

use crate::domain::kind::ALERT;
use crate::domain::record::Record;
use crate::domain::value::Value;
use crate::services::Services;
use crate::services::audit::{self, Event};
use crate::services::caller::Caller;
use crate::services::failure::{Failure, Outcome};

/// Characters of a reason, at least: a word is none.
const REASON_CHARS_MIN: usize = 10;

/// Characters of a reason, at most.
const REASON_CHARS_MAX: usize = 400;

impl Services {
    /// Raises the alert and writes the entry; the policy has said that the caller may.
    pub(in crate::services) fn break_glass(
        &self,
        caller: &Caller,
        record: &Record,
        reason: &str,
    ) -> Outcome<()> {
        let reason = reason.trim().to_owned();
        let chars = reason.chars().count();
        if !(REASON_CHARS_MIN..=REASON_CHARS_MAX).contains(&chars) || reason.chars().any(char::is_control) {
            return Err(Failure::wrong(
                "reason",
                format!("{REASON_CHARS_MIN} to {REASON_CHARS_MAX} characters in one line"),
            ));
        }
        let opened = record.id;
        self.write(caller, "alert.raise", None, move |desk| {
            let who = desk.caller();
            let said = format!("{} read this with a stated reason: {reason}", who.name());
            let said: String = said.chars().take(500).collect();
            let values = [
                ("record_id", Value::Id(opened)),
                ("severity", Value::text("high")),
                ("reason", Value::Text(said)),
                ("status", Value::text("raised")),
            ];
            let given = values
                .into_iter()
                .filter_map(|(name, value)| Some((ALERT.field(name)?, value)));
            desk.create_checked(&ALERT, given.collect(), Vec::new())?;
            let event = Event::done("break-glass", Some(opened)).with("reason", Value::Text(reason));
            Ok(audit::note(desk.session(), who, event)?)
        })
        .map(drop)
    }
}
