//! Carries orders to whoever holds the data folder: this process, or the server that runs in it.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::app::folder::{Folder, FolderError};
use crate::app::node::{Node, NodeError};
use crate::cli::order::{Answer, Backend, Envelope, Order};
use crate::cli::{CliError, Place};

/// The way to the node.
pub(super) enum Reach {
    /// It is open in this process.
    Here(Box<Backend>),
    /// A server holds it.
    Server(BufReader<UnixStream>),
}

impl Reach {
    /// Opens the folder, or the socket of the server that holds it.
    pub(super) fn open(place: &Place) -> Result<Self, CliError> {
        let config = place.load()?.config;
        match Node::open(place.folder(), &config) {
            Ok(node) => Ok(Self::Here(Box::new(Backend::new(&Arc::new(node), None)))),
            Err(NodeError::Folder(FolderError::InUse(_))) => Self::server(&place.folder()),
            Err(error) => Err(CliError::failed(error)),
        }
    }

    fn server(folder: &Folder) -> Result<Self, CliError> {
        let stream = UnixStream::connect(folder.socket()).map_err(|error| {
            let path = folder.path().display();
            CliError::Failed(format!(
                "{path} is in use, and who holds it does not answer: {error}"
            ))
        })?;
        Ok(Self::Server(BufReader::new(stream)))
    }

    /// Has an order carried out for the usual agency.
    pub(super) fn perform(&mut self, order: Order) -> Result<Json, CliError> {
        self.perform_for(None, order)
    }

    /// Has an order carried out for an agency.
    pub(super) fn perform_for(&mut self, tenant: Option<String>, order: Order) -> Result<Json, CliError> {
        let envelope = Envelope { tenant, order };
        let answer = match self {
            Self::Here(backend) => backend.perform(envelope),
            Self::Server(stream) => ask(stream, &envelope)?,
        };
        match answer {
            Answer::Done(done) => Ok(done),
            Answer::Refused(refusal) => Err(refusal.into()),
        }
    }
}

fn ask(stream: &mut BufReader<UnixStream>, envelope: &Envelope) -> Result<Answer, CliError> {
    let mut line = serde_json::to_vec(envelope).map_err(CliError::failed)?;
    line.push(b'\n');
    let gone = |error: std::io::Error| CliError::Failed(format!("the server went away: {error}"));
    stream.get_mut().write_all(&line).map_err(gone)?;
    let mut answer = Vec::new();
    stream.read_until(b'\n', &mut answer).map_err(gone)?;
    serde_json::from_slice(&answer).map_err(|_| CliError::Failed("the server went away".to_owned()))
}
