//! What each fuzz target does with its bytes: a decoder must answer or refuse, never panic, and what it answers must mean the
//! same when it is written and read again. The ordinary tests replay the corpora through these very functions.

use blotter::search::ask::Ask;
use blotter::services::images::{DecodeLimits, inspect, thumbnail};
use blotter::services::import::{Limits, Mapping, open};
use blotter::store::codec;
use blotter::store::note::Note;
use blotter::store::note::checkpoint::Checkpoint;
use blotter::store::note::proof::TlogProof;

/// Headers, payloads, values and record rows.
pub(crate) fn operation(bytes: &[u8]) {
    if let Ok(header) = codec::decode_header(bytes) {
        assert_eq!(codec::decode_header(&codec::encode_header(&header)), Ok(header));
    }
    if let Ok(payload) = codec::decode_payload(bytes) {
        assert_eq!(
            codec::decode_payload(&codec::encode_payload(&payload)),
            Ok(payload)
        );
    }
    if let Ok(value) = codec::decode_value(bytes) {
        assert_eq!(codec::decode_value(&codec::encode_value(&value)), Ok(value));
    }
    let id = blotter::domain::id::RecordId::from_bytes([7; 16]);
    if let Ok(record) = codec::decode_record(id, bytes) {
        let again = codec::decode_record(id, &codec::encode_record(&record));
        assert_eq!(again, Ok(record));
    }
}

/// Signed notes, checkpoints and proofs.
pub(crate) fn checkpoint(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(note) = Note::parse(text) {
        assert_eq!(note.to_string(), text);
    }
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(checkpoint.text(), text);
    }
    drop(TlogProof::parse(text));
}

/// What an officer types into the search box.
pub(crate) fn query(bytes: &[u8]) {
    drop(Ask::parse(&String::from_utf8_lossy(bytes)));
}

/// A file to be imported by a mapping.
pub(crate) fn csv(bytes: &[u8]) {
    let mapping = Mapping::parse(include_str!("../data/nypd-hate-crime-complaints.toml")).expect("it ships");
    let Ok(mut import) = open(mapping, bytes, Limits::default()) else {
        return;
    };
    while let Ok(Some(_)) = import.next_row() {}
}

/// A picture.
pub(crate) fn image(bytes: &[u8]) {
    let limits = DecodeLimits {
        pixels_max: 1 << 20,
        ..DecodeLimits::default()
    };
    drop(inspect(bytes));
    drop(thumbnail(bytes, 64, &limits));
}
