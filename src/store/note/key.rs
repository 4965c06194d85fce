//! Keys that verify signatures on notes, and the line of text that a court, an auditor or an upstream is given.
//!
//! Three kinds of signature (C2SP signed-note, tlog-cosignature): a log signs its text with Ed25519 (0x01); whoever
//! mirrors it cosigns with Ed25519 and a time (0x04); ML-DSA-44 with a time (0x06) serves both.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ML_DSA_44, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};

use crate::store::hash::sha256;
use crate::store::note::NoteError;
use crate::store::note::checkpoint::Checkpoint;

/// The length of an ML-DSA-44 public key (FIPS 204).
pub const ML_DSA_44_KEY_BYTES: usize = 1312;
/// The longest key name, so that a cosigned message can hold it.
const NAME_BYTES_MAX: usize = 255;

/// A text that is no key name or no verifier key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a {0}")]
pub struct KeyError(&'static str);

impl KeyError {
    /// A secret seed that the library refuses.
    pub(super) fn seed() -> Self {
        Self("secret seed")
    }
}

/// The name of a key: 1 to 255 bytes without spaces, control characters or `+`; for a log, its origin.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyName(String);

impl KeyName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for KeyName {
    type Err = KeyError;

    fn from_str(name: &str) -> Result<Self, KeyError> {
        let fits = (1..=NAME_BYTES_MAX).contains(&name.len())
            && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+');
        if fits {
            Ok(Self(name.to_owned()))
        } else {
            Err(KeyError("key name"))
        }
    }
}

/// What kind of signature a key makes; the number is its type byte in key ids and verifier keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Algorithm {
    /// Ed25519 over the text of the note.
    Ed25519 = 0x01,
    /// Ed25519 over a time and the text of a checkpoint.
    Ed25519Cosignature = 0x04,
    /// ML-DSA-44 over cosigner, time, origin, size and root of a checkpoint (not its extension lines).
    MlDsa44 = 0x06,
}

/// A public key that signatures on notes are checked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    key_id: u32,
    algorithm: Algorithm,
    public: Public,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Public {
    Ed25519(VerifyingKey),
    MlDsa44(Box<[u8; ML_DSA_44_KEY_BYTES]>),
}

impl VerifierKey {
    /// From the bytes of a public key. Refused: another length, and Ed25519 keys under which anything verifies.
    pub fn new(name: KeyName, algorithm: Algorithm, public: &[u8]) -> Result<Self, KeyError> {
        let bad = KeyError("public key");
        let key_id = key_id(&name, algorithm, public);
        let public = match algorithm {
            Algorithm::Ed25519 | Algorithm::Ed25519Cosignature => {
                let key = VerifyingKey::try_from(public).map_err(|_| bad)?;
                if key.is_weak() || key.as_bytes() != public {
                    return Err(bad);
                }
                Public::Ed25519(key)
            }
            Algorithm::MlDsa44 => Public::MlDsa44(Box::new(
                <[u8; ML_DSA_44_KEY_BYTES]>::try_from(public).map_err(|_| bad)?,
            )),
        };
        Ok(Self {
            name,
            key_id,
            algorithm,
            public,
        })
    }

    /// The key's name.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The first four bytes of `SHA-256(name ‖ 0x0A ‖ type ‖ public key)`.
    pub fn key_id(&self) -> u32 {
        self.key_id
    }

    /// What kind of signature it checks.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The bytes of the public key.
    pub fn public(&self) -> &[u8] {
        match &self.public {
            Public::Ed25519(key) => key.as_bytes(),
            Public::MlDsa44(key) => key.as_slice(),
        }
    }

    /// Checks that this key made this signature over this text; answers with the time that it names, if any.
    pub(super) fn check(&self, text: &str, signature: &[u8]) -> Result<Option<u64>, NoteError> {
        let false_one = || NoteError::False(self.name.clone());
        let (time, message, signature) = self.signed(text, signature).ok_or_else(false_one)?;
        let is_true = match &self.public {
            Public::Ed25519(key) => Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(&message, &signature).is_ok()),
            Public::MlDsa44(key) => UnparsedPublicKey::new(&ML_DSA_44, key.as_slice())
                .verify(&message, signature)
                .is_ok(),
        };
        if is_true {
            Ok(time.filter(|&time| time != 0))
        } else {
            Err(false_one())
        }
    }

    /// The time that a signature names, the message that it must be over, and its bytes without the time.
    fn signed<'a>(&self, text: &str, signature: &'a [u8]) -> Option<(Option<u64>, Vec<u8>, &'a [u8])> {
        if self.algorithm == Algorithm::Ed25519 {
            return Some((None, text.as_bytes().to_vec(), signature));
        }
        let (time, signature) = signature.split_first_chunk()?;
        let time = u64::from_be_bytes(*time);
        if time > i64::MAX as u64 {
            return None;
        }
        let checkpoint = Checkpoint::parse(text).ok()?;
        let message = match self.algorithm {
            Algorithm::MlDsa44 => checkpoint.cosigned_bytes(&self.name, time),
            _ => checkpoint.cosigned_text(time).into_bytes(),
        };
        Some((Some(time), message, signature))
    }
}

/// What stands before a signature to say whose it is; short, so an aid to finding the key and no proof of it.
fn key_id(name: &KeyName, algorithm: Algorithm, public: &[u8]) -> u32 {
    let hash = sha256(&[name.0.as_bytes(), b"\n", &[algorithm as u8], public]);
    u32::from_be_bytes([hash.0[0], hash.0[1], hash.0[2], hash.0[3]])
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let typed = [&[self.algorithm as u8], self.public()].concat();
        write!(f, "{}+{:08x}+{}", self.name, self.key_id, STANDARD.encode(typed))
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let bad = KeyError("verifier key");
        let (name, rest) = text.split_once('+').ok_or(bad)?;
        let (id, typed) = rest.split_once('+').ok_or(bad)?;
        let typed = STANDARD.decode(typed).map_err(|_| bad)?;
        let (algorithm, public) = typed.split_first().ok_or(bad)?;
        let algorithm = match algorithm {
            0x01 => Algorithm::Ed25519,
            0x04 => Algorithm::Ed25519Cosignature,
            0x06 => Algorithm::MlDsa44,
            _ => return Err(bad),
        };
        let key = Self::new(name.parse()?, algorithm, public)?;
        if format!("{:08x}", key.key_id) == id {
            Ok(key)
        } else {
            Err(bad)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{KeyName, VerifierKey};

    #[test]
    fn a_verifier_key_reads_back_and_its_id_is_checked() {
        let text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        assert_eq!(text.parse::<VerifierKey>().unwrap().to_string(), text);
        for bad in [
            text.replace("c74f", "c74e"),
            text.replace("c74f", "C74F"),
            text.replace("Peter", "Paul"),
            text.replace("ARpc", "AhpC"),
            text.replace("10TW", "10T"),
            text.replacen('+', "", 1),
            String::new(),
        ] {
            assert!(bad.parse::<VerifierKey>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_under_which_anything_verifies_is_refused() {
        let name: KeyName = "a".parse().unwrap();
        let mut identity = [0; 32];
        identity[0] = 1;
        assert!(VerifierKey::new(name, super::Algorithm::Ed25519, &identity).is_err());
    }

    #[test]
    fn names_with_spaces_or_plus_are_refused() {
        for name in [
            "",
            "a b",
            "a+b",
            "a\nb",
            "a\u{2003}b",
            "a\u{7f}",
            &"a".repeat(256),
        ] {
            assert!(name.parse::<KeyName>().is_err(), "{name:?}");
        }
        assert!("blotter.example/metro/é".parse::<KeyName>().is_ok());
    }
}
