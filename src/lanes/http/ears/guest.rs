//! Who stays is asked for his credential again and again: a key that is revoked, a session that has ended, and rights that
//! were taken away end what was begun with them.

use std::time::Duration;

use crate::lanes::http::ask::Head;
use crate::lanes::http::caller::{credential_of, via_of};
use crate::lanes::http::{Lanes, blocking};
use crate::services::caller::{Caller, Via};
use crate::services::events::Listener;
use crate::services::failure::Outcome;

/// Between two looks at a credential.
pub const LOOK_EVERY: Duration = Duration::from_secs(10);

/// A credential that stays.
#[derive(Clone, Debug)]
pub struct Guest {
    credential: Option<String>,
    via: Via,
}

impl Guest {
    /// What the request brought.
    pub fn of(head: &Head) -> Self {
        Self {
            credential: credential_of(&head.headers).map(str::to_owned),
            via: via_of(head),
        }
    }

    /// The same with a credential that came later.
    pub fn with(self, credential: &str) -> Self {
        Self {
            credential: Some(credential.to_owned()),
            ..self
        }
    }

    /// Whoever the credential opens the lane for, now.
    pub async fn admit(&self, lanes: &Lanes) -> Outcome<Caller> {
        let (lanes, guest) = (lanes.clone(), self.clone());
        blocking(move || {
            let credential = guest.credential.unwrap_or_default();
            lanes.services.admit_any(&credential, guest.via)
        })
        .await
    }

    /// The listener that the guest still is.
    pub async fn look_again(&self, lanes: &Lanes) -> Outcome<Listener> {
        let (lanes, guest) = (lanes.clone(), self.clone());
        blocking(move || {
            let credential = guest.credential.unwrap_or_default();
            Ok(Listener::new(lanes.services.look_again(&credential, guest.via)?))
        })
        .await
    }
}
