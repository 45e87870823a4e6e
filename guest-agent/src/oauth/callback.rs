//! Handing a callback that arrived elsewhere on to the CLI's own loopback listener.
//!
//! Everything is checked before a byte is sent: some CLIs take the first request, whatever it is, for the answer, and a
//! wrong `state` ends the sign-in.

#[cfg(test)]
mod tests;

use std::{
    borrow::Cow,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use anteroom_protocol::{agent::CallbackVerdict, provider::Callback};
use axum::http::{HeaderValue, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{
    Request, Response,
    body::Incoming,
    header::{CONNECTION, CONTENT_TYPE, HOST, LOCATION},
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};
use url::{Host, Url};

const PATIENCE: Duration = Duration::from_secs(30);
const MAX_REDIRECTS: usize = 3;
const MAX_BODY_BYTES: usize = 64 * 1024;
const MAX_ERROR_CODE_BYTES: usize = 64;

#[derive(Debug, thiserror::Error)]
pub(crate) enum CallbackError {
    #[error("the sign-in address names no callback on this machine")]
    NoCallback,
    #[error("the callback has no {0}")]
    Missing(&'static str),
    #[error("the callback belongs to another sign-in: its state differs")]
    OtherState,
    #[error("this is not the address of this sign-in's callback, which begins with {0}")]
    Elsewhere(String),
    #[error("the command's callback port {port} does not answer")]
    NoAnswer { port: u16, source: io::Error },
    #[error("the command's callback port {port} answers no HTTP")]
    NoHttp { port: u16, source: hyper::Error },
}

/// What the CLI has answered, after its own redirects.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) content_type: Option<HeaderValue>,
    pub(super) body: Bytes,
    pub(super) leads: Leads,
    /// What it said first, before its own redirects.
    pub(super) verdict: CallbackVerdict,
    /// The provider's `error` that the callback carried.
    pub(super) provider_error: Option<String>,
}

/// Where the CLI sends the browser on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Leads {
    /// Its answer is a page.
    Nowhere,
    /// To a page on the web.
    Out(HeaderValue),
    /// To this VM's own loopback, perhaps with a token: where exactly is told to nobody.
    Inside,
}

/// Where to send what; made only of a callback that fits the sign-in address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Replay {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) path_and_query: String,
    /// The provider's `error` in place of a code: no answer makes that a success.
    provider_error: Option<String>,
}

impl Replay {
    /// Checks the query against the sign-in address that the person was sent to.
    pub(crate) fn plan(sign_in: &str, query: &str) -> Result<Self, CallbackError> {
        let sign_in = Url::parse(sign_in).map_err(|_| CallbackError::NoCallback)?;
        let redirect = parameter(&sign_in, "redirect_uri").ok_or(CallbackError::NoCallback)?;
        let redirect = Url::parse(&redirect).map_err(|_| CallbackError::NoCallback)?;
        let host = redirect.host_str().filter(|host| matches!(*host, "localhost" | "127.0.0.1" | "[::1]"));
        let (Some(host), Some(port), "http") = (host, redirect.port_or_known_default(), redirect.scheme())
        else {
            return Err(CallbackError::NoCallback);
        };
        let mut callback = redirect.clone();
        callback.set_query(Some(query));
        let provider_error = parameter(&callback, "error").map(|error| error_code(&error));
        if provider_error.is_none() && parameter(&callback, "code").is_none() {
            return Err(CallbackError::Missing("code"));
        }
        if let Some(wanted) = parameter(&sign_in, "state") {
            let state = parameter(&callback, "state").ok_or(CallbackError::Missing("state"))?;
            if state != wanted {
                return Err(CallbackError::OtherState);
            }
        }
        Ok(Self { host: host.to_owned(), port, path_and_query: path_and_query(&callback), provider_error })
    }

    /// Checks an address that a person has copied: it must lead to the callback of this sign-in.
    pub(crate) fn pasted(sign_in: &str, address: &str) -> Result<Self, CallbackError> {
        let pasted = Url::parse(address.trim()).map_err(|_| CallbackError::NoCallback)?;
        let replay = Self::plan(sign_in, pasted.query().unwrap_or_default())?;
        let path = replay.path_and_query.split('?').next().unwrap_or_default();
        let local = matches!(pasted.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        let fits = local
            && pasted.scheme() == "http"
            && pasted.port_or_known_default() == Some(replay.port)
            && pasted.path() == path;
        let expected = || format!("http://{}:{}{path}", replay.host, replay.port);
        if fits { Ok(replay) } else { Err(CallbackError::Elsewhere(expected())) }
    }

    /// Sends it, and follows where the CLI leads on its own port when the definition says that it needs that.
    pub(super) async fn send(self, callback: Option<&Callback>) -> Result<Answer, CallbackError> {
        let follow = callback.is_some_and(|callback| callback.follow_local_redirects);
        let mut next = self;
        let mut response = next.get().await?;
        let verdict = verdict(callback, &response);
        let verdict =
            CallbackVerdict { accepted: verdict.accepted && next.provider_error.is_none(), ..verdict };
        for _ in 0..MAX_REDIRECTS {
            match next.redirected(&response) {
                Some(further) if follow => next = further,
                _ => break,
            }
            response = next.get().await?;
        }
        let leads = next.leads(&response);
        Ok(answer(response, leads, verdict, next.provider_error).await)
    }

    async fn get(&self) -> Result<Response<Incoming>, CallbackError> {
        let port = self.port;
        // All known CLIs listen on IPv4, whatever their redirect URI says.
        let addresses = [(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()];
        let stream = timeout(PATIENCE, TcpStream::connect::<&[SocketAddr]>(&addresses))
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            .map_err(|source| CallbackError::NoAnswer { port, source })?;
        let no_http = |source| CallbackError::NoHttp { port, source };
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(no_http)?;
        tokio::spawn(connection);
        let request = Request::get(&self.path_and_query)
            .header(HOST, format!("{}:{port}", self.host))
            .header(CONNECTION, "close")
            .body(Empty::<Bytes>::new())
            .map_err(|_| CallbackError::NoCallback)?;
        match timeout(PATIENCE, sender.send_request(request)).await {
            Ok(response) => response.map_err(no_http),
            Err(_) => Err(CallbackError::NoAnswer { port, source: io::ErrorKind::TimedOut.into() }),
        }
    }

    /// The target of a redirect that stays on this very port. It may hold a token, and is shown to nobody.
    fn redirected(&self, response: &Response<Incoming>) -> Option<Self> {
        let (target, _) = self.target(response)?;
        let local = matches!(target.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        (response.status().is_redirection()
            && local
            && target.scheme() == "http"
            && target.port_or_known_default() == Some(self.port))
        .then(|| Self { path_and_query: path_and_query(&target), ..self.clone() })
    }

    fn leads(&self, response: &Response<Incoming>) -> Leads {
        match self.target(response) {
            _ if !response.status().is_redirection() => Leads::Nowhere,
            Some((target, location)) if is_on_the_web(&target) => Leads::Out(location.clone()),
            _ => Leads::Inside,
        }
    }

    fn target<'a>(&self, response: &'a Response<Incoming>) -> Option<(Url, &'a HeaderValue)> {
        let location = response.headers().get(LOCATION)?;
        let here = Url::parse(&format!("http://{}:{}/", self.host, self.port)).ok()?;
        Some((here.join(location.to_str().ok()?).ok()?, location))
    }
}

async fn answer(
    response: Response<Incoming>,
    leads: Leads,
    verdict: CallbackVerdict,
    provider_error: Option<String>,
) -> Answer {
    let (status, content_type) = (response.status(), response.headers().get(CONTENT_TYPE).cloned());
    // The body is for a person to read; one that does not come whole is none.
    let body = Limited::new(response.into_body(), MAX_BODY_BYTES).collect().await;
    let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    Answer { status, content_type, body, leads, verdict, provider_error }
}

/// Whether it leads to another machine; no name or address of the loopback does.
fn is_on_the_web(url: &Url) -> bool {
    let other = match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name != "localhost" && !name.ends_with(".localhost")
        }
        Some(Host::Ipv4(address)) => is_other(address.into()),
        Some(Host::Ipv6(address)) => is_other(address.to_canonical()),
        None => false,
    };
    other && matches!(url.scheme(), "http" | "https")
}

fn is_other(address: IpAddr) -> bool {
    !address.is_loopback() && !address.is_unspecified()
}

/// A code as RFC 6749 section 4.1.2.1 has them; of another text only that there was one.
fn error_code(error: &str) -> String {
    let fits = |b: u8| b.is_ascii_lowercase() || b == b'_';
    let known = error.len() <= MAX_ERROR_CODE_BYTES && error.bytes().all(fits);
    if known { error.to_owned() } else { "an error".to_owned() }
}

fn verdict(callback: Option<&Callback>, response: &Response<Incoming>) -> CallbackVerdict {
    let status = response.status();
    let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    let accepted = match callback.and_then(|callback| callback.success_location.as_deref()) {
        // A pattern that does not compile was refused with its definition.
        Some(pattern) => regex::Regex::new(pattern)
            .is_ok_and(|pattern| location.is_some_and(|location| pattern.is_match(location))),
        None => !status.is_client_error() && !status.is_server_error(),
    };
    CallbackVerdict { accepted, status: status.as_u16() }
}

fn parameter<'a>(url: &'a Url, name: &str) -> Option<Cow<'a, str>> {
    url.query_pairs().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value)
}

fn path_and_query(url: &Url) -> String {
    url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
}
