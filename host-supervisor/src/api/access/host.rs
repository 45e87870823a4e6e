//! Which names this daemon answers to, and which pages are its own.
//!
//! A page of another site can have its name resolve to this host's address and then call us as its own origin (DNS
//! rebinding). It cannot choose an IP address or `localhost` as its name, so those need no list.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderValue, Uri, header::HOST, uri::Authority};

use crate::config::Config;

#[derive(Debug)]
pub(super) struct Hosts {
    names: Vec<String>,
    public_authority: Option<String>,
    /// Origins of pages elsewhere that the operator trusts.
    listed: Vec<String>,
    /// Whether browsers come over TLS, ours or a proxy's.
    pub(super) uses_tls: bool,
}

impl Hosts {
    pub(super) fn new(config: &Config) -> Self {
        let public = config.public_url.as_ref();
        let public_name = public.and_then(|url| url.host_str()).map(str::to_ascii_lowercase);
        let named = config.allowed_hosts.iter().cloned();
        let names = named.chain(public_name).chain(["localhost".to_owned()]).collect();
        Self {
            names,
            public_authority: public.map(|url| url.authority().to_ascii_lowercase()),
            listed: config.cors_origins.clone(),
            uses_tls: config.tls.is_some() || public.is_some_and(|url| url.scheme() == "https"),
        }
    }

    /// Whether the request is addressed to us.
    pub(super) fn is_own(&self, headers: &HeaderMap) -> bool {
        let Some(authority) = host_header(headers) else { return false };
        let name = authority.host().to_ascii_lowercase();
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
        address || self.names.iter().any(|own| *own == name || *own == authority.as_str())
    }

    /// Whether the page that calls was served by this daemon: its origin is the host that the request is addressed to.
    pub(super) fn is_own_page(&self, origin: &HeaderValue, headers: &HeaderMap) -> bool {
        let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
        let Some(origin) = origin.as_ref().and_then(Uri::authority) else { return false };
        let same =
            host_header(headers).is_some_and(|host| host.as_str().eq_ignore_ascii_case(origin.as_str()));
        same || self.public_authority.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(origin.as_str()))
    }

    /// Whether the operator lets pages of this origin call.
    pub(super) fn is_listed_page(&self, origin: &HeaderValue) -> bool {
        self.listed.iter().any(|listed| listed.as_bytes() == origin.as_bytes())
    }
}

fn host_header(headers: &HeaderMap) -> Option<Authority> {
    headers.get(HOST)?.to_str().ok()?.parse().ok()
}
