//! Other servers, measured in the same run: started and set up by `benches/run`, and only asked here. They take the fields of a
//! case as flat JSON, answer with its `id`, and give it back at `/<id>`.

use std::str::FromStr;
use std::sync::Arc;

use hyper::Method;
use serde_json::Value as Json;
use tokio::task::JoinSet;

use super::load::{Asker, Client, Target};
use super::rows;

/// Records that are read from a peer, and from blotter.
pub(super) const READ: usize = 500;
/// Rows that are sent to a peer's index at once.
const ROWS: u64 = 5_000;

/// A server that speaks plain HTTP, and a path there.
#[derive(Clone)]
pub(super) struct Peer {
    pub(super) target: Target,
    path: String,
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Peer({}{})", self.target.address, self.path)
    }
}

impl FromStr for Peer {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        let rest = url
            .strip_prefix("http://")
            .ok_or("only http:// is spoken to peers")?;
        let (address, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let target = Target {
            address: address.parse().map_err(|_| "an address and a port are needed")?,
            connector: None,
            authorization: String::new(),
            headers: &[],
        };
        Ok(Self {
            target,
            path: path.trim_end_matches('/').to_owned(),
        })
    }
}

impl Peer {
    /// The same server, at another path.
    pub(super) fn at(&self, path: &str) -> Self {
        Self {
            target: self.target.clone(),
            path: format!("{}{path}", self.path),
        }
    }

    /// Files cases.
    pub(super) fn creates(&self) -> Asker {
        let path = self.path.clone();
        Arc::new(move |client, number| (Method::POST, path.clone(), rows::flat(client, number)))
    }

    /// Reads by id, after filing what is read.
    pub(super) async fn gets(&self) -> std::io::Result<Asker> {
        let mut tasks = JoinSet::new();
        let mut client = Client::connect(&self.target, &mut tasks).await?;
        let mut paths = Vec::new();
        for number in 0..READ as u64 {
            let made = client
                .json((Method::POST, self.path.clone(), rows::flat(32, number)))
                .await?;
            let id = made["id"]
                .as_str()
                .ok_or_else(|| std::io::Error::other("a peer gave no id"))?;
            paths.push(format!("{}/{id}", self.path));
        }
        Ok(reads(paths))
    }

    /// Looks for names, after sending the rows that are not there yet.
    pub(super) async fn searches(&self, records: u64) -> std::io::Result<Asker> {
        let mut tasks = JoinSet::new();
        let mut client = Client::connect(&self.target, &mut tasks).await?;
        let there = client
            .json((Method::GET, self.path.clone(), String::new()))
            .await?;
        let mut next = there["data"].as_u64().unwrap_or(0);
        while next < records {
            let end = (next + ROWS).min(records);
            let rows: Vec<Json> = (next..end).map(rows::row_text).collect();
            client
                .send((Method::POST, self.path.clone(), Json::from(rows).to_string()))
                .await?;
            next = end;
        }
        let path = self.path.clone();
        Ok(Arc::new(move |client, number| {
            let (_, expression) = rows::sought(number * 31 + client as u64, records);
            (
                Method::GET,
                format!("{path}?q={}", rows::encoded(&expression)),
                String::new(),
            )
        }))
    }
}

/// Reads these in turn, each client in a turn of its own.
pub(super) fn reads(paths: Vec<String>) -> Asker {
    Arc::new(move |client, number| {
        let number = usize::try_from(number).unwrap_or(0);
        let place = number.wrapping_mul(31).wrapping_add(client * 7) % paths.len();
        (Method::GET, paths[place].clone(), String::new())
    })
}
