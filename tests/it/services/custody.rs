//! Custody: every hand-over names the one before it, and a supervisor settles what two said apart.

use blotter::domain::custody::State;
use blotter::domain::custody::chain::CUSTODY;
use blotter::domain::id::RecordId;
use blotter::domain::kind::{CASE, EVIDENCE};
use blotter::domain::operation::{Action, Change};
use blotter::domain::value::Value;
use blotter::services::failure::{Clash, Failure};

use crate::services::casebook::fields;
use crate::support::desk::TestDesk;

fn item(desk: &TestDesk) -> String {
    let owner = desk.owner();
    let case = fields(serde_json::json!({"title": "Break-in"}));
    let case = desk.services().create(&owner, &CASE, case, None).unwrap();
    let given = fields(serde_json::json!({
        "case_id": case.records[0].id.to_string(), "type": "physical", "description": "a knife",
        "recovered_at": "2026-03-17T20:00:00Z", "recovered_by": "Officer Park",
    }));
    let item = desk.services().create(&owner, &EVIDENCE, given, None).unwrap();
    item.records[0].text("display_id").unwrap().to_owned()
}

fn head(desk: &TestDesk, item: &str) -> String {
    let custody = desk.services().custody_of(&desk.owner(), item).unwrap();
    custody.chain.heads[0].to_string()
}

fn step(desk: &TestDesk, item: &str, json: serde_json::Value) -> Result<(), Failure> {
    let taken = desk
        .services()
        .transfer_custody(&desk.owner(), item, fields(json), None);
    taken.map(drop)
}

#[test]
fn an_item_begins_its_chain_when_it_is_made_and_goes_on_by_the_last_entry() {
    let desk = TestDesk::open();
    let item = item(&desk);
    let custody = desk.services().custody_of(&desk.owner(), &item).unwrap();
    assert_eq!(custody.chain.now.state, State::Held);
    assert_eq!(custody.chain.now.holder, Some(Value::text("Officer Park")));
    let first = head(&desk, &item);
    step(
        &desk,
        &item,
        serde_json::json!({
            "action": "stored", "place": "Shelf 4", "follows": first, "hash_before": "a".repeat(64), "hash_after": "b".repeat(64),
        }),
    )
    .unwrap();
    let custody = desk.services().custody_of(&desk.owner(), &item).unwrap();
    let Some(Value::Map(said)) = custody.chain.entries.last().map(|entry| entry.value.clone()) else {
        panic!("{custody:?}")
    };
    assert!(
        said.contains_key("hash_before") && said.contains_key("hash_after"),
        "{said:?}"
    );
    let late = step(
        &desk,
        &item,
        serde_json::json!({"action": "stored", "place": "Shelf 5", "follows": first}),
    );
    let Err(Failure::Conflict(Clash::Custody, _, meta)) = late else {
        panic!("{late:?}")
    };
    let second = head(&desk, &item);
    assert_eq!(
        meta.get("follows"),
        Some(&Value::List(vec![Value::text(second.clone())]))
    );
    assert_eq!(meta.get("state"), Some(&Value::text("stored")));
    let twice = step(
        &desk,
        &item,
        serde_json::json!({"action": "stored", "follows": second}),
    );
    assert!(matches!(twice, Err(Failure::Conflict(Clash::Custody, ..))));
    let later =
        serde_json::json!({"action": "moved", "happened_at": "2031-01-01T00:00:00Z", "follows": second});
    assert!(
        matches!(step(&desk, &item, later), Err(Failure::Invalid(faults)) if faults[0].path == "data.happened_at")
    );
    let Err(Failure::Invalid(faults)) = step(&desk, &item, serde_json::json!({"action": "sold", "by": 1}))
    else {
        panic!()
    };
    let paths: Vec<_> = faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(paths, ["data.action", "data.by", "data.follows"]);
}

#[test]
fn a_dispute_is_settled_by_an_entry_that_names_all_sides_with_a_reason() {
    let desk = TestDesk::open();
    let item = item(&desk);
    let first = desk.services().custody_of(&desk.owner(), &item).unwrap();
    // What a second unit said while it was away: it follows the first entry as well.
    let both = ["checked-out", "stored"].map(|action| {
        let entry = fields(serde_json::json!({"action": action, "actor": "unit"}));
        Change::new(CUSTODY, Action::Step(Value::Map(entry))).seeing(first.chain.heads.clone())
    });
    let id: RecordId = first.item.id;
    desk.services()
        .write(&desk.owner(), "test", None, move |desk| {
            let item = desk.find(&EVIDENCE, &id.to_string())?;
            desk.change(&EVIDENCE, &item, both.to_vec()).map(drop)
        })
        .unwrap();
    let heads: Vec<String> = {
        let custody = desk.services().custody_of(&desk.owner(), &item).unwrap();
        assert!(custody.chain.disputed.is_some());
        custody.chain.heads.iter().map(ToString::to_string).collect()
    };
    let settle = |follows: &[String], reason: Option<&str>| {
        step(
            &desk,
            &item,
            serde_json::json!({"action": "checked-in", "follows": follows, "reason": reason}),
        )
    };
    assert!(matches!(
        settle(&heads[..1], Some("seen")),
        Err(Failure::Conflict(Clash::Custody, ..))
    ));
    assert!(matches!(settle(&heads, None), Err(Failure::Invalid(_))));
    settle(&heads, Some("the item is on the shelf")).unwrap();
    let custody = desk.services().custody_of(&desk.owner(), &item).unwrap();
    assert_eq!(
        (custody.chain.disputed, custody.chain.now.state),
        (None, State::Stored)
    );
}

#[test]
fn what_is_held_is_not_disposed_of() {
    let desk = TestDesk::open();
    let item = item(&desk);
    let hold = Change::new("hold", Action::Raise(1));
    desk.change_apart(&desk.owner(), (&EVIDENCE, &item), vec![hold]);
    let follows = head(&desk, &item);
    for action in ["disposed", "destroyed", "returned"] {
        let refused = step(
            &desk,
            &item,
            serde_json::json!({"action": action, "follows": follows}),
        );
        assert!(
            matches!(refused, Err(Failure::Conflict(Clash::Custody, ..))),
            "{action}"
        );
    }
    step(
        &desk,
        &item,
        serde_json::json!({"action": "stored", "follows": follows}),
    )
    .unwrap();
}

/// A unit sent an item ahead of its case, which may be under a hold: nobody here can know, so nothing may be destroyed.
#[test]
fn an_item_whose_case_has_not_arrived_stays_in_the_house() {
    let desk = TestDesk::open();
    let (services, owner) = (desk.services(), desk.owner());
    let known = item(&desk);
    let known = services.read(&owner, &EVIDENCE, &known).unwrap();
    let rows = services.snapshot().unwrap();
    let places = blotter::views::records::history(&rows, known.id).unwrap();
    let made = services
        .store()
        .operation(&rows, places[0].0, places[0].1)
        .unwrap()
        .unwrap();
    let mut changes = made.payload.unwrap().changes;
    changes.retain(|change| !["case_id", "display_id"].contains(&change.field.as_str()));
    let missing = Value::Id(RecordId::from_bytes([9; 16]));
    changes.push(Change::new("case_id", Action::Fix(missing)));
    changes.push(Change::new("display_id", Action::Fix(Value::text("EVD-0099"))));
    let draft = blotter::domain::operation::Draft {
        tenant: made.header.tenant,
        actor: made.header.actor,
        urgency: made.header.urgency,
        kind: made.header.kind,
        record: RecordId::from_bytes([8; 16]),
        changes,
    };
    let appended = services
        .store()
        .write(move |session| session.append(draft).map(drop));
    appended.map_err(Failure::from).unwrap();
    let follows = head(&desk, "EVD-0099");
    let gone = serde_json::json!({"action": "disposed", "reason": "old", "follows": follows});
    let refused = step(&desk, "EVD-0099", gone);
    assert!(
        matches!(refused, Err(Failure::Conflict(Clash::Custody, ref text, _)) if text.contains("hold")),
        "{refused:?}"
    );
    let stored = serde_json::json!({"action": "stored", "place": "Shelf 4", "follows": follows});
    step(&desk, "EVD-0099", stored).unwrap();
}
