//! Which addresses are opened, whoever asks: those of the web, so that nobody reads the guest's files in its browser.

use anteroom_protocol::agent::OpenUrl;
use url::Url;

/// Why an address is not opened. Never holds any of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AddressError {
    #[error("the address has more than {} bytes", OpenUrl::MAX_BYTES)]
    TooLong,
    #[error("only http and https addresses are opened")]
    NotOfTheWeb,
}

/// Whether this scheme is one of the web's; the case of letters does not matter (RFC 3986 section 3.1).
pub(crate) fn is_of_the_web(scheme: &str) -> bool {
    ["http", "https"].iter().any(|web| web.eq_ignore_ascii_case(scheme))
}

pub(crate) fn check(address: &str) -> Result<(), AddressError> {
    if address.len() > OpenUrl::MAX_BYTES {
        return Err(AddressError::TooLong);
    }
    let web = Url::parse(address).is_ok_and(|url| is_of_the_web(url.scheme()) && url.has_host());
    // A control character could be taken for the end of an argument by whatever comes after.
    if web && !address.chars().any(char::is_control) { Ok(()) } else { Err(AddressError::NotOfTheWeb) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_web_are_opened() {
        for good in ["https://auth.example/authorize?x=1", "http://127.0.0.1:9400/", "HTTPS://auth.example/"]
        {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in
            ["file:///etc/passwd", "javascript:alert(1)", "--headless", "https://", "https://a/\nb", ""]
        {
            assert_eq!(check(bad), Err(AddressError::NotOfTheWeb), "{bad}");
        }
        let long = format!("https://a.example/{}", "x".repeat(OpenUrl::MAX_BYTES));
        assert_eq!(check(&long), Err(AddressError::TooLong));
    }
}
