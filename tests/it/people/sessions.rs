//! Signing in: the lock, equal answers at equal cost, sessions and their end.

use std::os::unix::fs::MetadataExt;

use blotter::services::failure::{Failure, Outcome};
use blotter::services::people::sessions::{SignedIn, session_id};

use super::{PASSWORD, entries, fields, outcome, person, typed, via};
use crate::support::desk::TestDesk;

fn sign_in(desk: &TestDesk, email: &str, password: &str) -> Outcome<SignedIn> {
    desk.services().sign_in(email, &typed(password), via())
}

fn refusal(outcome: Outcome<SignedIn>) -> &'static str {
    match outcome {
        Err(Failure::Unauthenticated(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn five_failures_lock_over_a_restart_and_a_quarter_of_an_hour_opens() {
    let mut desk = TestDesk::open();
    let (user, _) = person(&desk, "ana", "officer");
    for _ in 0..3 {
        refusal(sign_in(&desk, "ana@metro.example", "wrong wrong wrong"));
    }
    desk.restart();
    for _ in 0..2 {
        refusal(sign_in(&desk, "ana@metro.example", "wrong wrong wrong"));
    }
    desk.restart();
    refusal(sign_in(&desk, "ana@metro.example", PASSWORD));
    assert_eq!(outcome(&entries(&desk, "sign-in")[0]), "locked");
    let locks = entries(&desk, "sign-in.lock");
    assert_eq!(locks.len(), 1);
    assert_eq!(locks[0].record, Some(user.id));
    desk.clock.advance(15 * 60_000);
    sign_in(&desk, "ANA@metro.example ", PASSWORD).unwrap();
    for _ in 0..4 {
        refusal(sign_in(&desk, "ana@metro.example", "wrong wrong wrong"));
    }
    sign_in(&desk, "ana@metro.example", PASSWORD).expect("a success began the count anew");
}

#[test]
fn an_administrators_new_password_ends_a_lock_and_all_sessions() {
    let desk = TestDesk::open();
    let (user, _) = person(&desk, "ana", "officer");
    let before = sign_in(&desk, "ana@metro.example", PASSWORD).unwrap();
    for _ in 0..5 {
        refusal(sign_in(&desk, "ana@metro.example", "wrong wrong wrong"));
    }
    let new = typed("another long password");
    let reference = user.id.to_string();
    desk.services()
        .set_password(&desk.owner(), &reference, None, &new, None)
        .unwrap();
    sign_in(&desk, "ana@metro.example", "another long password").unwrap();
    let ended = desk.services().admit_session(&before.token, via());
    assert!(matches!(ended, Err(Failure::Unauthenticated(_))));
}

#[test]
fn unknown_wrong_locked_and_disabled_get_one_answer_at_one_cost() {
    let desk = TestDesk::open();
    for name in ["wrong", "locked", "disabled"] {
        person(&desk, name, "officer");
    }
    let without = fields(serde_json::json!({"email": "none@metro.example", "name": "x", "role": "viewer"}));
    desk.services().create_user(&desk.owner(), without, None).unwrap();
    for _ in 0..5 {
        refusal(sign_in(&desk, "locked@metro.example", "wrong wrong wrong"));
    }
    let disabled = entries(&desk, "user.create")[1].record.unwrap();
    let input = fields(serde_json::json!({"disabled": true}));
    desk.services()
        .change_user(&desk.owner(), &disabled.to_string(), None, input)
        .unwrap();
    let mut answers = Vec::new();
    for (name, password) in [
        ("nobody", PASSWORD),
        ("wrong", "wrong wrong wrong"),
        ("locked", PASSWORD),
        ("disabled", PASSWORD),
        ("none", PASSWORD),
    ] {
        let (hashes, audited) = (desk.services().password_hashes(), entries(&desk, "sign-in").len());
        answers.push(refusal(sign_in(
            &desk,
            &format!("{name}@metro.example"),
            password,
        )));
        assert_eq!(desk.services().password_hashes(), hashes + 1, "{name}");
        let stranger = if name == "nobody" { 0 } else { 1 };
        assert_eq!(entries(&desk, "sign-in").len(), audited + stranger, "{name}");
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    let words: Vec<_> = entries(&desk, "sign-in")
        .iter()
        .take(4)
        .map(|e| outcome(e).to_owned())
        .collect();
    assert_eq!(words, ["refused", "disabled", "locked", "refused"]);
}

#[test]
fn an_idle_session_locks_and_an_old_one_ends() {
    let desk = TestDesk::open();
    person(&desk, "ana", "officer");
    let session = sign_in(&desk, "ana@metro.example", PASSWORD).unwrap();
    let admitted = |token: &str| desk.services().admit_session(token, via()).is_ok();
    for _ in 0..24 {
        desk.clock.advance(29 * 60_000);
        assert!(admitted(&session.token));
    }
    desk.clock.advance(24 * 60_000);
    assert!(!admitted(&session.token), "twelve hours are over");
    assert_eq!(entries(&desk, "session.end").len(), 1);
    let session = sign_in(&desk, "ana@metro.example", PASSWORD).unwrap();
    assert_eq!(desk.services().own_sessions(&session.caller).len(), 1);
    desk.clock.advance(30 * 60_000);
    assert!(!admitted(&session.token));
    assert_eq!(entries(&desk, "session.lock").len(), 1);
    let session = sign_in(&desk, "ana@metro.example", PASSWORD).unwrap();
    desk.services().sign_out(&session.caller, &session.token).unwrap();
    assert!(!admitted(&session.token));
    assert!(!admitted("se_made-up"));
}

#[test]
fn a_session_survives_a_restart_with_its_limits_and_its_end() {
    let mut desk = TestDesk::open();
    let (user, _) = person(&desk, "ana", "officer");
    let session = sign_in(&desk, "ana@metro.example", PASSWORD).unwrap();
    let ended = sign_in(&desk, "ana@metro.example", PASSWORD).unwrap();
    desk.services().sign_out(&ended.caller, &ended.token).unwrap();
    desk.clock.advance(20 * 60_000);
    assert!(desk.services().admit_session(&session.token, via()).is_ok());
    desk.services().keep_uses();
    desk.restart();
    assert!(desk.services().admit_session(&ended.token, via()).is_err());
    desk.clock.advance(29 * 60_000);
    let caller = desk.services().admit_session(&session.token, via()).unwrap();
    assert_eq!(caller.record(), Some(user.id));
    assert_eq!(
        desk.services().own_sessions(&caller)[0].id,
        session_id(&session.token)
    );
    let file = std::fs::read_to_string(desk.folder().join("sessions.json")).unwrap();
    assert!(!file.contains(&session.token), "tokens are kept as hashes");
    desk.services().keep_uses();
    desk.restart();
    desk.clock.advance(30 * 60_000);
    assert!(desk.services().admit_session(&session.token, via()).is_err());
    assert_eq!(entries(&desk, "session.lock").len(), 1);
}

#[test]
fn a_use_costs_no_write_until_somebody_keeps_it() {
    let mut desk = TestDesk::open();
    person(&desk, "ana", "officer");
    let session = sign_in(&desk, "ana@metro.example", PASSWORD).unwrap();
    let written = |desk: &TestDesk| {
        let facts = std::fs::metadata(desk.folder().join("sessions.json")).unwrap();
        facts.ino()
    };
    let begun = written(&desk);
    desk.clock.advance(20 * 60_000);
    desk.services().admit_session(&session.token, via()).unwrap();
    assert_eq!(written(&desk), begun);
    desk.services().keep_uses();
    let kept = written(&desk);
    assert_ne!(kept, begun);
    desk.services().keep_uses();
    assert_eq!(written(&desk), kept, "nothing was used meanwhile");
    desk.restart();
    desk.clock.advance(29 * 60_000);
    assert!(desk.services().admit_session(&session.token, via()).is_ok());
}

#[test]
fn a_disabled_user_loses_the_session_at_once() {
    let desk = TestDesk::open();
    let (user, _) = person(&desk, "ana", "officer");
    let session = sign_in(&desk, "ana@metro.example", PASSWORD).unwrap();
    let input = fields(serde_json::json!({"disabled": true}));
    desk.services()
        .change_user(&desk.owner(), &user.id.to_string(), None, input)
        .unwrap();
    assert!(desk.services().admit_session(&session.token, via()).is_err());
}

#[test]
fn an_address_that_fails_too_often_must_wait_before_it_costs_anything() {
    let desk = TestDesk::open();
    person(&desk, "ana", "officer");
    for _ in 0..30 {
        refusal(sign_in(&desk, "nobody@metro.example", "wrong wrong wrong"));
    }
    let hashes = desk.services().password_hashes();
    let flood = sign_in(&desk, "nobody@metro.example", "wrong wrong wrong");
    assert!(matches!(flood, Err(Failure::Busy(1..=61))), "{flood:?}");
    assert!(sign_in(&desk, "ana@metro.example", PASSWORD).is_err());
    assert_eq!(desk.services().password_hashes(), hashes);
    assert_eq!(outcome(&entries(&desk, "sign-in")[0]), "busy");
    desk.clock.advance(60_000);
    refusal(sign_in(&desk, "nobody@metro.example", "wrong wrong wrong"));
}
