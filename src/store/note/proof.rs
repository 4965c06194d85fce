//! One operation's proof in one text (C2SP tlog-proof v1): its place, the way to the root, the signed checkpoint.
//! With the operation's header and content hash and the log's verifier key, it verifies without us.

use std::fmt;
use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::domain::id::Hash;
use crate::store::merkle::{VerifyError, verify_inclusion};
use crate::store::note::checkpoint::{Verified, open};
use crate::store::note::key::VerifierKey;
use crate::store::note::{NOTE_BYTES_MAX, Note, NoteError, parse_decimal, parse_hash};

/// The first line.
const TITLE: &str = "c2sp.org/tlog-proof@v1";
/// The longest extra data that is read.
pub const EXTRA_BYTES_MAX: usize = 64 * 1024;
/// The most hashes an inclusion proof can have.
const HASHES_MAX: usize = 64;
/// The longest proof that is read: title, extra data, index, hashes, note.
pub const PROOF_BYTES_MAX: usize = EXTRA_BYTES_MAX / 3 * 4 + HASHES_MAX * 45 + 128 + NOTE_BYTES_MAX;

/// Why a proof is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Not the text of a proof.
    #[error("not a proof: {0}")]
    Malformed(&'static str),
    /// Its checkpoint is not taken.
    #[error("the proof's checkpoint")]
    Note(#[from] NoteError),
    /// Its hashes don't lead from the leaf to the checkpoint's root.
    #[error("the proof of inclusion")]
    Inclusion(#[from] VerifyError),
}

/// A proof that a leaf stands in a log. Nothing is verified by having one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    /// What else the reader needs, for instance to compute the leaf; not authenticated. Empty = none.
    pub extra: Vec<u8>,
    /// The leaf's place, from 0.
    pub index: u64,
    /// The inclusion proof, the leaf's sibling first.
    pub hashes: Vec<Hash>,
    /// The signed checkpoint.
    pub note: Note,
}

impl TlogProof {
    /// Reads a proof that anyone may have written. [`fmt::Display`] gives back the same bytes.
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        let malformed = ProofError::Malformed;
        if text.len() > PROOF_BYTES_MAX {
            return Err(malformed("too large"));
        }
        let (head, note) = text.split_once("\n\n").ok_or(malformed("no empty line"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(TITLE) {
            return Err(malformed("another format or version"));
        }
        let extra = match lines.next_if(|line| line.starts_with("extra ")) {
            Some(line) => parse_extra(&line["extra ".len()..])?,
            None => Vec::new(),
        };
        let index = lines
            .next()
            .and_then(|line| line.strip_prefix("index "))
            .and_then(parse_decimal);
        let index = index.ok_or(malformed("no index"))?;
        let hashes: Vec<_> = lines
            .take(HASHES_MAX + 1)
            .map(|line| parse_hash(line).ok_or(malformed("a line is no hash")))
            .collect::<Result<_, _>>()?;
        if hashes.len() > HASHES_MAX {
            return Err(malformed("more hashes than any tree has levels"));
        }
        Ok(Self {
            extra,
            index,
            hashes,
            note: Note::parse(note)?,
        })
    }

    /// Checks that the leaf is in the log at the proof's index, and that the log's own key (see [`open`]) signed so.
    pub fn verify(&self, leaf: &Hash, keys: &[VerifierKey]) -> Result<Verified, ProofError> {
        let verified = open(&self.note, keys)?;
        let checkpoint = &verified.checkpoint;
        verify_inclusion(
            leaf,
            self.index,
            checkpoint.size(),
            &self.hashes,
            checkpoint.root(),
        )?;
        Ok(verified)
    }
}

fn parse_extra(text: &str) -> Result<Vec<u8>, ProofError> {
    let bytes = STANDARD
        .decode(text)
        .map_err(|_| ProofError::Malformed("the extra data is not base64"))?;
    if bytes.is_empty() || bytes.len() > EXTRA_BYTES_MAX {
        return Err(ProofError::Malformed("the extra data is empty or too large"));
    }
    Ok(bytes)
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{TITLE}")?;
        if !self.extra.is_empty() {
            writeln!(f, "extra {}", STANDARD.encode(&self.extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.hashes
            .iter()
            .try_for_each(|hash| writeln!(f, "{}", STANDARD.encode(hash.0)))?;
        f.write_char('\n')?;
        self.note.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::any;
    use proptest::{prop_assert, prop_assert_eq, proptest};

    use super::{ProofError, TITLE, TlogProof};
    use crate::domain::id::Hash;
    use crate::store::merkle::{Frontier, leaf_hash};
    use crate::store::note::checkpoint::Checkpoint;
    use crate::store::note::sign::Ed25519Signer;

    const HEADER: &[u8] = b"second";

    fn signer() -> Ed25519Signer {
        Ed25519Signer::new("unit-7.example".parse().unwrap(), &[7; 32]).unwrap()
    }

    /// Of the second of two leaves.
    fn proof() -> TlogProof {
        let leaves = [b"first".as_slice(), HEADER].map(|header| leaf_hash(header, &Hash::default()));
        let mut frontier = Frontier::new();
        for leaf in leaves {
            assert!(frontier.append(leaf).is_empty());
        }
        let checkpoint = Checkpoint::new("unit-7.example".parse().unwrap(), 2, frontier.root());
        TlogProof {
            extra: HEADER.to_vec(),
            index: 1,
            hashes: vec![leaves[0]],
            note: signer().sign(&checkpoint),
        }
    }

    fn verifies(text: &str) -> bool {
        let leaf = leaf_hash(HEADER, &Hash::default());
        TlogProof::parse(text).is_ok_and(|proof| proof.verify(&leaf, &[signer().verifier().clone()]).is_ok())
    }

    #[test]
    fn a_proof_reads_back_and_verifies() {
        let mut proof = proof();
        for extra in [HEADER.to_vec(), vec![]] {
            proof.extra = extra;
            assert_eq!(TlogProof::parse(&proof.to_string()), Ok(proof.clone()));
            assert!(verifies(&proof.to_string()));
        }
        let other = proof.verify(&Hash::default(), &[signer().verifier().clone()]);
        assert!(matches!(other, Err(ProofError::Inclusion(_))));
    }

    #[test]
    fn what_is_no_proof_is_refused() {
        let good = proof().to_string();
        let hash_line = good.lines().nth(3).unwrap().to_owned();
        for (from, to) in [
            (TITLE, "c2sp.org/tlog-proof@v2"),
            ("index 1", "index 01"),
            ("index 1", "index +1"),
            ("index 1\n", ""),
            ("extra ", "extra  "),
            ("extra c2Vjb25k", "extra "),
            ("extra c2Vjb25k", "extra c2Vjb25k\nextra c2Vjb25k"),
            (hash_line.as_str(), "AAAA"),
            ("\n\n", "\n"),
        ] {
            assert!(good.contains(from), "{from:?}");
            assert!(
                TlogProof::parse(&good.replace(from, to)).is_err(),
                "{from:?} → {to:?}"
            );
        }
        for count in [0, 2, 64, 65] {
            let lines = format!("{hash_line}\n").repeat(count);
            let text = good.replace(&format!("{hash_line}\n"), &lines);
            assert_eq!(TlogProof::parse(&text).is_ok(), count <= 64, "{count} hashes");
            assert!(!verifies(&text), "{count} hashes");
        }
        for index in [0, 2, u64::MAX] {
            assert!(!verifies(&good.replace("index 1", &format!("index {index}"))));
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in any::<String>()) {
            for text in [text.clone(), format!("{TITLE}\n{text}"), format!("{TITLE}\nindex 1\n{text}\n\n{text}")] {
                if let Ok(proof) = TlogProof::parse(&text) {
                    prop_assert_eq!(proof.to_string(), text);
                }
            }
        }

        #[test]
        fn only_the_extra_data_can_be_changed(place in any::<proptest::sample::Index>(), byte in any::<u8>()) {
            let good = proof().to_string();
            let mut bytes = good.clone().into_bytes();
            let place = place.index(bytes.len());
            bytes[place] = byte;
            let changed = String::from_utf8_lossy(&bytes);
            let extra = good.find("extra ").unwrap()..good.find("\nindex").unwrap();
            prop_assert!(changed == good || extra.contains(&place) || !verifies(&changed));
        }
    }
}
