//! Where the browser is sent back to: a listener of the tool on this machine, or a page of the provider's own, and nowhere
//! else.
//!
//! RFC 8252 section 7.3: a native app registers a loopback address with its path and chooses the port when it starts. So
//! an address is accepted only if it is, character by character, `http://`, a loopback host, a port and the registered
//! path. There is no URL parser here whose idea of a host could differ from the browser's.

use crate::idp::error::OauthError;
use crate::secret::Secret;

const HOSTS: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("redirect_uri must be http://127.0.0.1:<port> or its like, with the path the client registered")]
pub(crate) struct NotLoopback;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RedirectUri {
    /// Exactly as the client wrote it.
    Loopback(String),
    /// A page of the provider's own that the client has registered.
    Registered(&'static str),
}

impl RedirectUri {
    /// A loopback address.
    ///
    /// # Errors
    /// [`NotLoopback`] for every other address.
    pub(crate) fn parse(text: &str, registered_path: &str) -> Result<Self, NotLoopback> {
        let authority = text.strip_prefix("http://").and_then(|rest| rest.strip_suffix(registered_path));
        let (host, port) = authority.and_then(|authority| authority.rsplit_once(':')).ok_or(NotLoopback)?;
        let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
        let port_exists = digits && port.parse::<u16>().is_ok_and(|port| port != 0);
        if HOSTS.contains(&host) && port_exists {
            Ok(Self::Loopback(text.to_owned()))
        } else {
            Err(NotLoopback)
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Loopback(address) => address,
            Self::Registered(address) => address,
        }
    }
}

/// A redirect URI and the `state` that has to come back with whatever is sent there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReturnAddress {
    pub(crate) redirect: RedirectUri,
    pub(crate) state: Option<Secret>,
}

impl ReturnAddress {
    /// RFC 6749 section 4.1.2. What comes out holds secrets: it goes into `Location` and nowhere else.
    pub(crate) fn with_code(&self, code: &Secret) -> Secret {
        self.with(&[("code", code.reveal())])
    }

    /// RFC 6749 section 4.1.2.1.
    pub(crate) fn with_error(&self, error: OauthError) -> Secret {
        self.with(&[("error", error.code.as_str()), ("error_description", error.description)])
    }

    fn with(&self, fields: &[(&str, &str)]) -> Secret {
        let start = format!("{}?", self.redirect.as_str());
        let query_at = start.len();
        let mut location = form_urlencoded::Serializer::for_suffix(start, query_at);
        location.extend_pairs(fields);
        if let Some(state) = &self.state {
            location.append_pair("state", state.reveal());
        }
        Secret::new(location.finish())
    }
}

#[cfg(test)]
mod tests;
