//! Checkpoints (C2SP tlog-checkpoint): origin, size and root of a log as the text of a note, and whose word they are.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::domain::id::Hash;
use crate::store::note::key::{Algorithm, KeyName, VerifierKey};
use crate::store::note::{Note, NoteError, SignedBy, parse_decimal, parse_hash};

/// A log's state: so many leaves, with this root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: KeyName,
    size: u64,
    root: Hash,
    extension: Vec<String>,
}

/// A checkpoint and the signatures that were verified on it, the log's own among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What was signed.
    pub checkpoint: Checkpoint,
    /// Who signed it, of the keys that were given.
    pub signed_by: Vec<SignedBy>,
}

impl Checkpoint {
    /// Of the log with this origin.
    pub fn new(origin: KeyName, size: u64, root: Hash) -> Self {
        Self {
            origin,
            size,
            root,
            extension: Vec::new(),
        }
    }

    /// The log, by the name that its keys bear.
    pub fn origin(&self) -> &KeyName {
        &self.origin
    }

    /// The number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root over them.
    pub fn root(&self) -> &Hash {
        &self.root
    }

    /// Further lines that others put into their checkpoints; we never do.
    pub fn extension(&self) -> &[String] {
        &self.extension
    }

    /// The text of the note.
    pub fn text(&self) -> String {
        let mut text = format!(
            "{}\n{}\n{}\n",
            self.origin,
            self.size,
            STANDARD.encode(self.root.0)
        );
        for line in &self.extension {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// Reads the text of a note. Stricter than the specification in one point: the origin is a key name.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let text = text
            .strip_suffix('\n')
            .ok_or(NoteError::Checkpoint("it ends within a line"))?;
        if text.bytes().any(|byte| byte < b' ' && byte != b'\n') {
            return Err(NoteError::Checkpoint("a control character"));
        }
        let mut lines = text.split('\n');
        let mut line = || {
            lines
                .next()
                .ok_or(NoteError::Checkpoint("fewer than three lines"))
        };
        let origin = line()?
            .parse()
            .map_err(|_| NoteError::Checkpoint("the origin is no key name"))?;
        let size = parse_decimal(line()?).ok_or(NoteError::Checkpoint("the size is no number"))?;
        let root = parse_hash(line()?).ok_or(NoteError::Checkpoint("the root is no hash"))?;
        let extension: Vec<_> = lines.map(str::to_owned).collect();
        if extension.iter().any(String::is_empty) {
            return Err(NoteError::Checkpoint("an empty line"));
        }
        Ok(Self {
            origin,
            size,
            root,
            extension,
        })
    }

    /// What an Ed25519 cosignature signs.
    pub(super) fn cosigned_text(&self, unix_seconds: u64) -> String {
        format!("cosignature/v1\ntime {unix_seconds}\n{}", self.text())
    }

    /// What an ML-DSA-44 cosignature signs: the tree as its own subtree from leaf 0.
    pub(super) fn cosigned_bytes(&self, cosigner: &KeyName, unix_seconds: u64) -> Vec<u8> {
        let mut bytes = b"subtree/v1\n\0".to_vec();
        let name = |bytes: &mut Vec<u8>, name: &KeyName| {
            bytes.push(u8::try_from(name.as_str().len()).expect("a key name has at most 255 bytes"));
            bytes.extend_from_slice(name.as_str().as_bytes());
        };
        name(&mut bytes, cosigner);
        bytes.extend_from_slice(&unix_seconds.to_be_bytes());
        name(&mut bytes, &self.origin);
        bytes.extend_from_slice(&0_u64.to_be_bytes());
        bytes.extend_from_slice(&self.size.to_be_bytes());
        bytes.extend_from_slice(&self.root.0);
        bytes
    }
}

/// The checkpoint in a note that a known key of the log itself has signed; see [`open`].
pub fn verify(note: &str, keys: &[VerifierKey]) -> Result<Checkpoint, NoteError> {
    open(&Note::parse(note)?, keys).map(|verified| verified.checkpoint)
}

/// The checkpoint in a note, and who signed it. Required: at least one true signature by a key that bears the log's
/// origin as its name (so no other log's key can speak for it, and no cosigner alone), and no false one by any of the
/// keys. A caller that wants a certain kind of signature, say the post-quantum one, looks for it in the answer.
pub fn open(note: &Note, keys: &[VerifierKey]) -> Result<Verified, NoteError> {
    let checkpoint = Checkpoint::parse(note.text())?;
    let signed_by = note.verify(keys)?;
    let own = |signed: &&SignedBy| {
        signed.name == checkpoint.origin && signed.algorithm != Algorithm::Ed25519Cosignature
    };
    let mut own = signed_by.iter().filter(own).peekable();
    if own.peek().is_none() {
        return Err(NoteError::Unsigned);
    }
    // The post-quantum signature does not cover extension lines.
    if !checkpoint.extension.is_empty() && own.all(|signed| signed.algorithm == Algorithm::MlDsa44) {
        return Err(NoteError::Unsigned);
    }
    Ok(Verified {
        checkpoint,
        signed_by,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::any;
    use proptest::{prop_assert_eq, proptest};

    use super::Checkpoint;
    use crate::domain::id::Hash;

    const ROOT: &str = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";

    fn check(text: &str, good: bool) {
        let theirs = tlog_tiles::Checkpoint::from_bytes(text.as_bytes());
        assert_eq!(theirs.is_ok(), good, "tlog_tiles on {text:?}");
        let ours = Checkpoint::parse(text);
        assert_eq!(
            ours.as_ref().map(Checkpoint::text).ok().as_deref(),
            good.then_some(text),
            "{text:?}"
        );
    }

    #[test]
    fn checkpoints_are_read_as_tlog_tiles_reads_them() {
        check(&format!("example.com/behind-the-sofa\n20852163\n{ROOT}\n"), true);
        check(&format!("a\n0\n{ROOT}\n"), true);
        check(&format!("a\n18446744073709551615\n{ROOT}\n"), true);
        check(&format!("a\n1\n{ROOT}\nextension\nlines\n"), true);
        check(&format!("a\n18446744073709551616\n{ROOT}\n"), false);
        check(&format!("a\n01\n{ROOT}\n"), false);
        check(&format!("a\n+1\n{ROOT}\n"), false);
        check(&format!("a\n-1\n{ROOT}\n"), false);
        check(&format!("a\n 1\n{ROOT}\n"), false);
        check(&format!("a\n\n{ROOT}\n"), false);
        check(&format!("\n1\n{ROOT}\n"), false);
        check(&format!("a\n1\n{ROOT}"), false);
        check(&format!("a\n1\n{ROOT}\n\n"), false);
        check(&format!("a\n1\n{ROOT}\nx\n\ny\n"), false);
        check(&format!("a\n1\n{}\n", &ROOT[..40]), false);
        check(&format!("a\n1\n{}\n", ROOT.replace("2I=", "2J=")), false);
        check("a\n1\n", false);
        check("", false);
    }

    #[test]
    fn the_message_for_ml_dsa_is_laid_out_as_specified() {
        let checkpoint = Checkpoint::new("log".parse().unwrap(), 0x0102, Hash([7; 32]));
        let expected = [
            &b"subtree/v1\n\0\x03hub"[..],
            &[0, 0, 0, 0, 0, 0, 0, 9],
            b"\x03log",
            &[0; 8],
            &[0, 0, 0, 0, 0, 0, 1, 2],
            &[7; 32],
        ]
        .concat();
        assert_eq!(checkpoint.cosigned_bytes(&"hub".parse().unwrap(), 9), expected);
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_what_is_read_is_written_back(text in any::<String>(), size in any::<u64>()) {
            for text in [text.clone(), format!("a\n{size}\n{ROOT}\n{text}\n"), format!("{text}\n{size}\n{ROOT}\n")] {
                if let Ok(checkpoint) = Checkpoint::parse(&text) {
                    prop_assert_eq!(checkpoint.text(), text);
                }
            }
        }
    }
}
