//! Every root and every change that the schema names, once with success. The names are asked of the server, so that a new one
//! without a case here fails.

use std::collections::{BTreeMap, BTreeSet};

use blotter::domain::kind::CASE;
use blotter::domain::operation::{Action, Change};
use blotter::domain::value::Value;
use serde_json::{Value as Json, json};

use crate::graphql::{ask_as, data};
use crate::support::testbox::TestBox;

/// Where all of this is made.
const AGENCY: &str = "east";

/// A server, a key that may do everything on it, and what was made so far, by names of ours.
struct World {
    served: TestBox,
    key: String,
    made: BTreeMap<String, Json>,
}

/// What is put where a case says `$name`.
fn filled(json: Json, made: &BTreeMap<String, Json>) -> Json {
    match json {
        Json::String(text) => match text.strip_prefix('$') {
            Some(name) => made.get(name).unwrap_or_else(|| panic!("no {name}")).clone(),
            None => Json::String(text),
        },
        Json::Array(list) => list.into_iter().map(|json| filled(json, made)).collect(),
        Json::Object(members) => {
            let members = members.into_iter();
            Json::Object(members.map(|(name, json)| (name, filled(json, made))).collect())
        }
        plain => plain,
    }
}

impl World {
    async fn ask(&self, query: &str, variables: Json) -> Json {
        data(&ask_as(&self.served, &self.key, query, variables).await)
    }

    /// Makes a change; what it gives is kept under a name: the record's id, or that of the result.
    async fn change(&mut self, (change, record): (&str, Option<&str>), input: Json, name: &str) {
        let input = filled(input, &self.made);
        let ty = format!("{}{}Input", change[..1].to_uppercase(), &change[1..]);
        let record = record.map_or(String::new(), |record| format!("record: {record} {{ id }}"));
        let query = format!(
            "mutation($input: {ty}!) {{ done: {change}(input: $input) {{ result replayed {record} }} }}"
        );
        let answer = ask_as(&self.served, &self.key, &query, json!({ "input": input })).await;
        assert!(answer["errors"].is_null(), "{change} {input}: {answer:#}");
        let done = &answer["data"]["done"];
        assert_eq!(done["replayed"], false, "{change}");
        let ids = [
            &done["record"]["id"],
            &done["result"]["id"],
            &done["result"]["reportId"],
        ];
        let id = ids
            .into_iter()
            .find(|id| !id.is_null())
            .cloned()
            .unwrap_or_default();
        assert!(
            !name.starts_with('+') || !id.is_null(),
            "{change} gives the record: {done}"
        );
        self.made.insert(name.trim_start_matches('+').to_owned(), id);
    }
}

/// A change, what it is given, and under which name its record is known from then on; a plus says that there must be one.
type Case = (&'static str, &'static str, &'static str);

/// Changes in their order.
const MAKING: [Case; 76] = [
    ("createCategory", r#"{"text": "Theft"}"#, "+category"),
    ("updateCategory", r#"{"id": "$category", "text": "Fire"}"#, ""),
    ("putCategory", r#"{"text": "Noise", "externalId": "own-1"}"#, "+"),
    ("createOffice", r#"{"name": "x"}"#, "+office"),
    ("updateOffice", r#"{"id": "$office", "name": "East"}"#, ""),
    ("putOffice", r#"{"name": "x", "externalId": "own-1"}"#, "+"),
    ("createTeam", r#"{"name": "x"}"#, "+team"),
    ("updateTeam", r#"{"id": "$team", "name": "Night"}"#, ""),
    ("putTeam", r#"{"name": "x", "externalId": "own-1"}"#, "+"),
    ("createUnit", r#"{"name": "Car 12"}"#, "+unit"),
    ("updateUnit", r#"{"id": "$unit", "teamId": "$team"}"#, "+"),
    ("putUnit", r#"{"name": "x", "externalId": "own-1"}"#, "+"),
    ("createLocation", r#"{"name": "x"}"#, "+location"),
    ("updateLocation", r#"{"id": "$location", "name": "Shelf"}"#, ""),
    ("putLocation", r#"{"name": "x", "externalId": "own-1"}"#, "+"),
    (
        "createForm",
        r#"{"name": "x", "for": "cases", "schema": [1]}"#,
        "+form",
    ),
    ("updateForm", r#"{"id": "$form", "name": "y"}"#, ""),
    (
        "putForm",
        r#"{"name": "x", "for": "cases", "schema": [1], "externalId": "own-1"}"#,
        "+",
    ),
    ("createInvestigation", r#"{"title": "Pier"}"#, "+case"),
    (
        "updateInvestigation",
        r#"{"id": "$case", "status": "active"}"#,
        "+",
    ),
    (
        "putInvestigation",
        r#"{"title": "Other", "externalId": "own-1"}"#,
        "+other",
    ),
    (
        "createEntity",
        r#"{"kind": "person", "displayName": "Ann Other"}"#,
        "+entity",
    ),
    ("updateEntity", r#"{"id": "$entity", "riskLevel": "high"}"#, "+"),
    (
        "putEntity",
        r#"{"kind": "person", "displayName": "Ann Other", "externalId": "own-1"}"#,
        "+twin",
    ),
    (
        "addEntitiesToInvestigation",
        r#"{"id": "$case", "entityId": "$entity", "role": "witness"}"#,
        "+",
    ),
    (
        "removeEntitiesFromInvestigation",
        r#"{"id": "$case", "other": "$entity"}"#,
        "",
    ),
    (
        "addTeamToInvestigation",
        r#"{"id": "$case", "name": "Ana", "role": "lead"}"#,
        "+",
    ),
    (
        "removeTeamFromInvestigation",
        r#"{"id": "$case", "name": "Ana"}"#,
        "",
    ),
    (
        "addTagsToInvestigation",
        r#"{"id": "$case", "tags": ["red"]}"#,
        "+",
    ),
    (
        "removeTagsFromInvestigation",
        r#"{"id": "$case", "tag": "red"}"#,
        "",
    ),
    (
        "addTimelineToInvestigation",
        r#"{"id": "$case", "timestamp": "2026-03-01T00:00:00Z", "description": "x"}"#,
        "+timelineEntry",
    ),
    (
        "addNotesToInvestigation",
        r#"{"id": "$case", "text": "x"}"#,
        "+note",
    ),
    ("addNotesToEntity", r#"{"id": "$entity", "text": "x"}"#, "+"),
    (
        "addRelationshipsToEntity",
        r#"{"id": "$entity", "to": "$twin", "role": "sister"}"#,
        "+",
    ),
    ("addSameAsToEntity", r#"{"id": "$entity", "to": "$twin"}"#, "+"),
    (
        "removeSameAsFromEntity",
        r#"{"id": "$entity", "other": "$twin"}"#,
        "",
    ),
    (
        "createEvidence",
        r#"{"caseId": "$case", "type": "photo", "description": "x"}"#,
        "+evidence",
    ),
    (
        "updateEvidence",
        r#"{"id": "$evidence", "description": "y"}"#,
        "+",
    ),
    (
        "putEvidence",
        r#"{"caseId": "$case", "type": "photo", "description": "x", "externalId": "own-1"}"#,
        "+",
    ),
    ("addNotesToEvidence", r#"{"id": "$evidence", "text": "x"}"#, "+"),
    (
        "createWatchlist",
        r#"{"name": "x", "purpose": "x"}"#,
        "+watchlist",
    ),
    ("updateWatchlist", r#"{"id": "$watchlist", "purpose": "y"}"#, "+"),
    (
        "putWatchlist",
        r#"{"name": "x", "purpose": "x", "externalId": "own-1"}"#,
        "+",
    ),
    (
        "createWatchlistEntry",
        r#"{"watchlistId": "$watchlist", "type": "plate", "value": "X1234"}"#,
        "+watchlistEntry",
    ),
    (
        "updateWatchlistEntry",
        r#"{"id": "$watchlistEntry", "note": "y"}"#,
        "+",
    ),
    (
        "putWatchlistEntry",
        r#"{"watchlistId": "$watchlist", "type": "plate", "value": "Y9999", "externalId": "own-1"}"#,
        "+",
    ),
    (
        "screenWatchlist",
        r#"{"rows": [{"value": "X1234", "type": "plate"}], "reason": "x"}"#,
        "",
    ),
    ("createAlert", r#"{"recordId": "$case", "reason": "x"}"#, "+alert"),
    ("updateAlert", r#"{"id": "$alert", "escalatedTo": "Desk"}"#, "+"),
    (
        "putAlert",
        r#"{"recordId": "$case", "reason": "x", "externalId": "own-1"}"#,
        "+",
    ),
    ("acknowledgeAlert", r#"{"id": "$alert"}"#, ""),
    ("escalateAlert", r#"{"id": "$alert"}"#, ""),
    ("dismissAlert", r#"{"id": "$alert", "reason": "x"}"#, ""),
    (
        "createReport",
        r#"{"location": {"x": 8.5, "y": 47.3}, "category": {"categoryId": 1}, "reporter": {"name": "a", "phone": "+41446681800"}}"#,
        "+report",
    ),
    (
        "putReport",
        r#"{"location": {"x": 8.5, "y": 47.3}, "category": {"categoryId": 1}, "reporter": {"name": "a", "phone": "+41446681800"}, "externalId": "own-1"}"#,
        "+",
    ),
    ("updateReport", r#"{"id": "$report", "description": "x"}"#, ""),
    (
        "addMessagesToReport",
        r#"{"id": "$report", "rows": [{"text": "x"}]}"#,
        "",
    ),
    ("removePublicLinkFromReport", r#"{"id": "$report"}"#, ""),
    ("openInvestigationOfReport", r#"{"id": "$report"}"#, "+"),
    (
        "batch",
        r#"{"rows": [{"kind": "case", "data": {"title": "z"}}]}"#,
        "",
    ),
    (
        "createUser",
        r#"{"email": "a@b.example", "name": "a", "role": "viewer"}"#,
        "+user",
    ),
    ("updateUser", r#"{"id": "$user", "name": "b"}"#, ""),
    (
        "setPasswordOfUser",
        r#"{"id": "$user", "password": "correct horse battery"}"#,
        "",
    ),
    ("makeStaticTokenOfUser", r#"{"id": "$user"}"#, ""),
    (
        "createCredential",
        r#"{"name": "crm", "lanes": ["query"], "scopes": ["cases:read"]}"#,
        "+credential",
    ),
    (
        "rotateCredential",
        r#"{"id": "$credential", "overlapMinutes": 5}"#,
        "",
    ),
    ("revokeCredential", r#"{"id": "$credential"}"#, ""),
    (
        "createWebhook",
        r#"{"name": "x", "url": "https://desk.example.org/hook"}"#,
        "+webhook",
    ),
    ("updateWebhook", r#"{"id": "$webhook", "name": "y"}"#, ""),
    ("rotateWebhook", r#"{"id": "$webhook", "overlapMinutes": 5}"#, ""),
    ("pauseWebhook", r#"{"id": "$webhook"}"#, ""),
    ("resumeWebhook", r#"{"id": "$webhook"}"#, ""),
    ("replayWebhook", r#"{"id": "$webhook", "after": 0}"#, ""),
    ("updateNode", r#"{"id": "$node", "name": "Car 12"}"#, ""),
    ("updateTenant", r#"{"id": "$tenant", "name": "Metro"}"#, ""),
    ("holdInvestigation", r#"{"id": "$other", "reason": "x"}"#, ""),
];

/// And those after which little is left.
const UNMAKING: [Case; 7] = [
    (
        "expungeNote",
        r#"{"id": "$note", "order": "Order 1", "reason": "x"}"#,
        "+erasure",
    ),
    (
        "expungeTimelineEntry",
        r#"{"id": "$timelineEntry", "order": "Order 1", "reason": "x"}"#,
        "+",
    ),
    (
        "expungeEvidence",
        r#"{"id": "$evidence", "order": "Order 1", "reason": "x"}"#,
        "+",
    ),
    (
        "expungeWatchlist",
        r#"{"id": "$watchlist", "order": "Order 1", "reason": "x"}"#,
        "+",
    ),
    (
        "expungeReport",
        r#"{"id": "$report", "order": "Order 1", "reason": "x"}"#,
        "+",
    ),
    (
        "expungeEntity",
        r#"{"id": "$entity", "order": "Order 1", "reason": "x"}"#,
        "+",
    ),
    (
        "expungeInvestigation",
        r#"{"id": "$case", "order": "Order 1", "reason": "x"}"#,
        "+",
    ),
];

/// The fields of a type: name, its own type, and the names of what it must be given.
async fn fields_of(world: &World, ty: &str) -> Vec<(String, String, Vec<String>)> {
    let query = "query($ty: String!) { __type(name: $ty) { fields {
        name type { kind name ofType { name ofType { name } } } args { name type { kind } } } } }";
    let told = world.ask(query, json!({ "ty": ty })).await;
    let fields = told["__type"]["fields"].as_array().unwrap().iter();
    let fields = fields.map(|field| {
        let mut ty = &field["type"];
        while ty["name"].is_null() {
            ty = &ty["ofType"];
        }
        let args = field["args"].as_array().unwrap().iter();
        let needed = args.filter(|argument| argument["type"]["kind"] == "NON_NULL");
        let text = |json: &Json| json.as_str().unwrap().to_owned();
        let needed = needed.map(|argument| text(&argument["name"])).collect();
        (text(&field["name"]), text(&ty["name"]), needed)
    });
    fields.collect()
}

async fn world() -> World {
    let served = TestBox::start().await;
    let Value::Map(agency) = Value::from(json!({"slug": AGENCY, "name": "East"})) else {
        unreachable!()
    };
    let agency = served.services().create_tenant(&served.owner(), agency).unwrap();
    let owner = served.desk().owner_of(AGENCY);
    served.services().seed_categories(&owner).unwrap();
    served.services().know_node(&owner, "desk").unwrap();
    let scopes = ["*", "records:expunge", "records:hold", "nodes:admin"];
    let key = served.key_for(AGENCY, &scopes, &["query"]);
    let made = BTreeMap::from([("tenant".to_owned(), json!(agency.records[0].id.to_string()))]);
    let mut world = World { served, key, made };
    let known = world.ask("{ nodes { id } }", json!({})).await;
    world
        .made
        .insert("node".to_owned(), known["nodes"][0]["id"].clone());
    world
}

/// The field of a change's payload that leads to the record.
fn record_field(fields: &[(String, String, Vec<String>)]) -> Option<String> {
    const OWN: [&str; 5] = ["clientMutationId", "replayed", "result", "links", "meta"];
    let mut names = fields.iter().map(|(name, ..)| name);
    names.find(|name| !OWN.contains(&name.as_str())).cloned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_root_and_every_change_does_what_it_says() {
    let mut world = world().await;
    let mut payloads = BTreeMap::new();
    for (change, payload, _) in fields_of(&world, "Mutation").await {
        let fields = fields_of(&world, &payload).await;
        payloads.insert(change, record_field(&fields));
    }
    let mut untried: BTreeSet<String> = payloads.keys().cloned().collect();
    for (change, input, name) in MAKING.into_iter().chain(UNMAKING) {
        if change == UNMAKING[0].0 {
            custody(&mut world, &mut untried).await;
            disagreement(&mut world, &mut untried).await;
            hold(&mut world, &mut untried).await;
        }
        let payload = payloads.get(change).unwrap_or_else(|| panic!("no {change}"));
        let input = serde_json::from_str(input).unwrap();
        world.change((change, payload.as_deref()), input, name).await;
        untried.remove(change);
        if change == "expungeNote" {
            roots(&world).await;
        }
    }
    assert_eq!(untried, BTreeSet::new(), "say here what these take");
}

/// A step of an item's chain, which names what it follows.
async fn custody(world: &mut World, untried: &mut BTreeSet<String>) {
    let query = "query($id: ID!) { evidence(id: $id) { custodyFollows } }";
    let item = world.ask(query, json!({"id": world.made["evidence"]})).await;
    let follows = &item["evidence"]["custodyFollows"];
    let input = json!({"id": "$evidence", "action": "stored", "place": "A-1", "follows": follows});
    let change = "addCustodyToEvidence";
    world.change((change, Some("evidence")), input, "+").await;
    untried.remove(change);
}

/// A title about which two writers disagree, settled.
async fn disagreement(world: &mut World, untried: &mut BTreeSet<String>) {
    let (desk, title) = (
        world.served.desk(),
        Change::new("title", Action::Set(Value::text("b"))),
    );
    let id = world.made["case"].as_str().unwrap();
    desk.change_apart(&desk.owner_of(AGENCY), (&CASE, id), vec![title]);
    let query = "query($id: ID!) { conflicts(recordId: $id) { field versions { version } } }";
    let told = world.ask(query, json!({"id": world.made["case"]})).await;
    let versions = told["conflicts"][0]["versions"].as_array().unwrap().iter();
    let versions: Vec<&Json> = versions.map(|version| &version["version"]).collect();
    let input = json!({"id": "$case", "field": "title", "versions": versions, "value": "ab", "reason": "x"});
    world.change(("settleConflict", None), input, "").await;
    untried.remove("settleConflict");
}

/// A hold is for good, so it is put on an item that nothing else needs.
async fn hold(world: &mut World, untried: &mut BTreeSet<String>) {
    let item = json!({"caseId": "$other", "type": "photo", "description": "held"});
    world
        .change(("createEvidence", Some("evidence")), item, "+held")
        .await;
    let input = json!({"id": "$held", "reason": "x"});
    world.change(("holdEvidence", Some("evidence")), input, "+").await;
    untried.remove("holdEvidence");
}

/// Every root, of single records with one that was made.
async fn roots(world: &World) {
    let query = "query($id: ID!) { report(id: $id) { messages { id } } }";
    let report = world.ask(query, json!({"id": world.made["report"]})).await;
    let mut made = world.made.clone();
    made.insert(
        "chatMessage".to_owned(),
        report["report"]["messages"][0]["id"].clone(),
    );
    for (name, from) in [("investigation", "case"), ("record", "case")] {
        made.insert(name.to_owned(), world.made[from].clone());
    }
    // What was expunged just now answers no more; another one does.
    let notes = world.ask("{ notes { id } }", json!({})).await;
    made.insert("note".to_owned(), notes["notes"][0]["id"].clone());
    let mut roots = 0;
    for (root, ty, needed) in fields_of(world, "Query").await {
        let given = match needed.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] => String::new(),
            ["id"] => format!(
                "(id: {})",
                made.get(&root).unwrap_or_else(|| panic!("which {root}?"))
            ),
            ["query"] => "(query: \"pier\")".to_owned(),
            ref more => panic!("say here what {root} takes: {more:?}"),
        };
        let inside = match ty.ends_with("Connection") {
            true => "{ nodes { __typename } edges { cursor } pageInfo { hasNextPage } totalCount }",
            false => "{ __typename }",
        };
        let told = world
            .ask(&format!("{{ told: {root}{given} {inside} }}"), json!({}))
            .await;
        assert!(!told["told"].is_null(), "{root}");
        roots += 1;
    }
    assert!(roots > 60, "{roots}");
}
