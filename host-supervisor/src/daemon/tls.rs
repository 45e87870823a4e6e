//! The API's certificate: read from files, and read again when they are others, without a connection noticing.

mod validity;

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject as _},
};
use time::OffsetDateTime;
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::{config::TlsChoices, live::Live, metrics};
pub(crate) use validity::{Standing, Validity};

/// What WebSockets and upgrades go over.
const PROTOCOL: &[u8] = b"http/1.1";
/// How often it is looked whether the certificate is still good.
const TELL_EVERY: Duration = Duration::from_secs(12 * 3600);

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
pub(super) struct Tls(Live<Identity>);

/// A certificate with its key, as it is in its files at this moment.
#[derive(Debug)]
pub(crate) struct Identity {
    config: Arc<ServerConfig>,
    /// `None`: nobody can tell.
    pub(crate) validity: Option<Validity>,
}

impl Tls {
    pub(super) fn with(identity: Identity) -> Self {
        let tls = Self(Live::new(identity));
        tls.tell();
        tls
    }

    pub(super) fn replace(&self, identity: Identity) {
        self.0.set(identity);
        self.tell();
    }

    /// Warns of its end again and again until `stop`: whoever renews it may have stopped doing so.
    pub(super) async fn watch(self: Arc<Self>, stop: CancellationToken) {
        let mut times = interval(TELL_EVERY);
        times.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // It was told when it was read.
        times.tick().await;
        while stop.run_until_cancelled(times.tick()).await.is_some() {
            self.tell();
        }
    }

    fn tell(&self) {
        let Some(validity) = self.0.now().validity else { return };
        metrics::certificate_ends(validity.end);
        match validity.at(OffsetDateTime::now_utc()) {
            Standing::Good => {}
            standing => tracing::warn!("the certificate (tls.certificate) {standing}"),
        }
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.0.now().config))
    }
}

impl Identity {
    /// # Errors
    /// With the file, and what is wrong with it.
    pub(crate) fn read(choices: &TlsChoices) -> Result<Self, TlsError> {
        let TlsChoices { certificate, key } = choices;
        let (chain, secret) = (chain(certificate)?, private_key(key)?);
        let validity = Validity::of(&chain);
        let unusable =
            |source| TlsError::Unusable { certificate: certificate.clone(), key: key.clone(), source };
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_no_client_auth()
            .with_single_cert(chain, secret)
            .map_err(unusable)?;
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        Ok(Self { config: Arc::new(config), validity })
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
