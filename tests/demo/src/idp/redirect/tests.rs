use proptest::prelude::*;

use super::{NotLoopback, RedirectUri, ReturnAddress};
use crate::idp::error::{ErrorCode, OauthError};
use crate::secret::Secret;

fn address(state: Option<&str>) -> ReturnAddress {
    let redirect = RedirectUri::parse("http://127.0.0.1:41234/callback", "/callback").unwrap();
    ReturnAddress { redirect, state: state.map(Secret::new) }
}

#[test]
fn any_port_of_a_loopback_host_is_accepted() {
    for text in
        ["http://127.0.0.1:1/callback", "http://localhost:65535/callback", "http://[::1]:1455/callback"]
    {
        assert!(RedirectUri::parse(text, "/callback").is_ok(), "{text}");
    }
}

#[test]
fn every_other_address_is_refused() {
    for text in [
        "",
        "/callback",
        "http:///callback",
        "http://127.0.0.1/callback",
        "http://127.0.0.1:/callback",
        "http://127.0.0.1:0/callback",
        "http://127.0.0.1:65536/callback",
        "http://127.0.0.1:+80/callback",
        "http://127.0.0.1:80/callback/",
        "http://127.0.0.1:80/callback?x=1",
        "http://127.0.0.1:80/callback#x",
        "http://127.0.0.1:80/other/callback",
        "http://127.0.0.1:80//callback",
        "http://127.0.0.1:80/",
        "http://127.0.0.2:80/callback",
        "http://0.0.0.0:80/callback",
        "http://::1:80/callback",
        "http://example.org:80/callback",
        "http://127.0.0.1.example.org:80/callback",
        "http://localhost@example.org:80/callback",
        "http://example.org:80@localhost:80/callback",
        "http://example.org\\@localhost:80/callback",
        "http://LOCALHOST:80/callback",
        "https://127.0.0.1:80/callback",
        "HTTP://127.0.0.1:80/callback",
        "javascript:alert(1)//127.0.0.1:80/callback",
        " http://127.0.0.1:80/callback",
        "http://127.0.0.1:80\r\n/callback",
    ] {
        assert_eq!(RedirectUri::parse(text, "/callback"), Err(NotLoopback), "{text:?}");
    }
}

#[test]
fn the_state_comes_back_beside_the_code() {
    assert_eq!(
        address(Some("s &1")).with_code(&Secret::new("c/2")).reveal(),
        "http://127.0.0.1:41234/callback?code=c%2F2&state=s+%261"
    );
    assert_eq!(address(None).with_code(&Secret::new("c")).reveal(), "http://127.0.0.1:41234/callback?code=c");
}

#[test]
fn a_refusal_comes_back_with_its_reason_and_the_state() {
    let denied = OauthError { code: ErrorCode::AccessDenied, description: "no thanks" };
    assert_eq!(
        address(Some("s")).with_error(denied).reveal(),
        "http://127.0.0.1:41234/callback?error=access_denied&error_description=no+thanks&state=s"
    );
}

proptest! {
    #[test]
    fn no_state_can_add_a_parameter_or_a_header(state in "\\PC{1,100}") {
        let location = address(Some(&state)).with_code(&Secret::new("c"));
        prop_assert!(location.reveal().bytes().all(|b| b.is_ascii_graphic()));
        let query = location.reveal().split_once('?').map(|(_, query)| query.to_owned()).unwrap_or_default();
        let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        prop_assert_eq!(pairs, vec![("code".to_owned(), "c".to_owned()), ("state".to_owned(), state)]);
    }
}
