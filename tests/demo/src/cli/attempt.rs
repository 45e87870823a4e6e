//! One attempt to sign in: the secrets made for it and the address the browser is sent to.

use std::net::SocketAddr;

use crate::cli::exchange::Issuer;
use crate::pkce::{self, Verifier};
use crate::secret::{NoRandomness, Secret};

pub(crate) const CALLBACK_PATH: &str = "/callback";
const SCOPE: &str = "openid email offline_access";

#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) client_id: &'static str,
    pub(crate) redirect_uri: String,
    pub(crate) state: Secret,
    pub(crate) verifier: Verifier,
}

impl Attempt {
    /// `listener` is where the callback will be waited for.
    pub(crate) fn new(client_id: &'static str, listener: SocketAddr) -> Result<Self, NoRandomness> {
        let redirect_uri = format!("http://{listener}{CALLBACK_PATH}");
        Ok(Self { client_id, redirect_uri, state: Secret::random()?, verifier: Verifier::random()? })
    }

    /// The address to open. It holds the state, which the person and the browser may see and logs may not.
    pub(crate) fn url(&self, issuer: Issuer) -> Secret {
        let start = format!("{issuer}/oauth/authorize?");
        let query_at = start.len();
        let url = form_urlencoded::Serializer::for_suffix(start, query_at)
            .append_pair("response_type", "code")
            .append_pair("client_id", self.client_id)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("code_challenge", self.verifier.challenge().as_str())
            .append_pair("code_challenge_method", pkce::METHOD)
            .append_pair("state", self.state.reveal())
            .append_pair("scope", SCOPE)
            .finish();
        Secret::new(url)
    }
}

#[cfg(test)]
mod tests;
