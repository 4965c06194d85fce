//! Who carries what is told: one task looks which webhooks there are, and one task a webhook carries. What a courier knows is a
//! number; everything else it reads again before each delivery, so a right that was taken away is gone from the next one on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::domain::id::RecordId;
use crate::lanes::events::webhooks::letter::Letter;
use crate::lanes::http::ears::hear::{hear, note};
use crate::lanes::http::{Lanes, Line, Outside, Reply, Telling, blocking};
use crate::services::audit::Event;
use crate::services::events::webhooks::{Attempt, Place, Standing, Webhook};
use crate::services::events::{Heard, Listener};
use crate::services::failure::{Failure, Outcome};
use crate::store::identity::random;

/// Between two looks whether there are other webhooks, and between two writings of places.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A courier that has nothing to do asks so often whether its owner may still listen.
const ASK_EVERY: Duration = Duration::from_secs(10);
/// Events read at once.
const EVENTS_AT_ONCE: usize = 20;
/// What was read so long ago is judged anew before it is told.
const READ_FOR: Duration = Duration::from_secs(1);

/// The couriers that are on their way, with the version of the record that each was sent out with or told of since.
type Sent = Arc<Mutex<BTreeMap<RecordId, u64>>>;

/// Sends couriers out until the node stops. Does nothing where nothing leaves the house.
pub async fn dispatch(lanes: Lanes) {
    let Some(outside) = lanes.outside.clone() else {
        return;
    };
    let sent = Sent::default();
    let (mut looked_at, mut kept) = (None, Instant::now());
    loop {
        tokio::select! {
            () = lanes.beside.stopping() => return,
            () = sleep(LOOK_EVERY) => {}
        }
        match look(&lanes, &sent, looked_at).await {
            Ok(Some((last, active))) => {
                looked_at = Some(last);
                send_out(&lanes, &outside, &sent, active);
            }
            Ok(None) => {}
            Err(failure) => tracing::warn!(?failure, "webhooks could not be looked up; trying again"),
        }
        if kept.elapsed() >= 2 * LOOK_EVERY {
            keep(&lanes).await;
            kept = Instant::now();
        }
    }
}

type Active = Vec<(RecordId, u64)>;

/// The active webhooks, if anything has arrived since the last look or one has no courier any more.
async fn look(
    lanes: &Lanes,
    sent: &Sent,
    looked_at: Option<(u64, usize)>,
) -> Outcome<Option<((u64, usize), Active)>> {
    let lanes = lanes.clone();
    let out = sent.lock().unwrap_or_else(PoisonError::into_inner).len();
    blocking(move || {
        let now = (lanes.feed.last()?, out);
        if looked_at == Some(now) {
            return Ok(None);
        }
        Ok(Some((now, lanes.services.active_webhooks()?)))
    })
    .await
}

fn send_out(lanes: &Lanes, outside: &Arc<dyn Outside>, sent: &Sent, active: Active) {
    let mut out = sent.lock().unwrap_or_else(PoisonError::into_inner);
    let mut changed = false;
    for (hook, version) in active {
        match out.insert(hook, version) {
            Some(known) => changed |= known != version,
            None => {
                let courier = Courier {
                    lanes: lanes.clone(),
                    hook,
                    line: outside.line(),
                    is_noted: false,
                };
                let sent = Arc::clone(sent);
                lanes.beside.spawn(async move {
                    courier.carry().await;
                    sent.lock().unwrap_or_else(PoisonError::into_inner).remove(&hook);
                });
            }
        }
    }
    drop(out);
    if changed {
        lanes.deliveries.nudge();
    }
}

async fn keep(lanes: &Lanes) {
    let deliveries = lanes.deliveries.clone();
    let keeping = blocking(move || {
        deliveries.keep();
        Ok(())
    });
    if let Err(failure) = keeping.await {
        tracing::error!(?failure, "writing down the places of webhooks panicked");
    }
}

/// One webhook and the line to its receiver.
struct Courier {
    lanes: Lanes,
    hook: RecordId,
    line: Box<dyn Line>,
    /// The audit log knows that it is on its way.
    is_noted: bool,
}

/// Whether a courier goes on.
enum Next {
    /// At once.
    Go,
    /// When something has happened, or after this time.
    Wait(Duration),
    /// There is nothing to carry any more.
    End,
}

impl Courier {
    async fn carry(mut self) {
        let beside = self.lanes.beside.clone();
        let mut moved = self.lanes.feed.listen();
        let mut nudged = self.lanes.deliveries.nudged();
        // Failures of our own in a row: they may leave audit entries, so they come less and less often.
        let mut faults = 0_u32;
        loop {
            moved.mark_unchanged();
            nudged.mark_unchanged();
            let next = tokio::select! {
                next = self.round() => next,
                () = beside.stopping() => return,
            };
            let next = match next {
                Ok(next) => {
                    faults = 0;
                    next
                }
                Err(failure) => {
                    faults = faults.saturating_add(1);
                    let wait = backoff(&self.lanes.options.telling, faults);
                    tracing::warn!(?failure, webhook = %self.hook, ?wait, "a webhook could not be told; trying again");
                    Next::Wait(wait)
                }
            };
            // While it fails, what happens elsewhere changes nothing.
            let fails = faults > 0 || self.standing().failures > 0;
            match next {
                Next::Go => {}
                Next::End => return,
                Next::Wait(time) => tokio::select! {
                    () = sleep(time) => {}
                    _ = moved.changed(), if !fails => {}
                    _ = nudged.changed() => {}
                    () = beside.stopping() => return,
                },
            }
        }
    }

    fn standing(&self) -> Standing {
        self.lanes.deliveries.standing(self.hook).unwrap_or_default()
    }

    /// Reads what comes next and tells it.
    async fn round(&mut self) -> Outcome<Next> {
        let (lanes, id) = (self.lanes.clone(), self.hook);
        let known = blocking(move || {
            let Some(hook) = lanes.services.webhook(id)? else {
                return Ok(None);
            };
            let listener = lanes.services.webhook_listener(&hook);
            Ok(Some((hook, listener)))
        });
        let Some((hook, listener)) = known.await? else {
            return Ok(Next::End);
        };
        let listener = match listener {
            Err(Failure::Unauthenticated(why)) => {
                return self
                    .hold_back(format!("its owner hears nothing any more: {why}"))
                    .await;
            }
            listener => listener?,
        };
        if !self.is_noted {
            let (services, who, id) = (self.lanes.services.clone(), listener.caller().clone(), self.hook);
            blocking(move || services.note(&who, Event::done("events.listen", Some(id)))).await?;
            self.is_noted = true;
        }
        let place = self.lanes.deliveries.place(self.hook, hook.begins_after);
        let now = self.lanes.services.now();
        if let Some(next_at) = self.standing().next_at.filter(|at| *at > now) {
            let wait = u64::try_from(next_at.0 - now.0).unwrap_or(0);
            return Ok(Next::Wait(Duration::from_millis(wait).min(ASK_EVERY)));
        }
        let heard = hear(
            &self.lanes,
            (&listener, &hook.filter),
            place.sequence,
            EVENTS_AT_ONCE,
        )
        .await?;
        self.tell(&hook, &listener, place, heard).await
    }

    /// Tells what was heard, one after the other, as long as each is taken.
    async fn tell(
        &mut self,
        hook: &Webhook,
        listener: &Listener,
        place: Place,
        heard: Heard,
    ) -> Outcome<Next> {
        note(&self.lanes, listener.caller(), &heard).await?;
        let read_at = Instant::now();
        for notice in &heard.notices {
            if read_at.elapsed() > READ_FOR {
                return Ok(Next::Go);
            }
            let letter = Letter::of(notice);
            let attempt = self.standing().failures + 1;
            let (told, reply) = post(&self.lanes, &mut *self.line, hook, &letter, attempt).await;
            let (taken, status) = (told.is_delivered(), told.status);
            self.lanes.deliveries.note(self.hook, told);
            if taken {
                self.lanes
                    .deliveries
                    .reached(self.hook, place, letter.sequence, true);
            } else {
                return self.has_failed(place, status, reply).await;
            }
        }
        self.lanes
            .deliveries
            .reached(self.hook, place, heard.reached, false);
        match heard.reached < self.lanes.feed.head() {
            true => Ok(Next::Go),
            false => Ok(Next::Wait(ASK_EVERY)),
        }
    }

    /// Holds the webhook back if that was the last attempt.
    async fn has_failed(&mut self, place: Place, status: Option<u16>, reply: Option<Reply>) -> Outcome<Next> {
        let (now, telling) = (self.lanes.services.now(), self.lanes.options.telling);
        let wished = reply.and_then(|reply| reply.retry_after).unwrap_or_default();
        let standing = self.lanes.deliveries.failed(self.hook, now, |standing| {
            let wait = backoff(&telling, standing.failures).max(wished.min(telling.give_up_after));
            now.plus(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
        });
        let said = status.map_or("nothing was answered".to_owned(), |status| {
            format!("the last answer was {status}")
        });
        if status == Some(410) {
            let why = format!(
                "the receiver said that it is gone (410) to the event after {}",
                place.sequence
            );
            return self.hold_back(why).await;
        }
        let failing = standing
            .failing_since
            .map_or(0, |since| now.0.saturating_sub(since.0));
        if u128::try_from(failing).unwrap_or(0) >= telling.give_up_after.as_millis() {
            let since = standing.failing_since.unwrap_or(now);
            return self
                .hold_back(format!("nothing was taken since {since}; {said}"))
                .await;
        }
        Ok(Next::Go)
    }

    async fn hold_back(&mut self, why: String) -> Outcome<Next> {
        let (lanes, hook, said) = (self.lanes.clone(), self.hook, why.clone());
        blocking(move || lanes.services.hold_webhook_back(hook, &said)).await?;
        tracing::warn!(webhook = %self.hook, why, "a webhook was paused");
        Ok(Next::End)
    }
}

/// One attempt.
pub(super) async fn post(
    lanes: &Lanes,
    line: &mut dyn Line,
    hook: &Webhook,
    letter: &Letter,
    attempt: u32,
) -> (Attempt, Option<Reply>) {
    let (at, begun) = (lanes.services.now(), Instant::now());
    let reply = line
        .post(&hook.url, letter.headers(hook, at), letter.body.clone())
        .await;
    let attempt = Attempt {
        at,
        sequence: letter.sequence,
        event_id: letter.id.clone(),
        event_type: letter.name.clone(),
        attempt,
        status: reply.as_ref().ok().map(|reply| reply.status),
        error: reply.as_ref().err().cloned(),
        millis: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
    };
    (attempt, reply.ok())
}

/// Doubled with each failure, up to the longest; half of it is chance, so that those who failed together don't come together.
fn backoff(telling: &Telling, failures: u32) -> Duration {
    let factor = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    let whole = telling.retry_min.saturating_mul(factor).min(telling.retry_max);
    let mut bytes = [0; 2];
    // Without chance it is the whole time.
    let part = random(&mut bytes).map_or(u16::MAX, |()| u16::from_be_bytes(bytes));
    whole / 2 + whole.mul_f64(f64::from(part) / f64::from(u16::MAX)) / 2
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Telling, backoff};

    #[test]
    fn waits_grow_up_to_an_hour_and_never_beyond() {
        let telling = Telling::default();
        let seconds = [
            (1, 1),
            (2, 2),
            (3, 4),
            (11, 1024),
            (13, 3600),
            (40, 3600),
            (u32::MAX, 3600),
        ];
        for (failures, whole) in seconds {
            let whole = Duration::from_secs(whole);
            for _ in 0..50 {
                let wait = backoff(&telling, failures);
                assert!(wait >= whole / 2 && wait <= whole, "{failures}: {wait:?}");
            }
        }
    }
}
