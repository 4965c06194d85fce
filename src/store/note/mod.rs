//! Signed notes (C2SP signed-note): a text, an empty line, signature lines; and how they are read and checked.
//!
//! A note is judged in two steps: [`Note::parse`] says whether it is one, [`Note::verify`] who signed it. What a
//! checkpoint is and which signature counts as the log's own: [`checkpoint`].

/// A log's size and root as the text of a note.
pub mod checkpoint;
/// Keys that verify, and their one-line form.
pub mod key;
/// What leaves the house: heads signed twice, proofs of single operations.
pub mod notary;
/// One operation's proof in a text that verifies without us.
pub mod proof;
/// Keys that sign.
pub mod sign;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::domain::id::Hash;
use crate::store::note::key::{Algorithm, KeyName, VerifierKey};

/// The longest note that is read. Sixteen post-quantum signatures of 5 kB fit.
pub const NOTE_BYTES_MAX: usize = 128 * 1024;
/// The most signature lines that are read; the specification asks for at least 16.
pub const SIGNATURES_MAX: usize = 32;
/// Before each signature line.
const DASH: &str = "\u{2014} ";

/// Why a note is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Longer than [`NOTE_BYTES_MAX`] or more lines than [`SIGNATURES_MAX`].
    #[error("the note is larger than any that is read")]
    TooLarge,
    /// Not text, an empty line and signature lines.
    #[error("not a signed note: {0}")]
    Malformed(&'static str),
    /// The text of the note is not that of a checkpoint.
    #[error("not a checkpoint: {0}")]
    Checkpoint(&'static str),
    /// A known key's signature is wrong: somebody changed the note.
    #[error("the signature of {0} is false")]
    False(KeyName),
    /// A known key signs twice.
    #[error("{0} signs more than once")]
    Twice(KeyName),
    /// No known key of the log itself has signed.
    #[error("no known key of the log has signed")]
    Unsigned,
}

/// A text and who signed it. Nothing is verified by having one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    name: KeyName,
    key_id: u32,
    bytes: Vec<u8>,
}

/// A signature that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedBy {
    /// The key's name.
    pub name: KeyName,
    /// What kind of signature it is.
    pub algorithm: Algorithm,
    /// When a cosigner says it signed, in POSIX seconds; `None` where nothing is said.
    pub unix_seconds: Option<u64>,
}

impl Signature {
    /// From its parts.
    pub(super) fn new(name: KeyName, key_id: u32, bytes: Vec<u8>) -> Self {
        Self { name, key_id, bytes }
    }

    fn parse(line: &str) -> Result<Self, NoteError> {
        let malformed = NoteError::Malformed("a line after the text is no signature");
        let (name, encoded) = line
            .strip_prefix(DASH)
            .and_then(|rest| rest.split_once(' '))
            .ok_or(malformed.clone())?;
        let name = name.parse().map_err(|_| malformed.clone())?;
        let decoded = STANDARD.decode(encoded).map_err(|_| malformed.clone())?;
        match decoded.split_first_chunk() {
            Some((key_id, bytes)) if !bytes.is_empty() => {
                Ok(Self::new(name, u32::from_be_bytes(*key_id), bytes.to_vec()))
            }
            _ => Err(malformed),
        }
    }

    fn is_of(&self, key: &VerifierKey) -> bool {
        self.key_id == key.key_id() && &self.name == key.name()
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.key_id.to_be_bytes().as_slice(), &self.bytes].concat();
        writeln!(f, "{DASH}{} {}", self.name, STANDARD.encode(bytes))
    }
}

impl Note {
    /// A text, which ends with a newline, and its first signature.
    pub(super) fn new(text: String, signature: Signature) -> Self {
        Self {
            text,
            signatures: vec![signature],
        }
    }

    /// Adds a signature over the same text.
    pub fn add(&mut self, signature: Signature) {
        self.signatures.push(signature);
    }

    /// Reads a note that anyone may have written. [`fmt::Display`] gives back the same bytes.
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLarge);
        }
        if note.bytes().any(|byte| byte < b' ' && byte != b'\n') {
            return Err(NoteError::Malformed("a control character"));
        }
        let end = note.rfind("\n\n").ok_or(NoteError::Malformed("no empty line"))? + 1;
        let (text, lines) = (&note[..end], &note[end + 1..]);
        let lines = lines
            .strip_suffix('\n')
            .ok_or(NoteError::Malformed("it ends within a line"))?;
        if lines.split('\n').count() > SIGNATURES_MAX {
            return Err(NoteError::TooLarge);
        }
        let signatures = lines
            .split('\n')
            .map(Signature::parse)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            text: text.to_owned(),
            signatures,
        })
    }

    /// What was signed, with its last newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Which of the keys have signed. Signatures of other keys are passed over, but one false signature of a key that
    /// is known spoils the note, and so do two of one key.
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<Vec<SignedBy>, NoteError> {
        let mut signed = Vec::new();
        for (place, signature) in self.signatures.iter().enumerate() {
            let Some(key) = keys.iter().find(|key| signature.is_of(key)) else {
                continue;
            };
            if self.signatures[..place].iter().any(|earlier| earlier.is_of(key)) {
                return Err(NoteError::Twice(key.name().clone()));
            }
            let unix_seconds = key.check(&self.text, &signature.bytes)?;
            signed.push(SignedBy {
                name: key.name().clone(),
                algorithm: key.algorithm(),
                unix_seconds,
            });
        }
        Ok(signed)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| signature.fmt(f))
    }
}

/// A number in decimal digits, written in the one shortest way.
fn parse_decimal(text: &str) -> Option<u64> {
    let number = text.parse::<u64>().ok()?;
    (number.to_string() == text).then_some(number)
}

/// A hash in base64.
fn parse_hash(text: &str) -> Option<Hash> {
    STANDARD.decode(text).ok()?.try_into().ok().map(Hash)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_oneof};
    use proptest::strategy::Just;
    use proptest::{collection, prop_assert_eq, proptest};

    use super::{Note, NoteError, SIGNATURES_MAX};
    use crate::store::note::key::{Algorithm, VerifierKey};

    /// The example of the signed-note specification.
    const SPEC_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    const SPEC_NOTE: &str = "This is an example message.\n\n\u{2014} example.com/foo \
        Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    /// The example of Go's `sumdb/note`.
    const GO_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const GO_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\u{2014} PeterNeumann \
        x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn the_known_examples_verify_and_read_back() {
        for (key, text) in [(SPEC_KEY, SPEC_NOTE), (GO_KEY, GO_NOTE)] {
            let key: VerifierKey = key.parse().unwrap();
            let note = Note::parse(text).unwrap();
            let signed = note.verify(std::slice::from_ref(&key)).unwrap();
            assert_eq!(signed.len(), 1);
            assert_eq!(
                (&signed[0].name, signed[0].algorithm),
                (key.name(), Algorithm::Ed25519)
            );
            assert_eq!(note.to_string(), text);
        }
        let stranger: VerifierKey = GO_KEY.parse().unwrap();
        assert_eq!(Note::parse(SPEC_NOTE).unwrap().verify(&[stranger]), Ok(vec![]));
    }

    #[test]
    fn a_changed_note_is_false_and_a_doubled_signature_is_refused() {
        let key: VerifierKey = SPEC_KEY.parse().unwrap();
        let keys = std::slice::from_ref(&key);
        let changed = Note::parse(&SPEC_NOTE.replace("example message", "Example message")).unwrap();
        assert_eq!(changed.verify(keys), Err(NoteError::False(key.name().clone())));
        let line = SPEC_NOTE.split("\n\n").last().unwrap();
        let twice = Note::parse(&format!("{SPEC_NOTE}{line}")).unwrap();
        assert_eq!(twice.verify(keys), Err(NoteError::Twice(key.name().clone())));
    }

    #[test]
    fn what_is_no_note_is_refused() {
        let check = |note: &str| assert!(Note::parse(note).is_err(), "{note:?}");
        let line = "\u{2014} a AAAAAAA=\n";
        assert!(Note::parse(&format!("t\n\n{line}")).is_ok());
        check("");
        check("\n\n");
        check("t\n\n");
        check(line);
        check(&format!("t\n{line}"));
        check(&format!("t\n\n{}", line.trim_end()));
        check(&format!("t\r\n\n{line}"));
        check(&format!("t\n\n{line}x\n"));
        for bad in [
            "- a AAAAAAA=",
            "\u{2014} a  AAAAAAA=",
            "\u{2014} a AAAAAAA= ",
            "\u{2014}  AAAAAAA=",
            "\u{2014} a+b AAAAAAA=",
            "\u{2014} a\u{a0}b AAAAAAA=",
            "\u{2014} a AAAAAAA",
            "\u{2014} a AAAAAAB=",
            "\u{2014} a AAAAAA==",
            "\u{2014} a",
        ] {
            check(&format!("t\n\n{bad}\n"));
        }
        let many = line.repeat(SIGNATURES_MAX);
        assert!(Note::parse(&format!("t\n\n{many}")).is_ok());
        assert_eq!(
            Note::parse(&format!("t\n\n{many}{line}")),
            Err(NoteError::TooLarge)
        );
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_what_is_read_is_written_back(
            parts in collection::vec(
                prop_oneof![
                    Just("\n".to_owned()), Just("\u{2014} a AAAAAAA=\n".to_owned()), Just("\u{2014} ".to_owned()),
                    any::<String>(),
                ],
                0..12,
            )
        ) {
            let text = parts.concat();
            if let Ok(note) = Note::parse(&text) {
                prop_assert_eq!(note.to_string(), text);
            }
        }

        #[test]
        fn no_cut_or_changed_byte_of_a_note_verifies(place in 0..SPEC_NOTE.len(), byte in any::<u8>()) {
            let key: VerifierKey = SPEC_KEY.parse().unwrap();
            let mut bytes = SPEC_NOTE.as_bytes().to_vec();
            let same = std::mem::replace(&mut bytes[place], byte) == byte;
            let signed = str::from_utf8(&bytes).ok().and_then(|text| Note::parse(text).ok())
                .and_then(|note| note.verify(std::slice::from_ref(&key)).ok())
                .is_some_and(|signed| !signed.is_empty());
            prop_assert_eq!(signed, same);
            let cut = SPEC_NOTE.get(..place).and_then(|text| Note::parse(text).ok());
            proptest::prop_assert!(cut.is_none());
        }
    }
}
