//! API keys: what they may be given, rotation, revocation, lanes, addresses.

use blotter::domain::kind::CREDENTIAL;
use blotter::domain::record::Record;
use blotter::services::caller::Via;
use blotter::services::failure::{Clash, Failure};
use blotter::services::keys::NewKey;

use super::{entries, fields, key_of, outcome, person, program, typed, via};
use crate::support::desk::TestDesk;

#[test]
fn a_rotated_key_opens_through_the_overlap_and_no_longer() {
    let desk = TestDesk::open();
    let services = desk.services();
    let input = fields(serde_json::json!({"name": "crm", "lanes": ["query"], "scopes": ["cases:read"]}));
    let old = services.create_key(&desk.owner(), input).unwrap();
    let reference = old.record.id.to_string();
    let new = services
        .rotate_key(&desk.owner(), &reference, 60 * 60_000)
        .unwrap();
    let (old_key, new_key) = (old.key, new.key);
    desk.clock.advance(59 * 60_000);
    assert!(services.admit_key(&old_key, via()).is_ok());
    let caller = services.admit_key(&new_key, via()).unwrap();
    assert!(caller.scopes().contains("cases:read"));
    desk.clock.advance(60_000);
    assert!(services.admit_key(&old_key, via()).is_err());
    assert!(services.admit_key(&new_key, via()).is_ok());
    let again = services.rotate_key(&desk.owner(), &reference, 0);
    assert!(matches!(again, Err(Failure::Conflict(Clash::State, ..))));
}

#[test]
fn a_second_rotation_lets_no_key_live_longer_and_none_is_made_dead() {
    let desk = TestDesk::open();
    let services = desk.services();
    let input = serde_json::json!({"name": "crm", "lanes": ["query"], "scopes": ["cases:read"]});
    let old = services.create_key(&desk.owner(), fields(input.clone())).unwrap();
    let reference = old.record.id.to_string();
    for overlap in [60_000, 60 * 60_000] {
        services.rotate_key(&desk.owner(), &reference, overlap).unwrap();
    }
    assert!(services.admit_key(&old.key, via()).is_ok());
    desk.clock.advance(60_000);
    assert!(services.admit_key(&old.key, via()).is_err());
    let mut dead = input;
    dead["expires_at"] = desk.services().now().to_string().into();
    let refused = services.create_key(&desk.owner(), fields(dead));
    assert!(matches!(refused, Err(Failure::Invalid(_))), "{refused:?}");
}

#[test]
fn a_revoked_key_is_refused_at_once() {
    let desk = TestDesk::open();
    let services = desk.services();
    let input = fields(serde_json::json!({"name": "crm", "lanes": ["query"], "scopes": ["*"]}));
    let made = services.create_key(&desk.owner(), input).unwrap();
    let key = made.key;
    assert_eq!(services.last_use_of(made.record.id), None);
    assert!(services.admit_key(&key, via()).is_ok());
    assert_eq!(services.last_use_of(made.record.id), Some(services.now()));
    services
        .revoke_key(&desk.owner(), &made.record.id.to_string(), None)
        .unwrap();
    assert!(services.admit_key(&key, via()).is_err());
    let refused = &entries(&desk, "authenticate")[0];
    assert_eq!(refused.actor, "stranger");
    assert!(refused.fields.contains_key("address"));
}

#[test]
fn expiry_addresses_and_lanes_bind_a_key() {
    let desk = TestDesk::open();
    let services = desk.services();
    let input = fields(serde_json::json!({
        "name": "kiosk", "lanes": ["events"], "scopes": ["cases:read"], "networks": ["10.1.0.0/16"],
        "expires_at": "2026-03-17T22:14:22Z",
    }));
    let key = services.create_key(&desk.owner(), input).unwrap().key;
    let from = |lane: &'static str, address: &str| {
        let address = Some(address.parse().unwrap());
        services.admit_key(
            &key,
            Via {
                lane,
                address,
                request_id: "x".into(),
                asked: String::new(),
            },
        )
    };
    assert!(from("events", "10.1.9.9").is_ok());
    assert!(matches!(
        from("events", "10.2.0.1"),
        Err(Failure::Unauthenticated(_))
    ));
    assert!(matches!(from("rest", "10.1.9.9"), Err(Failure::Denied(_))));
    desk.clock.advance(60 * 60_000);
    assert!(matches!(
        from("events", "10.1.9.9"),
        Err(Failure::Unauthenticated(_))
    ));
}

#[test]
fn a_key_gets_nothing_that_its_maker_lacks() {
    let desk = TestDesk::open();
    let services = desk.services();
    let wanted = |scopes: &[&str], lanes: &[&str]| {
        fields(serde_json::json!({"name": "x", "lanes": lanes, "scopes": scopes}))
    };
    let clerk = program(&desk, &["keys:admin", "cases:write"]);
    services
        .create_key(&clerk, wanted(&["cases:read"], &["query"]))
        .unwrap();
    let denied = [
        (&["users:admin"][..], &["query"][..]),
        (&["*"], &["query"]),
        (&["cases:restricted"], &["query"]),
        (&["cases:read"], &["sync"]),
    ];
    for (scopes, lanes) in denied {
        let made = services.create_key(&clerk, wanted(scopes, lanes));
        assert!(matches!(made, Err(Failure::Denied(_))), "{scopes:?} {lanes:?}");
    }
    let strong = key_of(&desk, &program(&desk, &["*"]));
    let rotated = services.rotate_key(&clerk, &strong.id.to_string(), 0);
    assert!(
        matches!(rotated, Err(Failure::Denied(_))),
        "a rotation shows the new key"
    );
    let generic = services.create(&clerk, &CREDENTIAL, wanted(&["cases:read"], &["query"]), None);
    assert!(matches!(generic, Err(Failure::Invalid(_))));
    let (_, chief) = person(&desk, "chief", "administrator");
    let made = services.create_key(&chief, wanted(&["*", "cases:restricted"], &["query", "sync"]));
    made.unwrap();
    let (_, supervisor) = person(&desk, "super", "supervisor");
    let made = services.create_key(&supervisor, wanted(&["cases:read"], &["query"]));
    assert!(matches!(made, Err(Failure::Denied(_))));
}

#[test]
fn a_key_makes_none_that_outlives_it() {
    let desk = TestDesk::open();
    let services = desk.services();
    let input = |ends: Option<&str>| {
        fields(serde_json::json!({
            "name": "x", "lanes": ["query"], "scopes": ["keys:admin"], "expires_at": ends,
        }))
    };
    let made = services
        .create_key(&desk.owner(), input(Some("2026-04-01T00:00:00Z")))
        .unwrap();
    let maker = services.admit_key(&made.key, via()).unwrap();
    services
        .create_key(&maker, input(Some("2026-04-01T00:00:00Z")))
        .unwrap();
    for ends in [None, Some("2026-04-02T00:00:00Z")] {
        assert!(matches!(
            services.create_key(&maker, input(ends)),
            Err(Failure::Denied(_))
        ));
    }
    let forever = services.create_key(&desk.owner(), input(None)).unwrap();
    let rotated = services.rotate_key(&maker, &forever.record.id.to_string(), 0);
    assert!(matches!(rotated, Err(Failure::Denied(_))), "nor by a rotation");
}

/// An auditor's key for one network made itself another that opened from anywhere.
#[test]
fn a_key_makes_none_for_elsewhere() {
    let desk = TestDesk::open();
    let services = desk.services();
    let input = |networks: &[&str]| {
        fields(serde_json::json!({
            "name": "x", "lanes": ["query"], "scopes": ["keys:admin"], "networks": networks,
        }))
    };
    let made = services
        .create_key(&desk.owner(), input(&["10.1.0.0/16", "fd00::/8"]))
        .unwrap();
    let maker = services.admit_key(&made.key, via()).unwrap();
    for networks in [&["10.1.2.0/24"][..], &["10.1.0.0/16", "fd12::1"]] {
        services.create_key(&maker, input(networks)).unwrap();
    }
    for networks in [
        &[][..],
        &["0.0.0.0/0"],
        &["10.1.2.0/24", "10.2.0.0/16"],
        &["10.0.0.0/8"],
        &["::/0"],
    ] {
        let made = services.create_key(&maker, input(networks));
        assert!(matches!(made, Err(Failure::Denied(_))), "{networks:?}");
    }
    let anywhere = services.create_key(&desk.owner(), input(&[])).unwrap();
    let rotated = services.rotate_key(&maker, &anywhere.record.id.to_string(), 0);
    assert!(
        matches!(rotated, Err(Failure::Denied(_))),
        "a rotation shows the new key"
    );
    services
        .rotate_key(&maker, &made.record.id.to_string(), 0)
        .unwrap();
    // A key for any network is not held to one.
    let free = services.admit_key(&anywhere.key, via()).unwrap();
    services.create_key(&free, input(&[])).unwrap();
}

/// An auditor's key with `keys:admin` alone took back one that it could neither make nor rotate.
#[test]
fn a_key_is_taken_back_by_those_who_have_what_it_opens() {
    let desk = TestDesk::open();
    let services = desk.services();
    let strong = key_of(
        &desk,
        &program(&desk, &["*", "cases:restricted", "records:expunge"]),
    );
    let clerk = program(&desk, &["keys:admin"]);
    let revoke = |caller, key: &Record| services.revoke_key(caller, &key.id.to_string(), None);
    assert!(matches!(revoke(&clerk, &strong), Err(Failure::Denied(_))));
    assert_eq!(outcome(&entries(&desk, "key.revoke")[0]), "denied");
    revoke(&clerk, &key_of(&desk, &clerk)).unwrap();
    let (_, chief) = person(&desk, "chief", "administrator");
    revoke(&chief, &strong).unwrap();
}

/// A key for one network, or for a day, made an officer with a password of its choice, or an endless token for one that was
/// there, and could take back what it could not have made.
#[test]
fn a_bound_key_finds_no_way_round_its_bounds() {
    let desk = TestDesk::open();
    let services = desk.services();
    let (officer, _) = person(&desk, "officer", "officer");
    let reference = officer.id.to_string();
    let scopes = ["*", "cases:restricted"];
    let key = |bounds: serde_json::Value| {
        let mut input = fields(serde_json::json!({"name": "x", "lanes": ["query"], "scopes": scopes}));
        input.extend(fields(bounds));
        let made = services.create_key(&desk.owner(), input).unwrap();
        (services.admit_key(&made.key, via()), made)
    };
    let (free, endless) = key(serde_json::json!({}));
    let free = free.unwrap();
    let (_, elsewhere) = key(serde_json::json!({"networks": ["10.2.0.0/16"]}));
    let (_, short) = key(serde_json::json!({"expires_at": "2026-03-18T00:00:00Z"}));
    let bounds = [
        serde_json::json!({"expires_at": "2026-04-01T00:00:00Z"}),
        serde_json::json!({"networks": ["10.1.2.0/24"]}),
    ];
    let bound: Vec<_> = bounds.into_iter().map(|bounds| key(bounds).0.unwrap()).collect();
    let refused = |failure: Failure| assert!(matches!(failure, Failure::Denied(_)), "{failure:?}");
    for (place, own) in bound.iter().enumerate() {
        for role in ["viewer", "officer", "administrator"] {
            let input = serde_json::json!({
                "name": "x", "email": format!("{role}{place}@example.org"), "role": role, "password": "long enough for all",
            });
            refused(services.create_user(own, fields(input), None).unwrap_err());
        }
        let new = typed("a password of my own");
        refused(
            services
                .set_password(own, &reference, None, &new, None)
                .unwrap_err(),
        );
        refused(services.make_static_token(own, &reference).unwrap_err());
        for change in [
            serde_json::json!({"disabled": true}),
            serde_json::json!({"role": "viewer"}),
        ] {
            refused(
                services
                    .change_user(own, &reference, None, fields(change))
                    .unwrap_err(),
            );
        }
        let renamed = serde_json::json!({"name": format!("Officer {place}")});
        services
            .change_user(own, &reference, None, fields(renamed))
            .unwrap();
        refused(
            services
                .revoke_key(own, &endless.record.id.to_string(), None)
                .unwrap_err(),
        );
    }
    let revoke = |own, made: &NewKey| services.revoke_key(own, &made.record.id.to_string(), None);
    refused(revoke(&bound[1], &elsewhere).unwrap_err());
    revoke(&bound[0], &short).unwrap();
    revoke(&free, &elsewhere).unwrap();
    let input = serde_json::json!({"name": "x", "email": "x@example.org", "role": "officer"});
    services.create_user(&free, fields(input), None).unwrap();
    services.make_static_token(&free, &reference).unwrap();
}
