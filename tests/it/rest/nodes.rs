//! A node keeps a record of itself; administrators read it and give it its name and place.

use blotter::domain::kind::NODE;
use blotter::services::casebook::Listing;
use blotter::store::disk::RealDisk;
use blotter::store::identity::{Identity, Stream};
use serde_json::json;

use crate::support::desk::TestDesk;
use crate::support::testbox::TestBox;

#[tokio::test]
async fn a_node_knows_itself_once_by_key_and_logs() {
    let test = TestBox::start().await;
    let (services, owner) = (test.services(), test.owner());
    assert_eq!(test.get("/v1/nodes").await.expect(200).data(), json!([]));
    assert!(services.know_node(&owner, "central desk").unwrap());
    assert!(!services.know_node(&owner, "another name").unwrap());
    let list = test.get("/v1/nodes").await.expect(200).data();
    let node = &list[0];
    let identity = Identity::load(&RealDisk, test.desk().folder()).unwrap().unwrap();
    let log = |stream, holds| json!({"log": identity.log(stream).to_string(), "holds": holds});
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!(
        (&node["name"], &node["tier"], &node["logs"]),
        (
            &json!("central desk"),
            &json!("central"),
            &json!([log(Stream::Records, "records"), log(Stream::Audit, "audit")])
        )
    );
    assert_eq!(node["public_key"].as_str().unwrap().len(), 64);
    let path = node["links"]["self"].as_str().unwrap();
    let moved = test.patch(path, json!({"name": "Car 12", "tier": "unit"})).await;
    assert_eq!(moved.expect(200).data()["tier"], "unit");
    assert_eq!(test.get(path).await.expect(200).data()["name"], "Car 12");
    for wrong in [
        json!({"tier": "moon"}),
        json!({"public_key": "ab"}),
        json!({"logs": []}),
    ] {
        test.patch(path, wrong).await.expect(400);
    }
    let reader = test.key_with(&["cases:write", "users:admin"]);
    let refused = test.get_as(&reader, "/v1/nodes").await.expect(403);
    assert_eq!(refused.messages(), ["the scope nodes:admin is needed"]);
}

/// A restored backup and a cloned disk write logs of their own; the node is the same, by its key.
#[test]
fn a_node_that_was_restored_adds_its_new_logs() {
    let mut desk = TestDesk::open();
    let logs = |desk: &TestDesk| {
        let nodes = desk.services().list(&desk.owner(), &NODE, &Listing::default());
        let nodes = nodes.unwrap().records;
        assert_eq!(nodes.len(), 1);
        nodes[0].members("logs").len()
    };
    assert!(desk.services().know_node(&desk.owner(), "x").unwrap());
    assert_eq!(logs(&desk), 2);
    let identity = Identity::load(&RealDisk, desk.folder()).unwrap().unwrap();
    identity.reborn().unwrap().save(&RealDisk, desk.folder()).unwrap();
    desk.restart();
    assert!(desk.services().know_node(&desk.owner(), "x").unwrap());
    assert_eq!(logs(&desk), 4);
    assert!(!desk.services().know_node(&desk.owner(), "x").unwrap());
}
