//! The way from a browser to a node, which can be cut and mended.

use std::io::copy;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What goes through; `None` while it is cut.
type Open = Arc<Mutex<Option<Vec<TcpStream>>>>;

/// Passes connections on to a server.
pub(super) struct Link {
    /// Where it listens.
    pub(super) address: String,
    open: Open,
}

impl Link {
    pub(super) fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (open, server): (Open, String) = (Arc::new(Mutex::new(Some(Vec::new()))), server.to_owned());
        let passing = Arc::clone(&open);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                pass(client, &server, &passing);
            }
        });
        Self { address, open }
    }

    /// Ends what goes through, and takes nothing more.
    pub(super) fn cut(&self) {
        let open = self.open.lock().unwrap().take();
        for stream in open.unwrap_or_default() {
            // It may have ended by itself.
            stream.shutdown(Shutdown::Both).unwrap_or_default();
        }
    }

    pub(super) fn mend(&self) {
        *self.open.lock().unwrap() = Some(Vec::new());
    }
}

fn pass(client: TcpStream, server: &str, open: &Open) {
    let mut open = open.lock().unwrap();
    let (Some(open), Ok(server)) = (open.as_mut(), TcpStream::connect(server)) else {
        return;
    };
    for (from, to) in [(&client, &server), (&server, &client)] {
        let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        thread::spawn(move || {
            // However it ends, the other side is to learn of it.
            copy(&mut from, &mut to).unwrap_or_default();
            to.shutdown(Shutdown::Both).unwrap_or_default();
        });
    }
    open.extend([client, server]);
}
