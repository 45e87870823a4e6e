//! Which certificate of a daemon the command line believes.
//!
//! | daemon | believed |
//! |---|---|
//! | of this machine, as configured | the very certificate in its file, whatever names are in it |
//! | `ANTEROOM_URL` with `ANTEROOM_CA` | what those authorities have signed, for that name |
//! | `ANTEROOM_URL` | the same of the system's authorities |

use std::{path::Path, sync::Arc};

use reqwest::{Certificate, ClientBuilder};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use crate::{cli::exit::Problem, config::TlsChoices, daemon, failure::causes};

/// Only authorities of this file.
pub(super) fn authorities(builder: ClientBuilder, path: &str) -> Result<ClientBuilder, Problem> {
    let text = std::fs::read(path)
        .map_err(|error| Problem::failed(format!("{path}, which ANTEROOM_CA names: {error}")))?;
    let authorities = Certificate::from_pem_bundle(&text).unwrap_or_default();
    if authorities.is_empty() {
        return Err(Problem::failed(format!(
            "{path}, which ANTEROOM_CA names, has no certificate in PEM form"
        )));
    }
    Ok(builder.tls_certs_only(authorities))
}

/// Only the certificate of the daemon with these settings.
pub(super) fn own(builder: ClientBuilder, choices: &TlsChoices) -> Result<ClientBuilder, Problem> {
    let mut chain =
        daemon::certificates(&choices.certificate).map_err(|error| Problem::failed(causes(&error)))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let exactly = Exactly {
        certificate: chain.swap_remove(0),
        provider: Arc::clone(&provider),
        file: choices.certificate.clone().into_boxed_path(),
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Problem::failed(causes(&error)))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(exactly))
        .with_no_client_auth();
    Ok(builder.tls_backend_preconfigured(config))
}

/// Believes one certificate. That the server has its key is proved by the handshake, as ever.
#[derive(Debug)]
struct Exactly {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
    file: Box<Path>,
}

impl ServerCertVerifier for Exactly {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if *end_entity == self.certificate {
            return Ok(ServerCertVerified::assertion());
        }
        Err(Error::General(format!("its certificate is not the one in {}", self.file.display())))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
