//! How clients of the evidence room are let in: by a token and two numbers, all in headers.

use axum::http::header::AUTHORIZATION;

use crate::lanes::http::ask::Head;
use crate::lanes::http::caller::{Door, via_of};
use crate::services::safe::door::Credentials;

/// The lane's door.
pub(super) const DOOR: Door = Door {
    recalled: |lanes, head| lanes.services.recall_safe(&credentials(head), via_of(head)),
    admitted: |lanes, head| lanes.services.admit_safe(&credentials(head), via_of(head)),
    rates: |lanes| &lanes.safe_rates,
};

/// What the request says of who asks.
fn credentials(head: &Head) -> Credentials<'_> {
    let text = |name: &str| head.header(name).map(str::trim);
    let bearer = text(AUTHORIZATION.as_str()).and_then(|value| value.split_once(' '));
    let token = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    Credentials {
        token: token.map_or("", |(_, token)| token.trim()),
        is_static: text("statictoken").is_some_and(|said| said.eq_ignore_ascii_case("true")),
        organization: text("organizationid").and_then(|number| number.parse().ok()),
        office: text("officeid").and_then(|number| number.parse().ok()),
    }
}
