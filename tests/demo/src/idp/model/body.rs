//! The body of a prompt: JSON, plain or, from Codex, in zstd. Bounded before and after it is unpacked.

use axum::http::{HeaderMap, header};
use serde_json::Value;

#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the body's encoding is not understood")]
    Encoding,
    #[cfg(feature = "tls")]
    #[error("the body is damaged or too large")]
    Packed,
    #[error("the body is not JSON")]
    Json(#[from] serde_json::Error),
}

pub(crate) fn json(headers: &HeaderMap, body: &[u8]) -> Result<Value, BodyError> {
    let encoding = headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap_or_default());
    match encoding {
        None | Some("identity") => Ok(serde_json::from_slice(body)?),
        #[cfg(feature = "tls")]
        Some("zstd") => Ok(serde_json::from_slice(&unpacked(body)?)?),
        Some(_) => Err(BodyError::Encoding),
    }
}

#[cfg(feature = "tls")]
fn unpacked(body: &[u8]) -> Result<Vec<u8>, BodyError> {
    use std::io::Read as _;

    use super::LARGEST_BODY_BYTES;

    let decoder = ruzstd::decoding::StreamingDecoder::new(body).map_err(|_| BodyError::Packed)?;
    let mut plain = Vec::new();
    let most = u64::try_from(LARGEST_BODY_BYTES).unwrap_or(u64::MAX);
    decoder.take(most + 1).read_to_end(&mut plain).map_err(|_| BodyError::Packed)?;
    if plain.len() > LARGEST_BODY_BYTES {
        return Err(BodyError::Packed);
    }
    Ok(plain)
}
