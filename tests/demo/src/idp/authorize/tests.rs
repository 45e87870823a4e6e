use super::{Refusal, SignIn};
use crate::idp::error::ErrorCode;
use crate::idp::params::Params;
use crate::idp::profile::{Consent, Profile};

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const REDIRECT: &str = "http://127.0.0.1:41234/callback";

fn good() -> Vec<(&'static str, &'static str)> {
    vec![
        ("response_type", "code"),
        ("client_id", "demo"),
        ("redirect_uri", REDIRECT),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("state", "s"),
        ("scope", "openid offline_access"),
    ]
}

/// The good request with `name` changed, or left out when the value is empty.
fn parse_with(name: &'static str, value: &str) -> Result<SignIn, Refusal> {
    let fields = good().into_iter().map(|(field, good)| (field, if field == name { value } else { good }));
    let encoded = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    SignIn::parse(&Profile::demo("http://127.0.0.1:9400"), &Params::parse(&encoded).ok().unwrap())
}

fn told_to_the_client(refusal: Result<SignIn, Refusal>) -> ErrorCode {
    match refusal {
        Err(Refusal::There(back, error)) => {
            assert_eq!(back.redirect.as_str(), REDIRECT);
            assert_eq!(back.state.as_ref().map(|state| state.reveal()), Some("s"));
            error.code
        }
        other => panic!("the client must be told: {other:?}"),
    }
}

#[test]
fn a_complete_request_is_understood() {
    let sign_in = parse_with("nothing", "").unwrap();
    assert_eq!(sign_in.client_id, "demo");
    assert_eq!(sign_in.consent, Consent::Asked);
    assert_eq!(sign_in.back.redirect.as_str(), REDIRECT);
    assert_eq!(sign_in.challenge.unwrap().as_str(), CHALLENGE);
    assert_eq!(sign_in.scope.joined(), "openid offline_access");
}

#[test]
fn the_automatic_client_is_not_asked() {
    assert_eq!(parse_with("client_id", "demo-auto").unwrap().consent, Consent::Given);
}

#[test]
fn without_a_scope_the_client_gets_what_it_registered() {
    assert_eq!(parse_with("scope", "").unwrap().scope.joined(), "openid email offline_access");
}

#[test]
fn a_repeated_scope_counts_once() {
    assert_eq!(parse_with("scope", "openid  openid").unwrap().scope.joined(), "openid");
}

#[test]
fn the_state_may_be_left_out() {
    assert_eq!(parse_with("state", "").unwrap().back.state, None);
}

#[test]
fn an_unknown_client_or_return_address_is_told_to_the_person_only() {
    let long = "s".repeat(513);
    for (name, value) in [
        ("client_id", ""),
        ("client_id", "stranger"),
        ("redirect_uri", ""),
        ("redirect_uri", "https://example.org/callback"),
        ("redirect_uri", "http://127.0.0.1:41234/auth/callback"),
        ("state", long.as_str()),
        ("state", "line\nbreak"),
        ("state", "é"),
    ] {
        assert!(matches!(parse_with(name, value), Err(Refusal::Here(_))), "{name}={value}");
    }
}

#[test]
fn pkce_with_s256_is_mandatory() {
    for (name, value) in [
        ("code_challenge", ""),
        ("code_challenge", "short"),
        ("code_challenge_method", ""),
        ("code_challenge_method", "plain"),
        ("code_challenge_method", "s256"),
    ] {
        assert_eq!(told_to_the_client(parse_with(name, value)), ErrorCode::InvalidRequest, "{name}={value}");
    }
}

#[test]
fn only_the_code_flow_exists() {
    assert_eq!(told_to_the_client(parse_with("response_type", "token")), ErrorCode::UnsupportedResponseType);
    assert_eq!(told_to_the_client(parse_with("response_type", "")), ErrorCode::InvalidRequest);
}

#[test]
fn a_scope_the_client_did_not_register_is_refused() {
    assert_eq!(told_to_the_client(parse_with("scope", "openid admin")), ErrorCode::InvalidScope);
}

#[test]
fn the_request_of_codex_is_understood() {
    let query = format!(
        "response_type=code&client_id=app_EMoamEEZ73f0CkXaXp7hrann&redirect_uri=http%3A%2F%2F127.0.0.1%3A1455%2Fauth%2Fcallback\
         &scope=openid%20profile%20email%20offline_access%20api.connectors.read%20api.connectors.invoke\
         &code_challenge={CHALLENGE}&code_challenge_method=S256&id_token_add_organizations=true\
         &codex_cli_simplified_flow=true&state={CHALLENGE}&originator=codex_cli_rs"
    );
    let sign_in =
        SignIn::parse(&Profile::openai(Consent::Asked), &Params::parse(&query).ok().unwrap()).unwrap();
    assert_eq!(sign_in.client_name, "Codex CLI");
    assert!(sign_in.scope.contains("offline_access"));
}
