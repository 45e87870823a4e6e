use super::TokenRequest;
use crate::idp::error::ErrorCode;
use crate::idp::params::Params;
use crate::idp::profile::{Consent, Profile};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

fn parse(profile: &Profile, fields: &[(&str, &str)]) -> Result<TokenRequest, ErrorCode> {
    let encoded = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    TokenRequest::parse(profile, &Params::parse(&encoded).ok().unwrap()).map_err(|error| error.code)
}

fn demo() -> Profile {
    Profile::demo("http://127.0.0.1:9400")
}

const CODE_REQUEST: [(&str, &str); 5] = [
    ("grant_type", "authorization_code"),
    ("client_id", "demo"),
    ("code", "c"),
    ("redirect_uri", "http://127.0.0.1:1/callback"),
    ("code_verifier", VERIFIER),
];

#[test]
fn a_code_request_is_understood() {
    let request = parse(&demo(), &CODE_REQUEST).unwrap();
    let TokenRequest::Code { client_id, code, redirect_uri, verifier, .. } = request else {
        panic!("{request:?}")
    };
    assert_eq!((client_id, redirect_uri.as_str()), ("demo", "http://127.0.0.1:1/callback"));
    assert_eq!((code.reveal(), verifier.unwrap().secret().reveal()), ("c", VERIFIER));
}

#[test]
fn every_part_of_a_code_request_is_needed() {
    for (left_out, error) in [
        ("grant_type", ErrorCode::InvalidRequest),
        ("client_id", ErrorCode::InvalidClient),
        ("code", ErrorCode::InvalidRequest),
        ("redirect_uri", ErrorCode::InvalidRequest),
        ("code_verifier", ErrorCode::InvalidRequest),
    ] {
        let fields: Vec<_> = CODE_REQUEST.into_iter().filter(|(name, _)| *name != left_out).collect();
        assert_eq!(parse(&demo(), &fields).err(), Some(error), "{left_out}");
    }
}

#[test]
fn an_unknown_client_is_refused() {
    let fields = [("grant_type", "refresh_token"), ("client_id", "stranger"), ("refresh_token", "r")];
    assert_eq!(parse(&demo(), &fields).err(), Some(ErrorCode::InvalidClient));
}

#[test]
fn grants_that_oauth_2_1_dropped_are_not_supported() {
    for grant in ["password", "client_credentials", "implicit"] {
        let fields = [("grant_type", grant), ("client_id", "demo")];
        assert_eq!(parse(&demo(), &fields).err(), Some(ErrorCode::UnsupportedGrantType), "{grant}");
    }
}

#[test]
fn only_a_profile_that_says_so_exchanges_tokens() {
    let exchange = |client_id, requested| {
        [
            ("grant_type", EXCHANGE),
            ("client_id", client_id),
            ("requested_token", requested),
            ("subject_token", "a.b.c"),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
        ]
    };
    let openai = Profile::openai(Consent::Given);
    let codex = openai.clients[0].id;
    assert!(matches!(
        parse(&openai, &exchange(codex, "openai-api-key")),
        Ok(TokenRequest::ApiKey { id_token, .. }) if id_token.reveal() == "a.b.c"
    ));
    assert_eq!(parse(&openai, &exchange(codex, "all-keys")).err(), Some(ErrorCode::InvalidRequest));
    assert_eq!(
        parse(&demo(), &exchange("demo", "openai-api-key")).err(),
        Some(ErrorCode::UnsupportedGrantType)
    );
}
