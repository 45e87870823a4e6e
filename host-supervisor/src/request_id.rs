//! One name for a request on its whole way: from whoever calls the API, through the daemon's log, over vsock to the guest's agent
//! and its log, and back in the answer.

use std::{fmt, str::FromStr};

/// In the header `x-request-id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestId(String);

tokio::task_local! {
    static CURRENT: RequestId;
}

impl RequestId {
    pub(crate) const HEADER: &str = "x-request-id";
    const MAX_BYTES: usize = 64;

    pub(crate) fn random() -> Self {
        Self(uuid::Uuid::new_v4().simple().to_string())
    }

    /// Of the request that this task is answering.
    pub(crate) fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Lets everything that is done for the request know it.
    pub(crate) async fn during<T>(self, work: impl Future<Output = T>) -> T {
        CURRENT.scope(self, work).await
    }

    pub(crate) fn as_str(&self) -> &str {
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
    fn a_callers_id_is_taken_when_it_is_plain_and_short() {
        for good in ["a", "7f3c-_.Z", &"x".repeat(64), RequestId::random().as_str()] {
            assert_eq!(good.parse::<RequestId>().unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a\nb", "é", "a\"", &"x".repeat(65)] {
            assert_eq!(bad.parse::<RequestId>(), Err(()), "{bad}");
        }
    }

    #[tokio::test]
    async fn whoever_works_for_a_request_knows_it() {
        assert_eq!(RequestId::current(), None);
        let id = RequestId::random();
        assert_eq!(id.clone().during(async { RequestId::current() }).await, Some(id));
    }
}
