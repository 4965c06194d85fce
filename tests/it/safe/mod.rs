//! The lane of evidence-room clients.

mod custody;
mod doors;
mod forever;
mod kept;
mod nonsense;
mod numbers;
mod people;
mod poller;
mod searches;

use axum::http::Method;
use blotter::domain::kind::{EVIDENCE, Kind, OFFICE, TENANT, USER};
use blotter::domain::record::Record;
use blotter::domain::value::{Fields, Value};
use blotter::services::Services;
use blotter::services::caller::Caller;
use serde_json::{Value as Json, json};

use crate::support::testbox::{Answer, Connection, METRO, TestBox};

/// A client with a static token and the numbers of its user's agency and office.
pub(crate) struct Client {
    connection: Connection,
    token: String,
    numbers: (String, String),
}

fn fields(json: Json) -> Fields {
    match Value::from(json) {
        Value::Map(fields) => fields,
        _ => panic!("an object"),
    }
}

/// Makes a record as the owner of the folder.
pub(crate) fn make(services: &Services, owner: &Caller, kind: &'static Kind, json: Json) -> Record {
    let made = services.create(owner, kind, fields(json), None).unwrap();
    made.first().unwrap().clone()
}

/// An agency with a number, an office with one, and a user in it; gives the user's token.
pub(crate) fn agency(bed: &TestBox, slug: &str, numbers: (i64, i64), role: &str) -> String {
    let (services, owner) = (bed.services(), bed.desk().owner_of(slug));
    let known = services.list(&owner, &TENANT, &Default::default()).unwrap();
    if known.records.is_empty() {
        let tenant = json!({"slug": slug, "name": slug, "organization_id": numbers.0});
        make(services, &owner, &TENANT, tenant);
        make(
            services,
            &owner,
            &OFFICE,
            json!({"name": "Main", "number": numbers.1}),
        );
    }
    let email = format!("{role}@{slug}.example");
    let user = json!({"email": email, "name": format!("Pat {role}"), "role": role});
    let user = make(services, &owner, &USER, user);
    services
        .make_static_token(&owner, &user.id.to_string())
        .unwrap()
        .token
}

impl Client {
    /// Of an administrator of METRO, agency 7, office 3.
    pub(crate) async fn new(bed: &TestBox) -> Self {
        let token = agency(bed, METRO, (7, 3), "administrator");
        Self::with(bed, &token, (7, 3)).await
    }

    pub(crate) async fn with(bed: &TestBox, token: &str, numbers: (i64, i64)) -> Self {
        Self {
            connection: bed.connect().await,
            token: token.to_owned(),
            numbers: (numbers.0.to_string(), numbers.1.to_string()),
        }
    }

    /// Sends a request as these clients do: a form's content type on a GET.
    pub(crate) async fn send(&mut self, method: Method, path: &str, body: Option<&Json>) -> Answer {
        let (organization, office) = self.numbers.clone();
        let mut headers = vec![
            ("organizationID", organization.as_str()),
            ("OfficeId", office.as_str()),
            ("staticToken", "TRUE"),
        ];
        if body.is_none() {
            headers.push(("content-type", "application/x-www-form-urlencoded"));
        }
        let request = TestBox::request(method, path, Some(&self.token), &headers, body);
        self.connection.send(request).await
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn post(&mut self, path: &str, body: Json) -> Answer {
        self.send(Method::POST, path, Some(&body)).await
    }

    pub(crate) async fn put(&mut self, path: &str, body: Json) -> Answer {
        self.send(Method::PUT, path, Some(&body)).await
    }
}

/// An item in a case.
pub(crate) fn item(bed: &TestBox, case: &Record, description: &str) -> Record {
    let json = json!({"case_id": case.id.to_string(), "type": "physical", "description": description});
    make(bed.services(), &bed.owner(), &EVIDENCE, json)
}
