//! Signatures as the Standard Webhooks specification has them (version 1.0.0, symmetric): `v1,` and the base64 of
//! HMAC-SHA256 over `id.timestamp.body`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::{mac::MacKey, store::EventId};

/// What both sides know. It cannot be printed.
#[derive(Debug, Clone)]
pub struct SigningKey(MacKey);

/// Never quotes the text. Reads well after "expected".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("whsec_ and 24 to 64 random bytes in base64, as `echo whsec_$(openssl rand -base64 32)` prints")]
pub struct SecretError;

impl SigningKey {
    const PREFIX: &str = "whsec_";

    /// # Errors
    /// When the text is not `whsec_` and 24 to 64 bytes in base64.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let encoded = text.trim().strip_prefix(Self::PREFIX).ok_or(SecretError)?;
        let bytes = STANDARD.decode(encoded).map(Zeroizing::new).map_err(|_| SecretError)?;
        if !(24..=64).contains(&bytes.len()) {
            return Err(SecretError);
        }
        MacKey::of_bytes(&bytes).map(Self).ok_or(SecretError)
    }

    /// The value of the header `webhook-signature`.
    #[must_use]
    pub fn sign(&self, id: &EventId, sent_at: OffsetDateTime, body: &[u8]) -> String {
        let head = format!("{}.{}.", id.as_str(), sent_at.unix_timestamp());
        let signed = Zeroizing::new([head.as_bytes(), body].concat());
        format!("v1,{}", STANDARD.encode(*self.0.tag(&signed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_specification() {
        // The example that the specification's own libraries are tested with.
        let key = SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let id = EventId::named("msg_p5jXN8AQM9LWM0D4loKWxJek");
        let at = OffsetDateTime::from_unix_timestamp(1_614_265_330).unwrap();
        let signature = key.sign(&id, at, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_of_another_shape_is_refused_and_not_quoted() {
        let short = format!("whsec_{}", STANDARD.encode([7; 23]));
        let long = format!("whsec_{}", STANDARD.encode([7; 65]));
        for text in ["", "hunter2hunter2", "whsec_hunter2", "whsec_", &short, &long] {
            let error = SigningKey::parse(text).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
        assert!(SigningKey::parse(&format!("whsec_{}\n", STANDARD.encode([7; 64]))).is_ok());
    }

    #[test]
    fn a_signing_key_does_not_print_itself() {
        let key = SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(format!("{key:?}"), "SigningKey(MacKey)");
    }
}
