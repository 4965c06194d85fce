//! One operation leaves the house as itself, a proof and a checkpoint, and a stranger checks it with the public keys alone.

use blotter::domain::id::Hash;
use blotter::domain::operation::Action;
use blotter::domain::value::Value;
use blotter::store::merkle::verify_consistency;
use blotter::store::note::checkpoint::verify;
use blotter::store::note::key::VerifierKey;
use blotter::store::note::notary::{Proven, Unproven};
use serde_json::json;

use crate::support::testbox::TestBox;

/// The keys as the node publishes them.
async fn keys(test: &TestBox) -> Vec<VerifierKey> {
    let published = test.get("/v1/log/keys").await.expect(200).data();
    assert_eq!(published[0]["holds"], "records");
    let keys = published[0]["keys"].as_array().unwrap().iter();
    keys.map(|key| key.as_str().unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn a_stranger_checks_an_operation_with_the_public_keys_alone() {
    let test = TestBox::start().await;
    test.post("/v1/cases", json!({"title": "The harbor fire"}))
        .await
        .expect(201);
    for number in 0..300 {
        let note = json!({"text": format!("note {number}")});
        test.services()
            .create(
                &test.owner(),
                &blotter::domain::kind::ENTITY,
                [("kind", "person"), ("display_name", "x")]
                    .map(|(name, text)| (name.to_owned(), Value::text(text)))
                    .into(),
                None,
            )
            .unwrap();
        drop(note);
    }
    let keys = keys(&test).await;
    let proof = test.get("/v1/cases/INV-2026-0001/proof").await.expect(200);
    let text = String::from_utf8(proof.bytes.to_vec()).unwrap();
    let proven = Proven::check(&text, &keys).unwrap();
    assert_eq!(proven.checkpoint.size(), proven.operation.header.id.seq + 300);
    let payload = proven.operation.payload.unwrap();
    let title = Action::Set(Value::text("The harbor fire"));
    assert!(payload.changes.iter().any(|change| change.action == title));

    // Each key alone is not enough, and no changed line passes.
    for key in &keys {
        let one = std::slice::from_ref(key);
        assert_eq!(Proven::check(&text, one), Err(Unproven::HalfSigned));
    }
    for (place, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
        let changed = flip(line);
        let lines = text.lines().enumerate();
        let lines = lines.map(|(at, line)| if at == place { changed.as_str() } else { line });
        let changed = lines.collect::<Vec<_>>().join("\n") + "\n";
        assert!(Proven::check(&changed, &keys).is_err(), "line {place}");
    }
}

#[tokio::test]
async fn a_stranger_sees_that_the_log_goes_on_from_where_he_knew_it() {
    let test = TestBox::start().await;
    let keys = keys(&test).await;
    let ask = async |from: u64| {
        let told = test
            .get(&format!("/v1/log/consistency?from={from}"))
            .await
            .expect(200)
            .data();
        let checkpoint = verify(told["checkpoint"].as_str().unwrap(), &keys).unwrap();
        let hashes = told["hashes"].as_array().unwrap().iter();
        let hashes: Vec<Hash> = hashes
            .map(|hash| hash.as_str().unwrap().parse().unwrap())
            .collect();
        assert_eq!(told["to"], json!(checkpoint.size()));
        (checkpoint, hashes)
    };
    let mut known = Vec::new();
    for number in 0..7 {
        let title = json!({"title": format!("case {number}")});
        test.post("/v1/cases", title).await.expect(201);
        known.push(ask(0).await.0);
    }
    for earlier in &known {
        let (now, hashes) = ask(earlier.size()).await;
        let (old, new) = ((earlier.size(), earlier.root()), (now.size(), now.root()));
        verify_consistency(old, new, &hashes).unwrap();
        let other = Hash([7; 32]);
        assert!(verify_consistency((earlier.size(), &other), new, &hashes).is_err());
    }
    for wrong in ["from=1000000", "from=-1", "from=x", "holds=other"] {
        test.get(&format!("/v1/log/consistency?{wrong}"))
            .await
            .expect(400);
    }
    test.get("/v1/log/consistency?holds=audit&from=1")
        .await
        .expect(200);
}

/// The line with its middle letter changed.
fn flip(line: &str) -> String {
    let mut letters: Vec<char> = line.chars().collect();
    let middle = letters.len() / 2;
    letters[middle] = if letters[middle] == 'A' { 'B' } else { 'A' };
    letters.into_iter().collect()
}

#[tokio::test]
async fn an_erased_operation_is_still_proved_to_have_been_there() {
    let test = TestBox::start().await;
    let made = test
        .post("/v1/entities", json!({"kind": "person", "display_name": "x"}))
        .await;
    made.expect(201);
    let history = test.get("/v1/entities/ENT-0001/history").await.expect(200).data();
    let operation = history[0]["operation"].as_str().unwrap().to_owned();
    let input = ["order", "reason"].map(|name| (name.to_owned(), Value::text("1")));
    let kind = &blotter::domain::kind::ENTITY;
    let receipt = test
        .services()
        .order_erasure(&test.owner(), (kind, "ENT-0001", None), &input.into(), None);
    let receipt = receipt.unwrap();
    let named = blotter::views::erasures::operations(receipt.first().unwrap());
    assert_eq!(named[0].to_string(), operation);
    test.services().store().erase(&named).unwrap();

    let rows = test.services().snapshot().unwrap();
    let store = test.services().store();
    let head = store.head(&rows, named[0].log).unwrap().unwrap();
    let (proof, beside) = store.prove(&rows, &head, named[0].seq).unwrap();
    let proven = Proven::check(&proof.to_string(), &keys(&test).await).unwrap();
    assert_eq!((proven.operation.payload, beside), (None, None));

    // The receipt is such an operation itself.
    let receipt = test.get("/v1/erasures/ERA-0001/proof").await.expect(200);
    let text = String::from_utf8(receipt.bytes.to_vec()).unwrap();
    Proven::check(&text, &keys(&test).await).unwrap();
}
