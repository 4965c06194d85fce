//! Keys that sign checkpoints. They sign nothing else, so no signature of theirs can be taken for another kind's.

use aws_lc_rs::signature::{KeyPair, ML_DSA_44_SIGNING, PqdsaKeyPair};
use ed25519_dalek::{Signer, SigningKey};

use crate::store::note::checkpoint::Checkpoint;
use crate::store::note::key::{Algorithm, KeyError, KeyName, VerifierKey};
use crate::store::note::{Note, Signature};

/// Signing failed or was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The library could not sign; it does not say why.
    #[error("signing with ML-DSA-44")]
    Library,
    /// The time can't be written in a cosignature.
    #[error("{0} seconds are no time to sign at")]
    Time(u64),
    /// ML-DSA-44 signatures don't cover extension lines.
    #[error("a checkpoint with extension lines can't be signed with ML-DSA-44")]
    Extension,
}

/// A log's key: makes the signature under every checkpoint (64 bytes).
#[derive(Debug)]
pub struct Ed25519Signer {
    key: SigningKey,
    verifier: VerifierKey,
}

impl Ed25519Signer {
    /// From the secret seed, under the origin of the log as its name.
    pub fn new(origin: KeyName, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let key = SigningKey::from_bytes(seed);
        let verifier = VerifierKey::new(origin, Algorithm::Ed25519, key.verifying_key().as_bytes())?;
        Ok(Self { key, verifier })
    }

    /// What others check its signatures with.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// The signed note of a checkpoint.
    pub fn sign(&self, checkpoint: &Checkpoint) -> Note {
        let text = checkpoint.text();
        let bytes = self.key.sign(text.as_bytes()).to_bytes().to_vec();
        Note::new(text, signature(&self.verifier, bytes))
    }
}

/// An upstream's key: its cosignature says that it holds the log up to the checkpoint and found it consistent.
#[derive(Debug)]
pub struct Ed25519Cosigner {
    key: SigningKey,
    verifier: VerifierKey,
}

impl Ed25519Cosigner {
    /// From the secret seed, which no other cosigner and no log should share, under the cosigner's name.
    pub fn new(name: KeyName, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let key = SigningKey::from_bytes(seed);
        let verifier = VerifierKey::new(
            name,
            Algorithm::Ed25519Cosignature,
            key.verifying_key().as_bytes(),
        )?;
        Ok(Self { key, verifier })
    }

    /// What others check its cosignatures with.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// A cosignature to be added to the checkpoint's note, at a time in POSIX seconds.
    pub fn cosign(&self, checkpoint: &Checkpoint, unix_seconds: u64) -> Result<Signature, SignError> {
        let mut bytes = time_bytes(unix_seconds)?;
        let text = checkpoint.cosigned_text(unix_seconds);
        bytes.extend_from_slice(&self.key.sign(text.as_bytes()).to_bytes());
        Ok(signature(&self.verifier, bytes))
    }
}

/// The key for evidence that must verify in thirty years: 2,420 bytes a signature, so made when a proof leaves the
/// house and not for each commit. A log's own bears the origin as its name, a cosigner's the cosigner's.
#[derive(Debug)]
pub struct MlDsaSigner {
    key: PqdsaKeyPair,
    verifier: VerifierKey,
}

impl MlDsaSigner {
    /// From the secret seed of FIPS 204.
    pub fn new(name: KeyName, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let key = PqdsaKeyPair::from_seed(&ML_DSA_44_SIGNING, seed).map_err(|_| KeyError::seed())?;
        let verifier = VerifierKey::new(name, Algorithm::MlDsa44, key.public_key().as_ref())?;
        Ok(Self { key, verifier })
    }

    /// What others check its signatures with.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// A signature to be added to the checkpoint's note. The time is in POSIX seconds and says that no larger tree of
    /// this log was known then; 0 says nothing of the kind, as for a checkpoint of the past.
    pub fn sign(&self, checkpoint: &Checkpoint, unix_seconds: u64) -> Result<Signature, SignError> {
        if !checkpoint.extension().is_empty() {
            return Err(SignError::Extension);
        }
        let mut bytes = time_bytes(unix_seconds)?;
        let mut signed = vec![0; ML_DSA_44_SIGNING.signature_len()];
        let message = checkpoint.cosigned_bytes(self.verifier.name(), unix_seconds);
        self.key
            .sign(&message, &mut signed)
            .map_err(|_| SignError::Library)?;
        bytes.extend_from_slice(&signed);
        Ok(signature(&self.verifier, bytes))
    }
}

/// The time before a cosignature: at most 2⁶³ − 1.
fn time_bytes(unix_seconds: u64) -> Result<Vec<u8>, SignError> {
    i64::try_from(unix_seconds).map_err(|_| SignError::Time(unix_seconds))?;
    Ok(unix_seconds.to_be_bytes().to_vec())
}

fn signature(key: &VerifierKey, bytes: Vec<u8>) -> Signature {
    Signature::new(key.name().clone(), key.key_id(), bytes)
}

#[cfg(test)]
mod tests {
    use super::{Ed25519Cosigner, Ed25519Signer, MlDsaSigner, SignError};
    use crate::domain::id::Hash;
    use crate::store::note::checkpoint::{Checkpoint, open, verify};
    use crate::store::note::key::{Algorithm, VerifierKey};
    use crate::store::note::{Note, NoteError};

    const ORIGIN: &str = "blotter.example/unit-7";

    fn checkpoint() -> Checkpoint {
        Checkpoint::new(ORIGIN.parse().unwrap(), 20_852_163, Hash([0x5a; 32]))
    }

    fn log() -> Ed25519Signer {
        Ed25519Signer::new(ORIGIN.parse().unwrap(), &[1; 32]).unwrap()
    }

    fn hub() -> Ed25519Cosigner {
        Ed25519Cosigner::new("hub.example".parse().unwrap(), &[2; 32]).unwrap()
    }

    fn post_quantum() -> MlDsaSigner {
        MlDsaSigner::new(ORIGIN.parse().unwrap(), &[3; 32]).unwrap()
    }

    #[test]
    fn all_three_signatures_verify_through_text() {
        let mut note = log().sign(&checkpoint());
        note.add(hub().cosign(&checkpoint(), 1_679_315_147).unwrap());
        note.add(post_quantum().sign(&checkpoint(), 0).unwrap());
        let note = Note::parse(&note.to_string()).unwrap();
        let keys: Vec<VerifierKey> = [log().verifier(), hub().verifier(), post_quantum().verifier()]
            .map(|key| key.to_string().parse().unwrap())
            .into();
        let verified = open(&note, &keys).unwrap();
        assert_eq!(verified.checkpoint, checkpoint());
        let found: Vec<_> = verified
            .signed_by
            .iter()
            .map(|signed| (signed.algorithm, signed.unix_seconds))
            .collect();
        assert_eq!(
            found,
            [
                (Algorithm::Ed25519, None),
                (Algorithm::Ed25519Cosignature, Some(1_679_315_147)),
                (Algorithm::MlDsa44, None),
            ]
        );
        let text = note.to_string();
        assert_eq!(
            verify(&text, &keys[..1]),
            Ok(checkpoint()),
            "strangers' signatures are passed over"
        );
        assert_eq!(
            verify(&text, &keys[2..]),
            Ok(checkpoint()),
            "the post-quantum key alone is enough"
        );
        assert_eq!(
            verify(&text, &keys[1..2]),
            Err(NoteError::Unsigned),
            "a cosigner alone is not"
        );
        assert_eq!(verify(&text, &[]), Err(NoteError::Unsigned));
    }

    #[test]
    fn a_changed_size_root_or_time_makes_each_signature_false() {
        let other = Checkpoint::new(ORIGIN.parse().unwrap(), 20_852_164, Hash([0x5a; 32]));
        let signer = log();
        let mut note = signer.sign(&checkpoint());
        note.add(hub().cosign(&other, 1).unwrap());
        let keys = [signer.verifier().clone(), hub().verifier().clone()];
        assert!(matches!(open(&note, &keys), Err(NoteError::False(_))));
        let mut note = signer.sign(&checkpoint());
        note.add(post_quantum().sign(&other, 1).unwrap());
        let keys = [signer.verifier().clone(), post_quantum().verifier().clone()];
        assert!(matches!(open(&note, &keys), Err(NoteError::False(_))));

        let mut cosigned = post_quantum().sign(&checkpoint(), 5).unwrap();
        cosigned.bytes[7] ^= 1;
        let note = Note::new(checkpoint().text(), cosigned);
        assert!(matches!(open(&note, &keys[1..]), Err(NoteError::False(_))));
    }

    #[test]
    fn the_key_of_one_log_does_not_speak_for_another() {
        let stranger = Ed25519Signer::new("blotter.example/unit-8".parse().unwrap(), &[8; 32]).unwrap();
        let note = stranger.sign(&checkpoint());
        let keys = [log().verifier().clone(), stranger.verifier().clone()];
        assert_eq!(open(&note, &keys), Err(NoteError::Unsigned));
    }

    #[test]
    fn extension_lines_that_no_signature_covers_are_refused() {
        let text = format!("{}quote of the day\n", checkpoint().text());
        let extended = Checkpoint::parse(&text).unwrap();
        assert_eq!(post_quantum().sign(&extended, 0), Err(SignError::Extension));
        let note = Note::new(text, post_quantum().sign(&checkpoint(), 0).unwrap());
        assert_eq!(
            open(&note, &[post_quantum().verifier().clone()]),
            Err(NoteError::Unsigned)
        );
        let note = log().sign(&extended);
        assert!(open(&note, &[log().verifier().clone()]).is_ok());
    }

    #[test]
    fn times_beyond_the_format_are_refused() {
        assert_eq!(
            hub().cosign(&checkpoint(), 1 << 63),
            Err(SignError::Time(1 << 63))
        );
        let mut bytes = hub().cosign(&checkpoint(), 1).unwrap();
        bytes.bytes[0] = 0x80;
        let note = Note::new(checkpoint().text(), bytes);
        assert!(matches!(
            note.verify(&[hub().verifier().clone()]),
            Err(NoteError::False(_))
        ));
    }
}
