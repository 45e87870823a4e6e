//! HTTP clients of ours: the command line's, and the webhook's.

use std::time::Duration;

use reqwest::ClientBuilder;

/// How long a connection may take.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// For requests to this address and nowhere else.
pub(crate) fn client(address: &str) -> ClientBuilder {
    let builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_PATIENCE)
        .user_agent(concat!("anteroom/", env!("CARGO_PKG_VERSION")));
    // Without TLS the system's certificates are not read: a small machine has none, which would be an error here.
    if address.starts_with("https:") { builder } else { builder.tls_certs_only([]) }
}
