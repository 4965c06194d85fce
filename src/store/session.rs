//! What a request may do on the write thread: read the rows as they are at this very moment, and draft operations. They are
//! folded at once, so a later request of the same group sees them; they become durable with the group, or never were.

use crate::domain::id::{Hash, OpId, RecordId};
use crate::domain::operation::{Draft, FORMAT_VERSION, Header, Operation, Payload, Request};
use crate::domain::record::Record;
use crate::domain::time::{Hlc, Millis};
use crate::store::codec::{check_payload, encode_header, encode_payload};
use crate::store::commit::logs::Logs;
use crate::store::database::Rows;
use crate::store::error::StoreError;
use crate::store::hash::sha256;
use crate::store::identity::{Stream, random};
use crate::store::merkle::leaf_hash;

/// How operations become rows: two pure steps of the views, called by the write thread and by every replay alike.
#[derive(Clone, Copy, Debug)]
pub struct Fold {
    /// The rules' version; another one than the rows were made with means that they are folded anew.
    pub version: u32,
    /// One operation more, of the log that has this number here; gives the record as it is then, if it is about one.
    pub apply: fn(&mut Rows<'_>, u32, &Operation) -> Result<Option<Record>, StoreError>,
    /// The request that operations answer, given with the first of them once all are folded.
    pub answer: fn(&mut Rows<'_>, &Operation) -> Result<(), StoreError>,
}

/// The random bytes before each payload, so that its hash says nothing of it.
pub(super) const SALT_BYTES: usize = 16;

/// All that one request may draft; a journal's group holds at least this and what else was gathered.
const REQUEST_BYTES_MAX: u64 = 256 << 20;

/// An operation's bytes as they go into the journal.
pub(super) struct Encoded {
    pub(super) id: OpId,
    pub(super) header: Vec<u8>,
    pub(super) erasable: Vec<u8>,
    pub(super) leaf: Hash,
}

impl Encoded {
    pub(super) fn bytes(&self) -> u64 {
        (self.header.len() + self.erasable.len()) as u64
    }
}

/// One request on the write thread.
pub struct Session<'s, 't> {
    rows: &'s mut Rows<'t>,
    logs: &'s mut Logs,
    fold: Fold,
    now: Millis,
    operations: Vec<(Stream, Operation)>,
    request: Option<(Hash, Hash)>,
    /// The first failure to fold: whatever the request makes of it, nothing of it is kept.
    failed: Option<StoreError>,
}

/// A point to which a request can go back: a row of a batch that is refused leaves nothing.
pub struct Mark {
    rows: usize,
    operations: usize,
    places: [(u64, Hlc); 2],
}

impl<'s, 't> Session<'s, 't> {
    pub(super) fn new(rows: &'s mut Rows<'t>, logs: &'s mut Logs, fold: Fold, now: Millis) -> Self {
        Self {
            rows,
            logs,
            fold,
            now,
            operations: Vec::new(),
            request: None,
            failed: None,
        }
    }

    /// The rows, with all that was drafted before.
    pub fn rows(&self) -> &Rows<'t> {
        self.rows
    }

    /// The wall time of this group.
    pub fn now(&self) -> Millis {
        self.now
    }

    /// A new record's id, a UUIDv7 of this moment.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn new_record(&self) -> Result<RecordId, StoreError> {
        let mut bytes = [0; 10];
        random(&mut bytes)?;
        let millis = u64::try_from(self.now.0).unwrap_or(0);
        Ok(RecordId(
            uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid(),
        ))
    }

    /// Whose request this is: the hash of credential and key, and that of what was asked.
    pub fn answers(&mut self, key: Hash, body: Hash) {
        self.request = Some((key, body));
    }

    /// Drafts an operation of the records log.
    ///
    /// # Errors
    /// The disk failed while folding.
    pub fn append(&mut self, draft: Draft) -> Result<OpId, StoreError> {
        Ok(self.draft(Stream::Records, draft)?.0)
    }

    /// The same, giving the record as it is then.
    ///
    /// # Errors
    /// The disk failed while folding, or the operation is about no record.
    pub fn change(&mut self, draft: Draft) -> Result<Record, StoreError> {
        let (id, record) = self.draft(Stream::Records, draft)?;
        record.ok_or_else(|| StoreError::Malformed(format!("{id} is about no record")))
    }

    /// Drafts an entry of the audit log.
    ///
    /// # Errors
    /// The disk failed while folding.
    pub fn audit(&mut self, draft: Draft) -> Result<OpId, StoreError> {
        Ok(self.draft(Stream::Audit, draft)?.0)
    }

    fn draft(&mut self, stream: Stream, draft: Draft) -> Result<(OpId, Option<Record>), StoreError> {
        let drafted = self.fold(stream, draft);
        if let Err(error) = &drafted {
            self.failed = Some(error.clone());
        }
        drafted
    }

    fn fold(&mut self, stream: Stream, draft: Draft) -> Result<(OpId, Option<Record>), StoreError> {
        let payload = Payload {
            changes: draft.changes,
            request: None,
        };
        // What a replay can't read would keep the node from ever starting again.
        check_payload(&payload).map_err(|error| StoreError::Malformed(error.to_string()))?;
        let (id, hlc) = self.logs.next(stream, self.now);
        let header = Header {
            version: FORMAT_VERSION,
            id,
            hlc,
            wall: self.now,
            clock: self.logs.clock_quality(),
            tenant: draft.tenant,
            actor: draft.actor,
            urgency: draft.urgency,
            kind: draft.kind,
            record: draft.record,
            content: Hash::default(),
        };
        let operation = Operation {
            header,
            payload: Some(payload),
        };
        let number = self.logs.number(id.log);
        let record = (self.fold.apply)(self.rows, number, &operation)?;
        self.operations.push((stream, operation));
        Ok((id, record))
    }

    /// The state to which [`Session::undo`] can go back.
    pub fn mark(&mut self) -> Mark {
        let places = Stream::ALL.map(|stream| self.logs.place(stream));
        Mark {
            rows: self.rows.mark(),
            operations: self.operations.len(),
            places,
        }
    }

    /// Takes back all that was drafted since the mark.
    ///
    /// # Errors
    /// The disk failed.
    pub fn undo(&mut self, mark: &Mark) -> Result<(), StoreError> {
        self.rows.undo_to(mark.rows)?;
        self.operations.truncate(mark.operations);
        for (stream, place) in Stream::ALL.into_iter().zip(mark.places) {
            self.logs.rewind(stream, place);
        }
        Ok(())
    }

    /// The request was granted: its operations as they go into the journal. After an error it must be undone.
    pub(super) fn finish(&mut self, entry_bytes_max: u64) -> Result<Vec<Encoded>, StoreError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        self.name_request()?;
        let operations = self.operations.drain(..).map(|(_, operation)| encode(operation));
        let operations: Vec<Encoded> = operations.collect::<Result<_, _>>()?;
        let mut all_bytes = 0;
        for operation in &operations {
            if operation.bytes() > entry_bytes_max {
                return Err(StoreError::TooLong {
                    bytes_max: entry_bytes_max,
                });
            }
            all_bytes += operation.bytes();
        }
        if all_bytes > REQUEST_BYTES_MAX {
            return Err(StoreError::TooLong {
                bytes_max: REQUEST_BYTES_MAX,
            });
        }
        self.rows.keep();
        Ok(operations)
    }

    fn name_request(&mut self) -> Result<(), StoreError> {
        let Some((key, body)) = self.request else {
            return Ok(());
        };
        let count = self
            .operations
            .iter()
            .filter(|(stream, _)| *stream == Stream::Records)
            .count();
        let operations = u32::try_from(count).map_err(|_| StoreError::Io("too many operations".into()))?;
        let first = self
            .operations
            .iter_mut()
            .find(|(stream, _)| *stream == Stream::Records);
        if let Some((_, operation)) = first {
            if let Some(payload) = &mut operation.payload {
                payload.request = Some(Request {
                    key,
                    body,
                    operations,
                });
            }
            (self.fold.answer)(self.rows, operation)?;
        }
        Ok(())
    }
}

/// Salt and payload become the erasable part, and the header says its hash for ever.
fn encode(mut operation: Operation) -> Result<Encoded, StoreError> {
    let mut erasable = vec![0; SALT_BYTES];
    random(&mut erasable)?;
    if let Some(payload) = &operation.payload {
        erasable.extend_from_slice(&encode_payload(payload));
    }
    let content = sha256(&[&erasable]);
    operation.header.content = content;
    let header = encode_header(&operation.header);
    Ok(Encoded {
        id: operation.header.id,
        leaf: leaf_hash(&header, &content),
        header,
        erasable,
    })
}
