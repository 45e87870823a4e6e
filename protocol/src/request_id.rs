//! One name for a request on its whole way: from whoever calls the API, through the daemon's log, over vsock to the guest's agent
//! and its log, and back in the answer.

use std::{fmt, str::FromStr};

use uuid::Uuid;

/// In the header [`RequestId::HEADER`], in both directions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    pub const HEADER: &str = "x-request-id";
    pub const MAX_BYTES: usize = 64;

    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::new_v4().simple().to_string())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RequestId {
    type Err = ();

    /// Letters, digits, `-`, `_` and `.`: nothing that a log could be forged with.
    fn from_str(text: &str) -> Result<Self, ()> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let good = (1..=Self::MAX_BYTES).contains(&text.len()) && text.bytes().all(plain);
        if good { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_taken_when_it_is_plain_and_short() {
        for good in ["a", "7f3c-_.Z", &"x".repeat(64), RequestId::random().as_str()] {
            assert_eq!(good.parse::<RequestId>().unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a\nb", "é", "a\"", &"x".repeat(65)] {
            assert_eq!(bad.parse::<RequestId>(), Err(()), "{bad}");
        }
    }
}
