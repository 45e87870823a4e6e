use std::time::{Duration, Instant};

use super::{AccessTokens, ELSEWHERE, NoAccess};
use crate::idp::profile::Strangers;
use crate::secret::Secret;

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_token_opens_until_it_expires() {
    let (mut tokens, now) = (AccessTokens::new(Strangers::Refused, 4), Instant::now());
    let token = Secret::new("a");
    tokens.enter(now, 3, &token, HOUR);
    assert_eq!(tokens.check(now, &token), Ok(3));
    assert_eq!(tokens.check(now + HOUR, &token), Err(NoAccess::Expired));
    assert_eq!(tokens.check(now, &Secret::new("b")), Err(NoAccess::Unknown));
}

#[test]
fn what_was_revoked_opens_nothing_and_what_comes_later_does() {
    let (mut tokens, now) = (AccessTokens::new(Strangers::Refused, 4), Instant::now());
    tokens.enter(now, 1, &Secret::new("a"), HOUR);
    tokens.revoke_all();
    tokens.enter(now, 1, &Secret::new("b"), HOUR);
    assert_eq!(tokens.check(now, &Secret::new("a")), Err(NoAccess::Revoked));
    assert_eq!(tokens.check(now, &Secret::new("b")), Ok(1));
}

#[test]
fn tokens_of_another_process_are_taken_where_the_profile_says_so_and_until_all_are_revoked() {
    let (mut tokens, now) = (AccessTokens::new(Strangers::Taken, 4), Instant::now());
    let stranger = Secret::random().unwrap();
    assert_eq!(tokens.check(now, &stranger), Ok(ELSEWHERE));
    assert_eq!(tokens.check(now, &Secret::new("something else")), Err(NoAccess::Unknown));
    tokens.revoke_all();
    assert_eq!(tokens.check(now, &stranger), Err(NoAccess::Unknown));
}

#[test]
fn the_oldest_token_gives_way() {
    let (mut tokens, now) = (AccessTokens::new(Strangers::Refused, 2), Instant::now());
    for name in ["a", "b", "b", "c"] {
        tokens.enter(now, 1, &Secret::new(name), HOUR);
    }
    assert_eq!(tokens.check(now, &Secret::new("a")), Err(NoAccess::Unknown));
    assert_eq!(tokens.check(now, &Secret::new("b")), Ok(1));
    assert_eq!(tokens.check(now, &Secret::new("c")), Ok(1));
}
