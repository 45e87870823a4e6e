//! The API's certificate.

use std::path::PathBuf;

use super::{ConfigError, Reader, value};

/// Two PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsChoices {
    /// The server's certificate, and those between it and a root.
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// `None`: the API speaks plain HTTP.
pub(super) fn read(settings: &Reader<'_>) -> Result<Option<TlsChoices>, ConfigError> {
    let certificate = settings.option("tls.certificate", value::path)?;
    let key = settings.option("tls.key", value::path)?;
    let expected = |other| Err(format!("a file, because {other} is set"));
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some(TlsChoices { certificate, key })),
        (Some(_), None) => settings.value("tls.key", |_| expected("tls.certificate")),
        (None, Some(_)) => settings.value("tls.certificate", |_| expected("tls.key")),
        (None, None) => Ok(None),
    }
}
