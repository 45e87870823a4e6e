//! How long certificates are good for. Pure.

use std::{fmt, time::Duration};

use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;
use x509_cert::{Certificate, der::Decode as _};

/// What is left of a certificate's life when it is time to look after it: so much, or a quarter of it where that is less. Whatever
/// renews certificates has done so by then.
const SOON: time::Duration = time::Duration::days(14);

/// Of a chain: from the last beginning to the first end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) begin: OffsetDateTime,
    pub(crate) end: OffsetDateTime,
}

/// What can be said of it at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    NotYet(OffsetDateTime),
    Good,
    Soon(OffsetDateTime),
    Over(OffsetDateTime),
}

impl Validity {
    /// `None` when one of them cannot be read.
    pub(crate) fn of(chain: &[CertificateDer<'_>]) -> Option<Self> {
        let each: Option<Vec<Self>> = chain.iter().map(of_one).collect();
        each?.into_iter().reduce(|a, b| Self { begin: a.begin.max(b.begin), end: a.end.min(b.end) })
    }

    pub(crate) fn at(self, now: OffsetDateTime) -> Standing {
        let Self { begin, end } = self;
        if now >= end {
            Standing::Over(end)
        } else if now < begin {
            Standing::NotYet(begin)
        } else if end - now < SOON.min((end - begin) / 4) {
            Standing::Soon(end)
        } else {
            Standing::Good
        }
    }
}

fn of_one(certificate: &CertificateDer<'_>) -> Option<Validity> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let validity = certificate.tbs_certificate().validity();
    let moment = |since: Duration| OffsetDateTime::UNIX_EPOCH.checked_add(since.try_into().ok()?);
    Some(Validity {
        begin: moment(validity.not_before.to_unix_duration())?,
        end: moment(validity.not_after.to_unix_duration())?,
    })
}

/// Goes on from "the certificate".
impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotYet(begin) => write!(f, "is not valid before {}", shown(*begin)),
            Self::Good => f.write_str("is valid"),
            Self::Soon(end) => write!(f, "expires on {}: renew it", shown(*end)),
            Self::Over(end) => write!(f, "has expired on {}: clients refuse it, renew it", shown(*end)),
        }
    }
}

/// To the minute.
fn shown(moment: OffsetDateTime) -> String {
    format!("{} {:02}:{:02} UTC", moment.date(), moment.hour(), moment.minute())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};
    use time::macros::datetime;

    use super::*;

    fn certificate(begin: OffsetDateTime, end: OffsetDateTime) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        (params.not_before, params.not_after) = (begin, end);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    #[test]
    fn a_chain_is_as_good_as_the_worst_of_it() {
        let own = certificate(datetime!(2026-01-02 0:00 UTC), datetime!(2026-04-01 0:00 UTC));
        let above = certificate(datetime!(2020-01-01 0:00 UTC), datetime!(2026-03-01 0:00 UTC));
        let validity = Validity::of(&[own, above]).unwrap();
        assert_eq!(validity.begin, datetime!(2026-01-02 0:00 UTC));
        assert_eq!(validity.end, datetime!(2026-03-01 0:00 UTC));
        assert_eq!(Validity::of(&[CertificateDer::from(vec![1, 2, 3])]), None);
    }

    #[test]
    fn it_is_time_two_weeks_before_the_end_or_in_the_last_quarter_of_a_short_life() {
        let year = Validity { begin: datetime!(2026-01-01 0:00 UTC), end: datetime!(2027-01-01 0:00 UTC) };
        assert_eq!(year.at(datetime!(2025-12-31 0:00 UTC)), Standing::NotYet(year.begin));
        assert_eq!(year.at(datetime!(2026-12-17 0:00 UTC)), Standing::Good);
        assert_eq!(year.at(datetime!(2026-12-19 0:00 UTC)), Standing::Soon(year.end));
        assert_eq!(year.at(year.end), Standing::Over(year.end));
        let week = Validity { begin: datetime!(2026-01-01 0:00 UTC), end: datetime!(2026-01-08 0:00 UTC) };
        assert_eq!(week.at(datetime!(2026-01-06 0:00 UTC)), Standing::Good);
        let soon = week.at(datetime!(2026-01-06 8:00 UTC));
        assert_eq!(soon.to_string(), "expires on 2026-01-08 00:00 UTC: renew it");
    }
}
