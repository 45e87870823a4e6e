use super::Attempt;
use crate::cli::exchange::Issuer;

#[test]
fn the_url_says_what_the_provider_has_to_know_and_keeps_the_verifier() {
    let attempt = Attempt::new("demo", "127.0.0.1:41234".parse().unwrap()).unwrap();
    let url = attempt.url(Issuer::from_setting(None).unwrap());
    let expected = format!(
        "http://127.0.0.1:9400/oauth/authorize?response_type=code&client_id=demo\
         &redirect_uri=http%3A%2F%2F127.0.0.1%3A41234%2Fcallback\
         &code_challenge={}&code_challenge_method=S256&state={}&scope=openid+email+offline_access",
        attempt.verifier.challenge().as_str(),
        attempt.state.reveal()
    );
    assert_eq!(url.reveal(), expected);
    assert!(!url.reveal().contains(attempt.verifier.secret().reveal()));
}

#[test]
fn no_two_attempts_share_a_secret() {
    let [one, other] = [(); 2].map(|()| Attempt::new("demo", "127.0.0.1:1".parse().unwrap()).unwrap());
    assert_ne!(one.state, other.state);
    assert_ne!(one.verifier, other.verifier);
}
