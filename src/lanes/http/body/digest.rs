//! What a sender says of its bytes: `Content-Digest` (RFC 9530), of a request and of each part of one. What differs is refused
//! before anything of it is kept; algorithms other than SHA-256 and SHA-512 are passed over.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, general_purpose::PAD};
use futures_util::stream;
use http_body_util::BodyExt;
use sha2::{Digest, Sha256, Sha512};
use tokio::sync::Mutex;

use crate::lanes::http::blocking;
use crate::services::failure::{Failure, Outcome};

/// The field, as a request's faults name it.
pub(in crate::lanes::http) const FIELD: &str = "Content-Digest";

/// RFC 8941 has padding written, and asks readers to do without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    PAD.with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Longer bodies are digested where it may take its time.
const AT_ONCE_BYTES_MAX: usize = 64 << 10;

/// The digests that were said, and those of what has come so far.
#[derive(Debug)]
pub(in crate::lanes::http) struct Expected {
    path: &'static str,
    sha256: Option<([u8; 32], Sha256)>,
    sha512: Option<([u8; 64], Sha512)>,
}

impl Expected {
    /// What the headers say of the bytes to come; `None` if it is nothing that is known here. Faults are told under this path.
    ///
    /// # Errors
    /// `Invalid` for a field that is malformed.
    pub(in crate::lanes::http) fn of(headers: &HeaderMap, path: &'static str) -> Outcome<Option<Self>> {
        let mut expected = Self {
            path,
            sha256: None,
            sha512: None,
        };
        for line in headers.get_all("content-digest") {
            let known = line.to_str().ok().and_then(|line| expected.read(line));
            known.ok_or_else(|| {
                Failure::wrong(
                    path,
                    "sha-256=:…: or sha-512=:…:, the digest in base64 (RFC 9530)",
                )
            })?;
        }
        let says = expected.sha256.is_some() || expected.sha512.is_some();
        Ok(says.then_some(expected))
    }

    /// Takes what a line of the field says; `None` if it is malformed.
    fn read(&mut self, line: &str) -> Option<()> {
        if line.trim().is_empty() {
            return Some(());
        }
        for member in line.split(',') {
            let (name, value) = member.trim().split_once('=')?;
            let is_key = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '*')
                && name
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.*".contains(c));
            let (digest, rest) = value.strip_prefix(':')?.split_once(':')?;
            if !is_key || !(rest.is_empty() || rest.starts_with(';')) {
                return None;
            }
            let digest = BASE64.decode(digest).ok()?;
            match name {
                "sha-256" => self.sha256 = Some((digest.try_into().ok()?, Sha256::new())),
                "sha-512" => self.sha512 = Some((digest.try_into().ok()?, Sha512::new())),
                _ => {}
            }
        }
        Some(())
    }

    /// These bytes came.
    pub(in crate::lanes::http) fn update(&mut self, bytes: &[u8]) {
        if let Some((_, digest)) = &mut self.sha256 {
            digest.update(bytes);
        }
        if let Some((_, digest)) = &mut self.sha512 {
            digest.update(bytes);
        }
    }

    /// Everything has come.
    ///
    /// # Errors
    /// `Invalid` if it is not what was said.
    pub(in crate::lanes::http) fn agree(self) -> Outcome<()> {
        let differs =
            |name: &str| Failure::wrong(self.path, format!("the digest of what came: its {name} differs"));
        if self
            .sha256
            .is_some_and(|(said, came)| came.finalize()[..] != said)
        {
            return Err(differs("sha-256"));
        }
        if self
            .sha512
            .is_some_and(|(said, came)| came.finalize()[..] != said)
        {
            return Err(differs("sha-512"));
        }
        Ok(())
    }
}

/// Holds a body against what the headers say of it.
///
/// # Errors
/// `Invalid` if it is another one, or if the field is malformed.
pub(in crate::lanes::http) async fn check(headers: &HeaderMap, body: &Bytes) -> Outcome<()> {
    let Some(mut expected) = Expected::of(headers, FIELD)? else {
        return Ok(());
    };
    let (body, is_short) = (body.clone(), body.len() <= AT_ONCE_BYTES_MAX);
    let digest = move || {
        expected.update(&body);
        expected.agree()
    };
    if is_short {
        digest()
    } else {
        blocking(digest).await
    }
}

/// A body that somebody reads, digested as it is read.
pub(in crate::lanes::http) struct Watched(Arc<Mutex<(Body, Expected)>>);

impl Watched {
    /// The body to read, and what watches it.
    pub(in crate::lanes::http) fn new(body: Body, expected: Expected) -> (Body, Self) {
        let shared = Arc::new(Mutex::new((body, expected)));
        let pieces = stream::unfold(Arc::clone(&shared), |shared| async move {
            let piece = next_piece(&shared).await?;
            Some((piece, shared))
        });
        (Body::from_stream(pieces), Self(shared))
    }

    /// Reads what its reader has left, at most so much; the reader must be gone.
    ///
    /// # Errors
    /// `Invalid` if it is not what was said, or breaks off.
    pub(in crate::lanes::http) async fn agree(self, bytes_max: u64) -> Outcome<()> {
        let mut left = 0;
        while let Some(piece) = next_piece(&self.0).await {
            let piece = piece.map_err(|_| Failure::wrong("body", "a whole body: it broke off"))?;
            left += piece.len() as u64;
            if left > bytes_max {
                return Err(Failure::TooLarge(bytes_max));
            }
        }
        match Arc::into_inner(self.0) {
            Some(shared) => shared.into_inner().1.agree(),
            None => Err(Failure::Internal(
                "a body is read that was read to its end".into(),
            )),
        }
    }
}

async fn next_piece(shared: &Mutex<(Body, Expected)>) -> Option<Result<Bytes, axum::Error>> {
    let (body, expected) = &mut *shared.lock().await;
    loop {
        match body.frame().await? {
            Err(error) => return Some(Err(error)),
            Ok(frame) => {
                if let Ok(bytes) = frame.into_data() {
                    expected.update(&bytes);
                    return Some(Ok(bytes));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderName, HeaderValue};

    use super::{Expected, FIELD};
    use crate::services::failure::Outcome;

    fn check(said: &str) -> Outcome<()> {
        let name = HeaderName::from_static("content-digest");
        let headers = HeaderMap::from_iter([(name, HeaderValue::from_str(said).unwrap())]);
        let Some(mut expected) = Expected::of(&headers, FIELD)? else {
            return Ok(());
        };
        for piece in [&b"{\"hello\": "[..], b"\"world\"}\n"] {
            expected.update(piece);
        }
        expected.agree()
    }

    /// The examples of RFC 9530, appendix B, are of these bytes.
    #[test]
    fn what_the_rfc_says_of_its_bytes_is_right() {
        const SHA_256: &str = "RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=";
        const SHA_512: &str =
            "YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/WkppmM44T3qg==";
        for right in [
            String::new(),
            format!("sha-256=:{SHA_256}:"),
            format!("sha-256=:{}:", SHA_256.trim_end_matches('=')),
            format!("sha-512=:{SHA_512}:;kept=1, sha-256=:{SHA_256}:"),
            "md5=:AAAA:, unixsum=:AA==:".to_owned(),
        ] {
            assert!(check(&right).is_ok(), "{right}: {:?}", check(&right));
        }
        let other = format!("sha-256=:A{}:", &SHA_256[1..]);
        for wrong in [
            other.clone(),
            format!("sha-512=:{SHA_512}:, {other}"),
            format!("sha-512=:{SHA_256}:"),
            format!("sha-256={SHA_256}"),
            format!("SHA-256=:{SHA_256}:"),
            format!("sha-256=:{SHA_256}:,"),
            format!("sha-256=:{SHA_256}:x"),
            "sha-256=:%%%%:".to_owned(),
            "sha-256".to_owned(),
        ] {
            assert!(check(&wrong).is_err(), "{wrong}");
        }
    }
}
