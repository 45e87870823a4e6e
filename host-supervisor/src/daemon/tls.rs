//! The API's certificate: read from files, and read again when they are others, without a connection noticing.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject as _},
};
use tokio_rustls::TlsAcceptor;
use zeroize::Zeroizing;

use crate::{config::TlsChoices, live::Live};

/// What WebSockets and upgrades go over.
const PROTOCOL: &[u8] = b"http/1.1";

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("the setting {setting} names {path}")]
    Io {
        setting: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the setting {setting} names {path}, which has no {what} in PEM form")]
    Nothing { setting: &'static str, path: PathBuf, what: &'static str },
    #[error("{path} is readable by everybody: run chmod o-r on it, and think about who has read it")]
    TooOpen { path: PathBuf },
    #[error("{certificate} and {key} cannot be used together")]
    Unusable {
        certificate: PathBuf,
        key: PathBuf,
        #[source]
        source: rustls::Error,
    },
}

/// What connections are opened with from now on; those that are open keep what they have.
#[derive(Debug)]
pub(super) struct Tls(Live<ServerConfig>);

/// A certificate with its key, as it is in its files at this moment.
#[derive(Debug)]
pub(crate) struct Identity(ServerConfig);

impl Tls {
    pub(super) fn with(identity: Identity) -> Self {
        Self(Live::new(identity.0))
    }

    pub(super) fn replace(&self, identity: Identity) {
        self.0.set(identity.0);
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.0.now())
    }
}

impl Identity {
    /// # Errors
    /// With the file, and what is wrong with it.
    pub(crate) fn read(choices: &TlsChoices) -> Result<Self, TlsError> {
        let TlsChoices { certificate, key } = choices;
        let (chain, secret) = (chain(certificate)?, private_key(key)?);
        let unusable =
            |source| TlsError::Unusable { certificate: certificate.clone(), key: key.clone(), source };
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_no_client_auth()
            .with_single_cert(chain, secret)
            .map_err(unusable)?;
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        Ok(Self(config))
    }
}

/// The certificates in a file, the server's own first.
pub(crate) fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    const SETTING: &str = "tls.certificate";
    let text =
        fs::read(path).map_err(|source| TlsError::Io { setting: SETTING, path: path.to_owned(), source })?;
    let chain: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&text).collect();
    chain.ok().filter(|chain| !chain.is_empty()).ok_or_else(|| TlsError::Nothing {
        setting: SETTING,
        path: path.to_owned(),
        what: "certificate",
    })
}

/// A group may read it: certificates are often kept by another program.
fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    const SETTING: &str = "tls.key";
    let at = |source| TlsError::Io { setting: SETTING, path: path.to_owned(), source };
    if fs::metadata(path).map_err(at)?.permissions().mode() & 0o004 != 0 {
        return Err(TlsError::TooOpen { path: path.to_owned() });
    }
    let text = Zeroizing::new(fs::read(path).map_err(at)?);
    PrivateKeyDer::from_pem_slice(&text).map_err(|_| TlsError::Nothing {
        setting: SETTING,
        path: path.to_owned(),
        what: "private key",
    })
}
