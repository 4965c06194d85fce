//! With whose rights: a webhook hears what its owner may read at the time, and nobody listens with the ears of a greater one.

use serde_json::{Value as Json, json};

use crate::events::webhooks::receiver::Receiver;
use crate::events::webhooks::{Telling, key_of};
use crate::support::testbox::{METRO, TestBox};

fn id_of_key(telling: &Telling, hook: &str) -> String {
    let hook = telling.get(&format!("/v1/webhooks/{hook}"));
    hook["data"]["owner_id"].as_str().unwrap().to_owned()
}

#[test]
fn a_webhook_hears_what_its_owner_may_read_and_stops_with_him() {
    let telling = Telling::start();
    let (narrow, wide) = (Receiver::start(204, &[]), Receiver::start(204, &[]));
    let persons = key_of(&telling.place, "entities:read,webhooks:admin");
    let made = telling.served.post(
        "/v1/webhooks",
        &persons,
        &json!({"name": "persons", "url": narrow.url("/")}),
    );
    assert_eq!(made.status, 201, "{made:?}");
    let hook = made.json()["data"]["id"].as_str().unwrap().to_owned();
    telling.webhook(&json!({"name": "all", "url": wide.url("/")}));
    telling.open_cases(std::iter::once("A case".to_owned()));
    let person = |name: &str| json!({"kind": "person", "display_name": name});
    telling.post("/v1/entities", &person("Ruth Okafor"));
    assert_eq!(wide.wait_taken(2)[0].event["eventType"], "case.opened");
    assert_eq!(narrow.wait_taken(1)[0].event["eventType"], "entity.created");
    let owner = id_of_key(&telling, &hook);
    let revoked = telling.served.ask(
        "DELETE",
        &format!("/v1/keys/{owner}"),
        Some(&telling.key),
        "",
        b"",
    );
    assert_eq!(revoked.unwrap().status, 200);
    telling.post("/v1/entities", &person("Katherine Miller"));
    wide.wait_taken(3);
    let paused = telling.wait_for(&hook, |hook| hook["paused"] == true);
    assert!(
        paused["paused_because"]
            .as_str()
            .unwrap()
            .contains("the key was revoked"),
        "{paused}"
    );
    assert_eq!(narrow.posts().len(), 1);
    // Handed to another owner, it goes on where it was.
    let own = telling.get("/v1/webhooks?limit=10")["data"].clone();
    let own = own
        .as_array()
        .unwrap()
        .iter()
        .find(|hook| hook["name"] == "all")
        .unwrap();
    let change = json!({"data": {"owner_id": own["owner_id"]}}).to_string();
    let json = "Content-Type: application/json\r\n";
    let changed = telling.served.ask(
        "PATCH",
        &format!("/v1/webhooks/{hook}"),
        Some(&telling.key),
        json,
        change.as_bytes(),
    );
    assert_eq!(changed.unwrap().status, 200);
    telling.post(&format!("/v1/webhooks/{hook}/resume"), &Json::Null);
    let told = narrow.wait_taken(2);
    assert_eq!(
        told[1].event["data"]["changes"]["display_name"],
        "Katherine Miller"
    );
}

/// The node could not pause the webhook of a key that was made to expunge, which it may not do itself: it tried each second for
/// ever, and each time left a denial in the audit log.
#[test]
fn the_node_pauses_webhooks_of_owners_that_may_more_than_it() {
    let telling = Telling::start();
    let gone = Receiver::start(410, &[]);
    let scopes = "*,records:expunge,cases:restricted";
    let made = |lanes: &str| {
        let words = [
            "key", "create", "--name", "court", "--lanes", lanes, "--scopes", scopes, "--json",
        ];
        let key = telling.place.run(&words).json();
        let wish = json!({"name": lanes, "url": gone.url("/")});
        let made = telling
            .served
            .post("/v1/webhooks", key["key"].as_str().unwrap(), &wish);
        assert_eq!(made.status, 201, "{made:?}");
        made.json()["data"]["id"].as_str().unwrap().to_owned()
    };
    let (deaf, told) = (made("query"), made("query,events"));
    telling.open_cases(std::iter::once("A case".to_owned()));
    for (hook, why) in [(deaf, "does not open the lane events"), (told, "gone (410)")] {
        let paused = telling.wait_for(&hook, |hook| hook["paused"] == true);
        assert!(
            paused["paused_because"].as_str().unwrap().contains(why),
            "{paused}"
        );
    }
    let audit = telling.get("/v1/audit?event=webhook.pause");
    let outcomes = audit["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["outcome"]);
    assert_eq!(outcomes.collect::<Vec<_>>(), ["done", "done"], "{audit}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_listens_with_the_ears_of_a_greater_one() {
    let served = TestBox::start().await;
    let lanes = ["query", "events"];
    let great = served.key_for(METRO, &["*", "cases:restricted"], &lanes);
    let small = served.key_for(METRO, &["webhooks:admin", "cases:read"], &lanes);
    let send = async |method: &str, path: &str, key: &str, data: Json| {
        let body = json!({ "data": data });
        let request = TestBox::request(method.parse().unwrap(), path, Some(key), &[], Some(&body));
        served.send(request).await
    };
    let wish = json!({"name": "wall", "url": "https://desk.example.org/hook"});
    let made = send("POST", "/v1/webhooks", &great, wish.clone())
        .await
        .expect(201)
        .data();
    let path = format!("/v1/webhooks/{}", made["id"].as_str().unwrap());
    let stolen = json!({"url": "https://thief.example.org/"});
    for (method, path, data) in [
        ("PATCH", path.clone(), stolen.clone()),
        ("POST", format!("{path}/rotate"), json!({})),
        ("POST", format!("{path}/replay"), json!({"after": 0})),
    ] {
        send(method, &path, &small, data.clone()).await.expect(403);
        send(method, &path, &served.key_with(&["cases:read"]), data)
            .await
            .expect(403);
    }
    let mut wish_of_great = wish.clone();
    wish_of_great["owner_id"] = made["owner_id"].clone();
    send("POST", "/v1/webhooks", &small, wish_of_great)
        .await
        .expect(403);
    send("PATCH", &path, &great, stolen).await.expect(200);
    let own = send("POST", "/v1/webhooks", &small, wish)
        .await
        .expect(201)
        .data();
    assert_ne!(own["owner_id"], made["owner_id"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_named_and_a_repeated_request_shows_no_secret() {
    let served = TestBox::start().await;
    let url = "https://desk.example.org/hook";
    for (data, member) in [
        (json!({"name": "a"}), "url"),
        (json!({"name": "a", "url": "ftp://desk.example.org"}), "url"),
        (
            json!({"name": "a", "url": "https://ana:x@desk.example.org"}),
            "url",
        ),
        (
            json!({"name": "a", "url": url, "filter": {"eventTypes": ["casse.*"]}}),
            "eventTypes",
        ),
        (
            json!({"name": "a", "url": url, "filter": {"minSeverity": "grave"}}),
            "minSeverity",
        ),
        (json!({"name": "a", "url": url, "secret": "whsec_x"}), "secret"),
        (json!({"name": "a", "url": url, "owner_id": "nobody"}), "owner_id"),
    ] {
        let refused = served.post("/v1/webhooks", data.clone()).await;
        assert_eq!(refused.status, 400, "{data}");
        let json = refused.json().to_string();
        assert!(json.contains(member), "{data}: {json}");
    }
    let same = [("idempotency-key", "one")];
    let wish = json!({"name": "wall", "url": url});
    let first = served
        .write("POST".parse().unwrap(), "/v1/webhooks", &same, wish.clone())
        .await
        .expect(201);
    assert!(first.data()["secret"].as_str().unwrap().starts_with("whsec_"));
    let again = served
        .write("POST".parse().unwrap(), "/v1/webhooks", &same, wish)
        .await
        .expect(200);
    assert_eq!(
        (&again.data()["id"], &again.data()["secret"]),
        (&first.data()["id"], &Json::Null)
    );
    let batch = json!([{"kind": "webhook", "data": {"name": "b", "url": url}}]);
    let batch = served.post("/v1/batch", batch).await;
    assert!(
        batch.json().to_string().contains("data[0].kind"),
        "{:?}",
        batch.json()
    );
    let tried = served
        .post(
            &format!("/v1/webhooks/{}/test", first.data()["id"].as_str().unwrap()),
            json!(null),
        )
        .await;
    assert_eq!(
        tried.status,
        409,
        "nothing leaves a box without a way out: {:?}",
        tried.json()
    );
}
