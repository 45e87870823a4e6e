//! What the network around the host needs of a guest: names that no DNS server knows, and certificate authorities that
//! nobody else trusts. Written by root, before the CLI and the browser look.

#[cfg(test)]
mod tests;

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::Path,
};

use anteroom_protocol::agent::Surroundings;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use nix::unistd::gethostname;
use serde_json::json;

use super::identity;

/// What most programs read (ca-certificates' update-ca-certificates(8) writes it).
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Chromium has a store of its own, and takes additions from its managed policies.
const CHROMIUM_POLICY: &str = "/etc/chromium/policies/managed/anteroom-extra-ca.json";

const MAX_HOSTS: usize = 256;
const MAX_CERTIFICATES: usize = 32;
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

#[derive(Debug, thiserror::Error)]
pub(crate) enum SurroundingsError {
    #[error("{0:?} is no host name")]
    Host(String),
    #[error("there are more than {MAX_HOSTS} host names")]
    TooManyHosts,
    #[error("extra_ca_pem holds no certificate, or something else than certificates")]
    Pem,
    #[error("extra_ca_pem holds more than {MAX_CERTIFICATES} certificates")]
    TooManyCertificates,
    #[error("{path} cannot be written")]
    Write { path: &'static str, source: io::Error },
}

/// Writes everything down; nothing is written when any of it makes no sense.
pub(crate) fn apply(wanted: &Surroundings) -> Result<(), SurroundingsError> {
    check_hosts(wanted)?;
    let certificates = wanted.extra_ca_pem.as_deref().map(certificates).transpose()?;
    if !wanted.hosts.is_empty() {
        let name = gethostname().unwrap_or_default().to_string_lossy().into_owned();
        write("/etc/hosts", &identity::hosts(&name, &wanted.hosts))?;
    }
    if let Some(certificates) = certificates {
        let pem: String = certificates.iter().map(|der| to_pem(der)).collect();
        write(Surroundings::EXTRA_CA, &pem)?;
        append(Path::new(BUNDLE), &pem)
            .map_err(|source| SurroundingsError::Write { path: BUNDLE, source })?;
        let policy = json!({ "CACertificates": certificates.iter().map(|der| STANDARD.encode(der)).collect::<Vec<_>>() });
        write(CHROMIUM_POLICY, &policy.to_string())?;
    }
    Ok(())
}

fn check_hosts(wanted: &Surroundings) -> Result<(), SurroundingsError> {
    if wanted.hosts.len() > MAX_HOSTS {
        return Err(SurroundingsError::TooManyHosts);
    }
    // RFC 1123 section 2.1; a white space would be a second name, a line break a second line.
    let good = |name: &str| {
        (1..=253).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
    };
    match wanted.hosts.keys().find(|name| !good(name)) {
        Some(bad) => Err(SurroundingsError::Host(bad.chars().take(64).collect())),
        None => Ok(()),
    }
}

/// The certificates of a PEM text (RFC 7468), as DER. Text around them is allowed, keys are not.
fn certificates(pem: &str) -> Result<Vec<Vec<u8>>, SurroundingsError> {
    let mut found = Vec::new();
    let mut rest = pem;
    while let Some((before, after)) = rest.split_once(BEGIN) {
        let (body, next) = after.split_once(END).ok_or(SurroundingsError::Pem)?;
        if before.contains("-----BEGIN") {
            return Err(SurroundingsError::Pem);
        }
        let base64: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let der = STANDARD.decode(base64).map_err(|_| SurroundingsError::Pem)?;
        // DER of a certificate is a SEQUENCE with a long length (RFC 5280 section 4.1).
        if !der.starts_with(&[0x30, 0x82]) {
            return Err(SurroundingsError::Pem);
        }
        found.push(der);
        rest = next;
    }
    match found.len() {
        0 => Err(SurroundingsError::Pem),
        count if count > MAX_CERTIFICATES => Err(SurroundingsError::TooManyCertificates),
        _ if rest.contains("-----BEGIN") => Err(SurroundingsError::Pem),
        _ => Ok(found),
    }
}

fn to_pem(der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let lines: Vec<&str> =
        base64.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("{BEGIN}\n{}\n{END}\n", lines.join("\n"))
}

fn write(path: &'static str, contents: &str) -> Result<(), SurroundingsError> {
    let place = Path::new(path);
    let made = place.parent().map_or(Ok(()), fs::create_dir_all);
    made.and_then(|()| identity::replace(place, contents))
        .map_err(|source| SurroundingsError::Write { path, source })
}

/// Adds to the system's bundle, once.
fn append(bundle: &Path, pem: &str) -> io::Result<()> {
    let present = match fs::read_to_string(bundle) {
        Ok(text) => text.contains(pem),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(error),
    };
    if present {
        return Ok(());
    }
    bundle.parent().map_or(Ok(()), fs::create_dir_all)?;
    OpenOptions::new().append(true).create(true).open(bundle)?.write_all(pem.as_bytes())
}
