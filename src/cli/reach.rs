//! Carries orders to whoever holds the data folder: this process, or the server that runs in it.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::app::folder::{Folder, FolderError};
use crate::app::node::{Node, NodeError};
use crate::cli::order::{Answer, Backend, Envelope, Order, Tell};
use crate::cli::output::{Output, Steps};
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
            CliError::Failed(match error.kind() {
                ErrorKind::NotFound | ErrorKind::ConnectionRefused => format!(
                    "{path} is in use by another blotter that takes no orders: a verb that is still at work, or a server that \
                     starts or stops. Wait until it is done"
                ),
                _ => format!("{path} is in use, and its server can't be reached: {error}"),
            })
        })?;
        Ok(Self::Server(BufReader::new(stream)))
    }

    /// Has an order carried out for the usual agency.
    pub(super) fn perform(&mut self, order: Order) -> Result<Json, CliError> {
        self.perform_for(None, order)
    }

    /// Has an order carried out for an agency.
    pub(super) fn perform_for(&mut self, tenant: Option<String>, order: Order) -> Result<Json, CliError> {
        self.envelope(&Envelope { tenant, order }, &mut |_| {})
    }

    /// Has an order carried out that takes long, and shows how far it has come.
    pub(super) fn perform_long(&mut self, order: Order, output: Output) -> Result<Json, CliError> {
        let envelope = Envelope { tenant: None, order };
        let mut steps = Steps::new(output);
        let performed = self.envelope(&envelope, &mut |step| steps.at(&step));
        steps.end();
        performed
    }

    fn envelope(&mut self, envelope: &Envelope, tell: Tell<'_>) -> Result<Json, CliError> {
        let answer = match self {
            Self::Here(backend) => backend.perform(envelope.clone(), tell),
            Self::Server(stream) => ask(stream, envelope, tell)?,
        };
        match answer {
            Answer::Done(done) => Ok(done),
            Answer::Refused(refusal) => Err(refusal.into()),
            Answer::Going(_) => Err(CliError::Failed("the answer has no end".to_owned())),
        }
    }
}

fn ask(stream: &mut BufReader<UnixStream>, envelope: &Envelope, tell: Tell<'_>) -> Result<Answer, CliError> {
    let mut line = serde_json::to_vec(envelope).map_err(CliError::failed)?;
    line.push(b'\n');
    let gone = |error: std::io::Error| CliError::Failed(format!("the server went away: {error}"));
    stream.get_mut().write_all(&line).map_err(gone)?;
    loop {
        let mut answer = Vec::new();
        stream.read_until(b'\n', &mut answer).map_err(gone)?;
        let answer = serde_json::from_slice(&answer);
        match answer.map_err(|_| CliError::Failed("the server went away".to_owned()))? {
            Answer::Going(step) => tell(step),
            last => return Ok(last),
        }
    }
}
