//! Users and agencies: who may make whom.

use blotter::domain::kind::{TENANT, USER};
use blotter::services::failure::{Clash, Failure};

use super::{PASSWORD, fields, person, program, typed, via};
use crate::support::desk::TestDesk;

#[test]
fn every_fault_of_a_new_user_is_told_with_the_password_among_them() {
    let desk = TestDesk::open();
    let bad = fields(serde_json::json!({"email": "no", "name": "Ana", "role": "chief", "password": "short"}));
    let Err(Failure::Invalid(faults)) = desk.services().create_user(&desk.owner(), bad, None) else {
        panic!()
    };
    let mut paths: Vec<_> = faults.iter().map(|fault| fault.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["data.email", "data.password", "data.role"]);
}

#[test]
fn a_user_changes_his_own_password_with_the_current_one_alone() {
    let desk = TestDesk::open();
    let (user, caller) = person(&desk, "ana", "viewer");
    let (other, _) = person(&desk, "ben", "viewer");
    let services = desk.services();
    let new = typed("another long password");
    let set = |reference: &str, current: Option<&str>| {
        services.set_password(&caller, reference, current.map(typed), &new, None)
    };
    let (own, others) = (user.id.to_string(), other.id.to_string());
    assert!(matches!(set(&own, None), Err(Failure::Invalid(_))));
    assert!(matches!(
        set(&own, Some("wrong wrong wrong")),
        Err(Failure::Unauthenticated(_))
    ));
    assert!(matches!(set(&others, Some(PASSWORD)), Err(Failure::Denied(_))));
    set(&own, Some(PASSWORD)).unwrap();
}

#[test]
fn nobody_gives_a_role_or_takes_an_account_above_his_own() {
    let desk = TestDesk::open();
    let (chief, _) = person(&desk, "chief", "administrator");
    let (officer, _) = person(&desk, "officer", "officer");
    let services = desk.services();
    let clerk = program(
        &desk,
        &[
            "users:admin",
            "cases:read",
            "entities:read",
            "evidence:read",
            "reports:read",
            "watchlists:read",
        ],
    );
    let user = |name: &str, role: &str| {
        fields(serde_json::json!({"email": format!("{name}@x"), "name": name, "role": role}))
    };
    services
        .create_user(&clerk, user("viewer", "viewer"), None)
        .unwrap();
    for role in ["officer", "supervisor", "administrator"] {
        let made = services.create_user(&clerk, user(role, role), None);
        assert!(matches!(made, Err(Failure::Denied(_))), "{role}");
        let generic = services.create(&clerk, &USER, user(role, role), None);
        assert!(matches!(generic, Err(Failure::Denied(_))), "{role}");
    }
    let all = program(&desk, &["*"]);
    services.create_user(&all, user("o", "officer"), None).unwrap();
    assert!(
        matches!(
            services.create_user(&all, user("s", "supervisor"), None),
            Err(Failure::Denied(_))
        ),
        "who does not read restricted cases makes nobody who does"
    );
    for reference in [chief.id.to_string(), officer.id.to_string()] {
        let taken = services.set_password(&clerk, &reference, None, &typed(PASSWORD), None);
        assert!(matches!(taken, Err(Failure::Denied(_))));
        let token = services.make_static_token(&clerk, &reference);
        assert!(matches!(token, Err(Failure::Denied(_))));
        let change = fields(serde_json::json!({"email": "mine@x"}));
        let changed = services.change_user(&clerk, &reference, None, change);
        assert!(matches!(changed, Err(Failure::Denied(_))));
    }
}

#[test]
fn nobody_disables_or_demotes_himself() {
    let desk = TestDesk::open();
    let (user, caller) = person(&desk, "chief", "administrator");
    for change in [
        serde_json::json!({"disabled": true}),
        serde_json::json!({"role": "officer"}),
    ] {
        let changed = desk
            .services()
            .change_user(&caller, &user.id.to_string(), None, fields(change));
        assert!(matches!(changed, Err(Failure::Conflict(Clash::State, ..))));
    }
    let renamed = fields(serde_json::json!({"name": "The chief"}));
    desk.services()
        .change_user(&caller, &user.id.to_string(), None, renamed)
        .unwrap();
}

#[test]
fn an_agency_is_made_with_its_administrator_and_seen_from_inside_alone() {
    let desk = TestDesk::open();
    let services = desk.services();
    let (_, chief) = person(&desk, "chief", "administrator");
    let input = |slug: &str| {
        fields(
            serde_json::json!({"slug": slug, "name": "County", "administrator": {
                "email": format!("chief@{slug}.example"), "name": "Chief", "password": PASSWORD,
            }}),
        )
    };
    let made = services.found_tenant(&desk.owner(), input("county")).unwrap();
    let id = made.records[0].id.to_string();
    assert!(matches!(
        services.read(&chief, &TENANT, &id),
        Err(Failure::Unknown(_))
    ));
    let inside = services
        .sign_in("chief@county.example", &typed(PASSWORD), via())
        .unwrap();
    assert_eq!(inside.caller.tenant().as_str(), "county");
    services.read(&inside.caller, &TENANT, &id).unwrap();
    let categories = services.categories(&inside.caller).unwrap();
    assert!(!categories.is_empty(), "it can take a report");
    for slug in ["county", "metro"] {
        let again = services.found_tenant(&desk.owner(), input(slug));
        assert!(
            matches!(again, Err(Failure::Conflict(Clash::Duplicate, ..))),
            "{slug}"
        );
    }
    assert!(matches!(
        services.found_tenant(&chief, input("other")),
        Err(Failure::Denied(_))
    ));
    assert!(matches!(
        services.found_tenant(&desk.owner(), input("No")),
        Err(Failure::Invalid(_))
    ));
}
