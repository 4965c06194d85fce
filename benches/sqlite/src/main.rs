//! SQLite behind the least that can answer over HTTP: the peer that `benches/run` measures blotter beside.
//!
//! `records` is durable when it answers: WAL, `synchronous=FULL`, one transaction a create. `names` is an FTS5 table that answers
//! ranked by bm25. No TLS, no policy, no audit, no history: whatever this does, a real server has to do as well.
//! Usage: `blotter-bench-sqlite FOLDER`; the first line that it says is its address.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Hits a page, as blotter gives them.
const HITS: i64 = 20;

/// One connection that writes, and as many that read as are asked for at once.
struct Peer {
    file: PathBuf,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
}

fn open(file: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -32768; PRAGMA mmap_size = 4294967296;
         CREATE TABLE IF NOT EXISTS records (id INTEGER PRIMARY KEY, body TEXT NOT NULL);
         CREATE VIRTUAL TABLE IF NOT EXISTS names USING fts5 (name, rest, prefix = '3');",
    )?;
    connection.set_prepared_statement_cache_capacity(16);
    Ok(connection)
}

impl Peer {
    fn open(folder: &Path) -> Result<Self, Failure> {
        let file = folder.join("peer.sqlite");
        Ok(Self {
            writer: Mutex::new(open(&file)?),
            file,
            readers: Mutex::default(),
        })
    }

    fn write<T>(&self, work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T, Failure> {
        Ok(work(
            &mut self.writer.lock().unwrap_or_else(PoisonError::into_inner),
        )?)
    }

    fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Failure> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = idle.map_or_else(|| open(&self.file), Ok)?;
        let outcome = work(&connection);
        self.readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(connection);
        Ok(outcome?)
    }

    /// Keeps one record; it is durable when this returns.
    fn create(&self, body: &Bytes) -> Result<Value, Failure> {
        let mut record: Value = serde_json::from_slice(body)?;
        let text = std::str::from_utf8(body)?;
        let id = self.write(|connection| {
            connection
                .prepare_cached("INSERT INTO records (body) VALUES (?1)")?
                .insert([text])
        })?;
        record["id"] = id.to_string().into();
        Ok(record)
    }

    fn get(&self, id: &str) -> Result<Option<String>, Failure> {
        self.read(|connection| {
            let mut select = connection.prepare_cached("SELECT body FROM records WHERE id = ?1")?;
            select.query_row([id], |row| row.get(0)).optional()
        })
    }

    /// Takes rows of `[name, rest]` into the index, in one transaction.
    fn index(&self, body: &Bytes) -> Result<Value, Failure> {
        let rows: Vec<(String, String)> = serde_json::from_slice::<Vec<Value>>(body)?
            .iter()
            .map(|row| {
                (
                    row[0].as_str().unwrap_or_default().into(),
                    row[1].as_str().unwrap_or_default().into(),
                )
            })
            .collect();
        self.write(|connection| {
            let transaction = connection.transaction()?;
            {
                let mut insert =
                    transaction.prepare_cached("INSERT INTO names (name, rest) VALUES (?1, ?2)")?;
                for (name, rest) in &rows {
                    insert.execute(params![name, rest])?;
                }
            }
            transaction.commit()
        })?;
        Ok(json!({ "data": rows.len() }))
    }

    /// How many rows are in the index: they are never deleted, so the last one says it.
    fn count(&self) -> Result<Value, Failure> {
        let last = "SELECT id FROM names_docsize ORDER BY id DESC LIMIT 1";
        let count: Option<i64> =
            self.read(|connection| connection.query_row(last, [], |row| row.get(0)).optional())?;
        Ok(json!({ "data": count.unwrap_or(0) }))
    }

    /// The best hits for an FTS5 expression.
    fn search(&self, expression: &str) -> Result<Value, Failure> {
        let hits = self.read(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT rowid, name, highlight(names, 0, '<mark>', '</mark>'), bm25(names) FROM names
                 WHERE names MATCH ?1 ORDER BY rank LIMIT ?2",
            )?;
            let hit = |row: &rusqlite::Row<'_>| {
                let (id, name, marked, score) = (
                    row.get::<_, i64>(0)?,
                    row.get::<_, String>(1)?,
                    row.get::<_, String>(2)?,
                    row.get::<_, f64>(3)?,
                );
                Ok(json!({ "id": id, "title": name, "snippet": marked, "score": score }))
            };
            select
                .query_map(params![expression, HITS], hit)?
                .collect::<rusqlite::Result<Vec<_>>>()
        })?;
        Ok(json!({ "data": hits }))
    }

    fn answer(
        &self,
        method: &Method,
        path: &str,
        query: &str,
        body: &Bytes,
    ) -> Result<(StatusCode, String), Failure> {
        let ok = |value: Value| (StatusCode::OK, value.to_string());
        Ok(match (method, path) {
            (&Method::POST, "/records") => (StatusCode::CREATED, self.create(body)?.to_string()),
            (&Method::POST, "/names") => ok(self.index(body)?),
            (&Method::GET, "/names") => match query.strip_prefix("q=") {
                Some(expression) => ok(self.search(&decoded(expression))?),
                None => ok(self.count()?),
            },
            (&Method::GET, path) => match path
                .strip_prefix("/records/")
                .map(|id| self.get(id))
                .transpose()?
                .flatten()
            {
                Some(body) => (StatusCode::OK, body),
                None => (StatusCode::NOT_FOUND, String::new()),
            },
            _ => (StatusCode::NOT_FOUND, String::new()),
        })
    }
}

/// A query's text without its percent signs.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || {
            rest.next()
                .and_then(|digit| char::from(digit).to_digit(16))
                .unwrap_or(0) as u8
        };
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => digit() * 16 + digit(),
            other => other,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn respond(peer: Arc<Peer>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let answer = || {
        peer.answer(
            &head.method,
            head.uri.path(),
            head.uri.query().unwrap_or_default(),
            &body,
        )
    };
    let (status, text) = tokio::task::block_in_place(answer)
        .unwrap_or_else(|failure| (StatusCode::INTERNAL_SERVER_ERROR, failure.to_string()));
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let json = hyper::header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, json);
    Ok(response)
}

async fn connection(peer: Arc<Peer>, tcp: TcpStream) {
    let service = service_fn(move |request| respond(Arc::clone(&peer), request));
    drop(
        http1::Builder::new()
            .serve_connection(TokioIo::new(tcp), service)
            .await,
    );
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let folder = std::env::args_os()
        .nth(1)
        .ok_or("usage: blotter-bench-sqlite FOLDER")?;
    std::fs::create_dir_all(&folder)?;
    let peer = Arc::new(Peer::open(Path::new(&folder))?);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("http://{}", listener.local_addr()?);
    loop {
        let (tcp, _) = listener.accept().await?;
        tcp.set_nodelay(true)?;
        tokio::spawn(connection(Arc::clone(&peer), tcp));
    }
}
