//! Standard Webhooks signatures: HMAC-SHA256 over `id.timestamp.body`, one for each secret that is in force.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A secret that receiver and node share. Its text is shown to who makes it, and in no debug text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret(pub(super) [u8; 32]);

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "whsec_{}", STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// The header `webhook-signature`: `v1,…` for each secret, with spaces between.
pub fn signatures(secrets: &[Secret], id: &str, timestamp: i64, body: &str) -> String {
    let signed = format!("{id}.{timestamp}.{body}");
    let signatures = secrets.iter().map(|secret| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret.0);
        let tag = hmac::sign(&key, signed.as_bytes());
        format!("v1,{}", STANDARD.encode(tag.as_ref()))
    });
    signatures.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::{Secret, signatures};

    #[test]
    fn a_signature_is_that_of_another_implementation() {
        // python3: hmac.new(bytes(range(32)), b"msg_1.1614265330.{\"test\": 2432232314}", "sha256")
        let secret = Secret(std::array::from_fn(|place| u8::try_from(place).unwrap()));
        let text = signatures(
            &[secret, secret],
            "msg_1",
            1_614_265_330,
            "{\"test\": 2432232314}",
        );
        let expected = "v1,GWvjEzx3AphU7wha3hNZPXJnymF9Fg+ZdvPQqWPOjZ0=";
        assert_eq!(text, format!("{expected} {expected}"));
        let shown = secret.to_string();
        let bytes = STANDARD.decode(shown.strip_prefix("whsec_").unwrap()).unwrap();
        assert_eq!(bytes, secret.0);
    }
}
