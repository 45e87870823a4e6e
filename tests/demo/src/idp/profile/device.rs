//! How a client without a browser is signed in (RFC 8628): it shows a short code, which the person types into a page.

use std::time::Duration;

#[derive(Debug, Clone, Copy)]
pub struct DeviceFlow {
    /// Where the client asks for its codes.
    pub start_path: &'static str,
    /// The page on which the person types one of them, with its origin.
    pub page: &'static str,
    pub dialect: DeviceDialect,
    /// Characters before and behind the hyphen of the person's code.
    pub user_code: [usize; 2],
    /// How long the client has to wait before it asks again.
    pub interval: Duration,
    pub lifetime: Duration,
}

/// How the client learns of the person's decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceDialect {
    /// It asks the token endpoint, and is given tokens.
    Standard,
    /// It asks a path of its own, and is given an authorization code and the verifier that goes with it.
    CodeAndVerifier { poll_path: &'static str, redirect_uri: &'static str },
}

impl DeviceFlow {
    /// The page without its origin.
    pub(crate) fn page_path(&self) -> &'static str {
        super::path(self.page)
    }
}
