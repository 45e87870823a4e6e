use axum::http::StatusCode;

use super::{ExchangeError, Issuer, read};

#[test]
fn the_provider_is_on_loopback_or_not_at_all() {
    let issuer = |text: &str| Issuer::from_setting(Some(text.into())).map(|issuer| issuer.to_string());
    assert_eq!(
        Issuer::from_setting(None).map(|issuer| issuer.to_string()),
        Ok("http://127.0.0.1:9400".to_owned())
    );
    assert_eq!(issuer(""), Ok("http://127.0.0.1:9400".to_owned()));
    assert_eq!(issuer("http://[::1]:1"), Ok("http://[::1]:1".to_owned()));
    for text in
        ["127.0.0.1:9400", "https://127.0.0.1:1", "http://192.0.2.1:80", "http://127.0.0.1:1/", "http://x:1"]
    {
        assert!(issuer(text).is_err(), "{text}");
    }
}

#[test]
fn a_refusal_is_told_by_its_code() {
    let body = br#"{"error":"invalid_grant\u001b[2J","error_description":"..."}"#;
    let error = read(StatusCode::BAD_REQUEST, body).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the provider refused with status 400 Bad Request: invalid_grant\\u{1b}[2J"
    );
    assert!(read(StatusCode::BAD_GATEWAY, b"<html>").unwrap_err().to_string().ends_with("no reason given"));
}

#[test]
fn an_answer_without_tokens_is_incomplete_and_is_not_repeated() {
    let error = read(StatusCode::OK, br#"{"access_token":17}"#).unwrap_err();
    assert!(matches!(error, ExchangeError::Incomplete));
    assert!(!format!("{error:?}").contains("17"));
}
