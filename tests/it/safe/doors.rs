//! Who is let in: every route against those who are not, sign-in, licences, rates.

use axum::body::Body;
use axum::http::{Method, Request};
use blotter::domain::value::{Fields, Value};
use blotter::lanes::http::Options;
use blotter::lanes::safe::router::rows;
use serde_json::{Value as Json, json};

use super::{Client, agency};
use crate::support::testbox::{METRO, TestBox};

#[tokio::test(flavor = "multi_thread")]
async fn every_route_refuses_strangers_and_knows_no_record_of_another_agency() {
    let bed = TestBox::start().await;
    let mut client = Client::new(&bed).await;
    let token = agency(&bed, METRO, (7, 3), "officer");
    let mut nobody = Client::with(&bed, "st_none", (7, 3)).await;
    let mut foreign = Client::with(&bed, &token, (8, 3)).await;
    for row in rows() {
        let path = row
            .path
            .replace("{n}", "1")
            .replace("{id}", "987654")
            .replace("{email}", "a@b.example");
        let body = (row.method != Method::GET).then(|| json!({}));
        for client in [&mut nobody, &mut foreign] {
            let answer = client
                .send(row.method.clone(), &path, body.as_ref())
                .await
                .expect(401);
            assert_eq!(answer.json()["error"], "unauthorized", "{path}");
        }
        // A record that is not there, with a body in which everything is missing: never more than a refusal.
        let answer = client.send(row.method.clone(), &path, body.as_ref()).await;
        let is_lookup = row.path.contains("{id}");
        assert!(answer.status < 500, "{} {path}: {}", row.method, answer.status);
        if is_lookup {
            assert_eq!(answer.status, 404, "{} {path}", row.method);
            assert_eq!(answer.json()["error"], "not_found", "{path}");
        }
    }
    for path in ["/api/nothing", "/api", "/api/", "/odata"] {
        let unknown = client.get(path).await.expect(404).json();
        assert_eq!(unknown["error"], "not_found", "{path}");
    }
    assert_eq!(
        client
            .send(Method::DELETE, "/api/items/1", None)
            .await
            .expect(405)
            .header("allow"),
        "GET, PUT"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_static_token_opens_until_the_next_one_is_made() {
    let bed = TestBox::start().await;
    let mut first = Client::new(&bed).await;
    let user = first.get("/api/users/1").await.expect(200).json();
    let second = bed
        .services()
        .make_static_token(&bed.owner(), user["guid"].as_str().unwrap());
    let mut second = Client::with(&bed, &second.unwrap().token, (7, 3)).await;
    first.get("/api/users/1").await.expect(401);
    let again = second.get("/api/users/1").await.expect(200).json();
    assert_eq!(again["guid"], user["guid"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_and_names_match_in_any_case_and_strangers_learn_of_no_path() {
    let bed = TestBox::start().await;
    let mut client = Client::new(&bed).await;
    for path in [
        "/API/Races",
        "/api/races/",
        "/Api/Items/SeqOrgID/1?TAKE=5&unknown=1",
        "/ODATA/Users?$Top=1&$top=2",
        "/api/People/IsEmailAlreadyInUse/A%40b.example/",
    ] {
        client.get(path).await.expect(200);
    }
    let used = client.post(
        "/api/people",
        json!({"raceId": 1, "genderId": 1, "firstName": "Ann", "lastName": "Bo",
        "email": "A@b.example"}),
    );
    used.await.expect(201);
    let path = "/api/People/IsEmailAlreadyInUse/A%40B.example";
    assert_eq!(client.get(path).await.expect(200).json(), true);
    let mut nobody = Client::with(&bed, "st_none", (7, 3)).await;
    for path in [
        "/api/nothing",
        "/Api/Nothing/At/All",
        "/odata/things",
        "/api/items/1/",
    ] {
        nobody.send(Method::DELETE, path, None).await.expect(401);
    }
    let told = client
        .send(Method::PATCH, "/API/nothing/at/all", Some(&json!({})))
        .await;
    assert_eq!(told.expect(404).json()["error"], "not_found");
    let refused = client.post("/api/items/", json!({})).await.expect(405);
    assert_eq!(
        (refused.header("allow"), &refused.json()["error"]),
        ("", &json!("method_not_allowed"))
    );
    let why = refused.json()["error_description"].to_string();
    assert!(why.contains("the page /evidence/new"), "{why}");
    // Nothing points to what is refused as well.
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let refused = client.send(method, "/api/items", None).await.expect(405);
        assert_eq!(refused.header("allow"), "");
    }
}

async fn token(bed: &TestBox, form: &str) -> (u16, Json) {
    let request = Request::post("/Token").header("host", "localhost");
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let answer = bed.send(request.body(Body::from(form.to_owned())).unwrap()).await;
    (answer.status, answer.json())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_signs_in_and_five_wrong_ones_lock_for_a_minute() {
    let bed = TestBox::start().await;
    agency(&bed, METRO, (7, 3), "officer");
    let user = Fields::from(
        [
            ("email", "sam@metro.example"),
            ("name", "Sam"),
            ("role", "officer"),
            ("password", "correct horse 1"),
        ]
        .map(|(name, text)| (name.to_owned(), Value::text(text))),
    );
    bed.services().create_user(&bed.owner(), user, None).unwrap();
    let good = "grant_type=password&username=sam%40metro.example&password=correct+horse+1";
    let (status, told) = token(&bed, good).await;
    assert_eq!((status, &told["token_type"]), (200, &json!("bearer")));
    assert!(told["expires_in"].as_i64().unwrap() > 0);
    let bearer = told["access_token"].as_str().unwrap().to_owned();
    let headers = [("OrganizationId", "7"), ("OfficeId", "3")];
    let read = TestBox::request(Method::GET, "/api/races", Some(&bearer), &headers, None);
    bed.send(read).await.expect(200);
    for form in ["", "grant_type=password&username=x", "grant_type=refresh_token"] {
        let (status, told) = token(&bed, form).await;
        assert_eq!(status, 400);
        assert!(
            told["error"].is_string() && told["error_description"].is_string(),
            "{told}"
        );
    }
    for _ in 0..5 {
        let (status, told) = token(
            &bed,
            "grant_type=password&username=sam%40metro.example&password=wrong",
        )
        .await;
        assert_eq!((status, &told["error"]), (400, &json!("invalid_grant")));
    }
    assert_eq!(token(&bed, good).await.0, 400);
    bed.desk().clock.advance(60_001);
    assert_eq!(token(&bed, good).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_too_often_is_told_when_to_go_on() {
    let bed = TestBox::start_with(Options {
        safe_requests_per_second: 1,
        safe_request_burst: 3,
        ..Options::default()
    })
    .await;
    let mut client = Client::new(&bed).await;
    for _ in 0..3 {
        client.get("/api/races").await.expect(200);
    }
    let mut told = client.get("/api/races").await;
    for _ in 0..20 {
        if told.status == 429 {
            break;
        }
        told = client.get("/api/races").await;
    }
    assert!(told.header("retry-after").parse::<u32>().unwrap() >= 1);
    assert_eq!(told.expect(429).json()["error"], "too_many_requests");
}
