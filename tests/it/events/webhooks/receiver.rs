//! A receiver of webhooks that does what it is told to do, and remembers what came.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

/// Nothing here takes so long unless it never comes.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// One post.
#[derive(Clone, Debug)]
pub(super) struct Post {
    pub(super) path: String,
    pub(super) event: Json,
    /// What was answered: the status, or nothing.
    pub(super) status: Option<u16>,
}

impl Post {
    /// `sequence` of the event.
    pub(super) fn sequence(&self) -> u64 {
        self.event["sequence"].as_u64().unwrap()
    }
}

/// What is answered: a status with further headers, or nothing and the connection closed (0).
type Answer = (u16, &'static str);

#[derive(Default)]
struct State {
    posts: Vec<Post>,
    /// Answers for the next posts; then [`State::usual`].
    answers: VecDeque<Answer>,
    usual: u16,
    manner: Manner,
}

/// How a receiver speaks.
#[derive(Clone, Copy, Default)]
pub(super) struct Manner {
    /// `HTTP/1.0`, not 1.1.
    pub(super) old: bool,
    /// Said in every answer.
    pub(super) headers: &'static str,
    /// The connection is closed after every answer.
    pub(super) closes: bool,
}

/// A receiver over plain HTTP on a free port; it ends with the test.
pub(super) struct Receiver {
    address: SocketAddr,
    state: Arc<(Mutex<State>, Condvar)>,
}

impl Receiver {
    /// Answers as told, then always `usual`.
    pub(super) fn start(usual: u16, answers: &[Answer]) -> Self {
        Self::start_as(Manner::default(), usual, answers)
    }

    /// The same of one who speaks so.
    pub(super) fn start_as(manner: Manner, usual: u16, answers: &[Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = State {
            usual,
            manner,
            answers: answers.iter().copied().collect(),
            ..State::default()
        };
        let state = Arc::new((Mutex::new(state), Condvar::new()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || serve(&stream, &shared));
            }
        });
        Self { address, state }
    }

    /// Where it is reached.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Its port.
    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// From now on it answers so.
    pub(super) fn answer(&self, usual: u16) {
        self.state.0.lock().unwrap().usual = usual;
    }

    /// All that came.
    pub(super) fn posts(&self) -> Vec<Post> {
        self.state.0.lock().unwrap().posts.clone()
    }

    /// Waits until what came is enough; gives all of it.
    pub(super) fn wait(&self, what: &str, enough: impl Fn(&[Post]) -> bool) -> Vec<Post> {
        let until = Instant::now() + PATIENCE;
        let mut state = self.state.0.lock().unwrap();
        while !enough(&state.posts) {
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{what}: {:?}", state.posts);
            state = self.state.1.wait_timeout(state, left).unwrap().0;
        }
        state.posts.clone()
    }

    /// Waits for so many posts that were taken.
    pub(super) fn wait_taken(&self, count: usize) -> Vec<Post> {
        let taken = |post: &&Post| post.status == Some(204);
        let posts = self.wait("posts taken", |posts| posts.iter().filter(taken).count() >= count);
        posts.into_iter().filter(|post| taken(&post)).collect()
    }
}

fn serve(stream: &TcpStream, shared: &(Mutex<State>, Condvar)) {
    let mut reader = BufReader::new(stream);
    while let Some(mut post) = read(&mut reader) {
        let (status, more, manner) = {
            let mut state = shared.0.lock().unwrap();
            let usual = (state.usual, "");
            let (status, more) = state.answers.pop_front().unwrap_or(usual);
            post.status = (status > 0).then_some(status);
            state.posts.push(post);
            (status, more, state.manner)
        };
        shared.1.notify_all();
        if status == 0 {
            return;
        }
        let (mut to, said) = (stream, manner.headers);
        // Before HTTP/1.1 the end of the connection was the end of the answer.
        let head = match manner.old {
            true => format!("HTTP/1.0 {status} x\r\n"),
            false => format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\n"),
        };
        let answer = format!("{head}{said}{more}\r\n");
        if to.write_all(answer.as_bytes()).is_err() || manner.closes {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Post> {
    let (mut first, mut headers) = (String::new(), String::new());
    reader.read_line(&mut first).ok()?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        headers.push_str(&line.to_lowercase());
    }
    let length = headers
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))?;
    let mut body = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut body).ok()?;
    Some(Post {
        path: first.split(' ').nth(1)?.to_owned(),
        event: serde_json::from_slice(&body).unwrap(),
        status: None,
    })
}
