use std::time::Duration;

use super::{UnixSeconds, response, tokens};
use crate::idp::authorize::SignIn;
use crate::idp::params::Params;
use crate::idp::profile::{Consent, Profile};
use crate::jwt;
use crate::secret::Secret;

const HOUR: Duration = Duration::from_secs(3600);
const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

fn sign_in(profile: &Profile, scope: &str) -> SignIn {
    let query = format!(
        "response_type=code&client_id={}&redirect_uri=http://127.0.0.1:1{}&scope={scope}\
         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256",
        profile.clients[0].id, profile.clients[0].redirect_path
    );
    SignIn::parse(profile, &Params::parse(&query).ok().unwrap()).unwrap()
}

#[test]
fn the_tokens_of_openai_tell_account_and_plan() {
    let profile = Profile::openai(Consent::Given);
    let SignIn { client_id, scope, .. } = sign_in(&profile, "openid+offline_access");
    let minted = tokens(&profile, client_id, &scope, None, HOUR, NOW).unwrap();
    let id = jwt::claims(&minted.id.unwrap()).unwrap();
    assert_eq!(id["email"], "demo@example.org");
    assert_eq!(id["https://api.openai.com/auth"]["chatgpt_account_id"], "acct-demo");
    assert_eq!(id["https://api.openai.com/auth"]["chatgpt_plan_type"], "plus");
    assert_eq!((&id["iat"], &id["exp"]), (&NOW.0.into(), &(NOW.0 + 3600).into()));
    let access = jwt::claims(&minted.access).unwrap();
    assert_eq!(access["https://api.openai.com/auth"], id["https://api.openai.com/auth"]);
}

#[test]
fn the_demos_access_token_is_opaque() {
    let profile = Profile::demo("http://127.0.0.1:9400");
    let SignIn { client_id, scope, .. } = sign_in(&profile, "openid");
    let minted = tokens(&profile, client_id, &scope, None, HOUR, NOW).unwrap();
    assert_eq!(jwt::claims(&minted.access), Err(jwt::JwtError::Shape));
}

#[test]
fn two_sign_ins_in_one_second_share_no_token() {
    let profile = Profile::openai(Consent::Given);
    let SignIn { client_id, scope, .. } = sign_in(&profile, "openid");
    let [one, other] = [(); 2].map(|()| tokens(&profile, client_id, &scope, None, HOUR, NOW).unwrap());
    assert_ne!(one.id, other.id);
    assert_ne!(one.access, other.access);
}

#[test]
fn the_response_holds_only_what_the_scope_grants() {
    let profile = Profile::demo("http://127.0.0.1:9400");
    let names = |scope: &str, refresh: Option<Secret>| {
        let SignIn { client_id, scope, .. } = sign_in(&profile, scope);
        let minted = tokens(&profile, client_id, &scope, refresh, HOUR, NOW).unwrap();
        let response = response(&profile, &scope, &minted);
        response.as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    let bare = ["access_token", "expires_in", "scope", "token_type"];
    assert_eq!(names("email", None), bare);
    let mut full: Vec<_> = bare.into_iter().chain(["id_token", "refresh_token"]).collect();
    full.sort_unstable();
    assert_eq!(names("openid+offline_access", Some(Secret::new("r"))), full);
}
