//! Everything from outside is hostile: what is wrong gets a clear answer or a closed connection, nothing is changed by it, and
//! others are answered meanwhile. The server is the real one over TLS.

mod bodies;
mod flood;
mod parts;
mod wire;

use std::path::PathBuf;

use axum::body::Body;
use axum::http::{Method, Request};
use blotter::domain::id::Hash;
use blotter::views::root::state_root;
use serde_json::json;

use crate::fuzz::targets::files_below;
use crate::support::testbox::{Answer, Connection, TestBox};

/// A box with a few records, and how it stood before.
struct Siege {
    test: TestBox,
    root: Hash,
    files: Vec<PathBuf>,
}

impl Siege {
    async fn begin() -> Self {
        let test = TestBox::start().await;
        test.services().seed_categories(&test.owner()).unwrap();
        test.post("/v1/cases", json!({"title": "a stolen bicycle"}))
            .await
            .expect(201);
        let item = json!({"case_id": "INV-2026-0001", "type": "photo", "description": "x"});
        test.post("/v1/evidence", item).await.expect(201);
        let report = json!({"location": {"x": 8.5, "y": 47.3}, "category": {"category_id": 5},
            "reporter": {"name": "A", "phone": "+41446681800"}});
        test.post("/v1/reports", report).await.expect(201);
        let root = root_of(&test);
        let files = files_of(&test);
        Self { test, root, files }
    }

    /// Nothing was changed: not a record, not a file; and the next case gets the next number.
    async fn untouched(&self) {
        assert_eq!(root_of(&self.test), self.root, "a record was changed");
        assert_eq!(files_of(&self.test), self.files, "a file was left behind");
        let made = self
            .test
            .post("/v1/cases", json!({"title": "after"}))
            .await
            .expect(201);
        assert_eq!(
            made.data()["display_id"],
            "INV-2026-0002",
            "no number was used up"
        );
    }

    fn request(&self, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Request<Body> {
        let mut request = TestBox::request(Method::POST, path, Some(&self.test.key), headers, None);
        *request.body_mut() = Body::from(body);
        request
    }

    /// Sends it, expects this refusal in the envelope, and that the connection goes on.
    async fn refused(
        &self,
        connection: &mut Connection,
        request: Request<Body>,
        status: u16,
        about: &str,
    ) -> Answer {
        let answer = connection.send(request).await;
        let text = String::from_utf8_lossy(&answer.bytes[..answer.bytes.len().min(500)]).into_owned();
        assert_eq!(answer.status, status, "{about}: {text}");
        assert!(!answer.codes().is_empty(), "{about}: {text}");
        assert!(answer.json()["meta"]["request_id"].is_string(), "{about}: {text}");
        assert!(
            answer.bytes.len() < 1 << 20,
            "{about}: an answer of {} bytes",
            answer.bytes.len()
        );
        let good = TestBox::request(
            Method::GET,
            "/v1/cases/INV-2026-0001",
            Some(&self.test.key),
            &[],
            None,
        );
        assert_eq!(connection.send(good).await.status, 200, "after {about}");
        answer
    }
}

fn root_of(test: &TestBox) -> Hash {
    state_root(&test.services().store().snapshot().unwrap()).unwrap()
}

fn files_of(test: &TestBox) -> Vec<PathBuf> {
    let mut files = files_below(&test.desk().folder().join("files"));
    files.sort();
    files
}

/// The memory of this process in bytes, other tests included where they run in the same one.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
}
