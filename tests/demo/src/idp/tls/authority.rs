//! A certificate authority that lives as long as a test. Its key never leaves the process.

use std::sync::Arc;
use std::time::SystemTime;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::ResolvesServerCertUsingSni;
use rustls::sign::CertifiedKey;

#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("the certificate for {0} cannot be made")]
    Making(String, #[source] rcgen::Error),
    #[error("the certificate for {0} cannot be served")]
    Serving(String, #[source] rustls::Error),
}

pub struct ThrowAwayCa {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl ThrowAwayCa {
    const NAME: &str = "Anteroom throw-away test CA";

    /// # Errors
    /// When no key can be made.
    pub fn new() -> Result<Self, CertificateError> {
        let making = |error| CertificateError::Making(Self::NAME.to_owned(), error);
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, Self::NAME);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(making)?;
        Ok(Self { issuer: CertifiedIssuer::self_signed(params, key).map_err(making)? })
    }

    /// What a client has to trust, as PEM.
    pub fn certificate_pem(&self) -> String {
        self.issuer.pem()
    }

    /// A server that shows each of the hostnames its own leaf, and nothing to a client that names another.
    pub(crate) fn server_config(&self, hostnames: &[String]) -> Result<ServerConfig, CertificateError> {
        let provider = Arc::new(ring::default_provider());
        let mut leaves = ResolvesServerCertUsingSni::new();
        for hostname in hostnames {
            let serving = |error| CertificateError::Serving(hostname.clone(), error);
            leaves.add(hostname, self.leaf(hostname, &provider)?).map_err(serving)?;
        }
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| CertificateError::Serving(hostnames.join(", "), error))?;
        Ok(config.with_no_client_auth().with_cert_resolver(Arc::new(leaves)))
    }

    fn leaf(&self, hostname: &str, provider: &CryptoProvider) -> Result<CertifiedKey, CertificateError> {
        let making = |error| CertificateError::Making(hostname.to_owned(), error);
        let mut params = CertificateParams::new([hostname.to_owned()]).map_err(making)?;
        params.distinguished_name.push(DnType::CommonName, hostname);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        // Not before the test: a client whose clock is behind does not take it.
        params.not_before = SystemTime::now().into();
        let key = KeyPair::generate().map_err(making)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(making)?;
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        CertifiedKey::from_der(vec![certificate.der().clone()], key.into(), provider)
            .map_err(|error| CertificateError::Serving(hostname.to_owned(), error))
    }
}

/// Nothing of the key.
impl std::fmt::Debug for ThrowAwayCa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ThrowAwayCa").finish_non_exhaustive()
    }
}
