//! Why a receiver's certificate is not believed, in our words: what it says itself, its names above all, is the receiver's
//! to choose and goes into no table.

use std::{error::Error, io};

use rustls::CertificateError;

/// `None` when it was something else that went wrong.
pub(super) fn problem(error: &(dyn Error + 'static)) -> Option<&'static str> {
    match error.downcast_ref() {
        Some(rustls::Error::InvalidCertificate(problem)) => Some(words(problem)),
        Some(_) => None,
        None => problem(beneath(error)?),
    }
}

/// An I/O error tells of the source of what it holds, not of that itself.
fn beneath<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>() {
        Some(error) => Some(error.get_ref()?),
        None => error.source(),
    }
}

fn words(problem: &CertificateError) -> &'static str {
    match problem {
        CertificateError::UnknownIssuer => "the certificate's issuer is unknown here",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the certificate is for another name"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "the certificate has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the certificate is not valid yet"
        }
        _ => "the certificate is no good for a server",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_certificate_says_of_itself_is_not_repeated() {
        let wrapped = |error| io::Error::other(io::Error::other(rustls::Error::InvalidCertificate(error)));
        let problem_of = |error| problem(&wrapped(error));
        let other_name = CertificateError::NotValidForNameContext {
            expected: "app.example.com".try_into().unwrap(),
            presented: vec!["planted\u{1b}[31m".into()],
        };
        assert_eq!(problem_of(other_name), Some("the certificate is for another name"));
        assert_eq!(
            problem_of(CertificateError::UnknownIssuer),
            Some("the certificate's issuer is unknown here")
        );
        assert_eq!(
            problem_of(CertificateError::BadEncoding),
            Some("the certificate is no good for a server")
        );
    }

    #[test]
    fn an_error_without_a_certificate_in_it_is_something_else() {
        assert_eq!(problem(&io::Error::other(rustls::Error::DecryptError)), None);
        assert_eq!(problem(&io::Error::from(io::ErrorKind::ConnectionRefused)), None);
    }
}
