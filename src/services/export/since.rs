//! The records changed since some time, one a line, in the order of the log.

use std::io::Write;

use crate::domain::id::RecordId;
use crate::domain::kind::{
    ALERT, CASE, CATEGORY, CHAT_MESSAGE, ENTITY, EVIDENCE, FORM, Kind, LOCATION, NOTE, OFFICE, REPORT, TEAM,
    TIMELINE_ENTRY, UNIT, WATCHLIST, WATCHLIST_ENTRY,
};
use crate::domain::time::{Hlc, Millis};
use crate::domain::value::Value;
use crate::services::audit::Event;
use crate::services::caller::Caller;
use crate::services::export::shown::told_json;
use crate::services::failure::{Failure, Outcome};
use crate::services::find;
use crate::services::policy::{self, Deed};
use crate::services::{Services, sight};
use crate::store::database::Direction;
use crate::views::index::Order;
use crate::views::records;

/// What is exported; users, keys and agencies stay.
const KINDS: [&Kind; 16] = [
    &CASE,
    &ENTITY,
    &EVIDENCE,
    &TIMELINE_ENTRY,
    &NOTE,
    &REPORT,
    &CHAT_MESSAGE,
    &WATCHLIST,
    &WATCHLIST_ENTRY,
    &ALERT,
    &OFFICE,
    &TEAM,
    &UNIT,
    &CATEGORY,
    &FORM,
    &LOCATION,
];

impl Services {
    /// Writes the records changed after `since` as JSON Lines, in the order of their last change, and gives their number. The
    /// audit entry is durable before the first of them leaves.
    ///
    /// # Errors
    /// `Denied`; the disk failed.
    pub fn export_since(
        &self,
        caller: &Caller,
        since: Millis,
        out: &mut dyn Write,
        tell: &mut dyn FnMut(u64, u64),
    ) -> Outcome<u64> {
        for kind in KINDS {
            self.demand(caller, "export", policy::scope_for(kind, Deed::Read))?;
        }
        let rows = self.snapshot()?;
        let mut changed: Vec<(Hlc, RecordId)> = Vec::new();
        for kind in KINDS {
            let list = (caller.tenant(), kind);
            let order = (Order::Updated, Direction::Down);
            records::list(&rows, list, order, None, &mut |key, id| {
                let clock = key.len().checked_sub(24).and_then(|at| key[at..].first_chunk());
                let clock = Hlc(clock.copied().map_or(0, u64::from_be_bytes));
                let later = clock.millis() > since;
                if later {
                    changed.push((clock, id));
                }
                later
            })?;
        }
        changed.sort_unstable();
        let event = Event::done("export", None).with("since", Value::Time(since));
        self.note(caller, event)?;
        let total = changed.len() as u64;
        let mut written = 0;
        for (_, id) in changed {
            let record = records::get(&rows, id)?;
            if let Some(record) = record
                && find::may_read(&rows, caller, &record)?
            {
                let record = sight::of_record(record, &mut sight::of(&rows, caller))?;
                let line = writeln!(out, "{}", told_json(&record));
                line.map_err(|error| Failure::Internal(format!("writing the export: {error}")))?;
                written += 1;
                tell(written, total);
            }
        }
        Ok(written)
    }
}
