//! What an attempt to sign in failed of: the agent's cause and the CLI's last lines, in words for programs and people.
//!
//! The lines are the CLI's own and differ between CLIs and versions; the words of OAuth in them (RFC 6749 sections 4.1.2.1
//! and 5.2), and what CLIs make of them, hardly do. Where none is found, the lines themselves have to do.

use anteroom_protocol::event::FailedBy;

use super::redact;
use crate::failure::Failure;

const REFUSED: &str = "the provider refused the code that the sign-in page gave";

/// The words, in lower case, and what they mean. The first that is found counts.
const SIGNS: [(&[&str], &str, &str); 5] = [
    (
        &[
            "access_denied",
            "access denied",
            "was denied",
            "denied the request",
            "callback error",
            "no authorization code received",
        ],
        "sign_in_denied",
        "the sign-in page gave no permission",
    ),
    // One CLI says all that may be wrong with a code, an expiry among it.
    (&["wasn't accepted"], "sign_in_refused", REFUSED),
    (&["expired"], "sign_in_expired", "the sign-in took too long, and its code has expired"),
    (
        &["code_verifier", "code_challenge", "pkce", "state mismatch", "invalid state"],
        "sign_in_mismatch",
        "the answer belongs to another sign-in than the one the command has begun",
    ),
    (&["invalid_grant", "status code 400"], "sign_in_refused", REFUSED),
];

/// For the session: what it says about the attempt.
pub(super) fn failure(by: FailedBy, cause: &str, last_lines: &[String]) -> Failure {
    let lines: Vec<String> = last_lines.iter().map(|line| redact::line(line)).collect();
    let cause = redact::line(cause);
    let failure = match (by, sign_in(&lines)) {
        (FailedBy::TerminalClosed, _) => Failure::new("terminal_closed", cause),
        (FailedBy::Check, _) => Failure::new("sign_in_not_confirmed", cause),
        (FailedBy::CommandEnded, Some((code, meaning))) => Failure::new(code, format!("{meaning}: {cause}")),
        (FailedBy::CommandEnded, None) => Failure::new("sign_in_failed", cause),
    };
    failure.with_lines(lines)
}

fn sign_in(lines: &[String]) -> Option<(&'static str, &'static str)> {
    let text = lines.join("\n").to_lowercase();
    SIGNS
        .iter()
        .find(|(signs, ..)| signs.iter().any(|sign| text.contains(sign)))
        .map(|(_, code, meaning)| (*code, *meaning))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of(lines: &[&str]) -> String {
        let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        failure(FailedBy::CommandEnded, "the command ended with code 1", &lines).code
    }

    #[test]
    fn what_the_cli_says_in_the_words_of_oauth_is_understood() {
        assert_eq!(code_of(&["Error: access_denied"]), "sign_in_denied");
        assert_eq!(code_of(&["token endpoint: INVALID_GRANT", "the code has expired"]), "sign_in_expired");
        assert_eq!(code_of(&["400: code_verifier does not meet the code_challenge"]), "sign_in_mismatch");
        assert_eq!(code_of(&["token exchange failed: invalid_grant"]), "sign_in_refused");
        // As two CLIs were seen to say it.
        let denied = "OAuth callback error: Sign-in failed: the person said no";
        assert_eq!(code_of(&[denied]), "sign_in_denied");
        assert_eq!(code_of(&["Couldn't log in: Request failed with status code 400"]), "sign_in_refused");
        assert_eq!(code_of(&["Couldn't log in: No authorization code received"]), "sign_in_denied");
        let not_accepted =
            "Couldn't log in: That code wasn't accepted. It may be incomplete, expired, already used";
        assert_eq!(code_of(&[not_accepted]), "sign_in_refused");
        assert_eq!(code_of(&["Segmentation fault"]), "sign_in_failed");
        assert_eq!(code_of(&[]), "sign_in_failed");
    }

    #[test]
    fn the_lines_are_kept_without_their_secrets() {
        let lines = ["see https://auth.example/authorize?state=planted".to_owned(), "was denied".to_owned()];
        let failure = failure(FailedBy::CommandEnded, "the command ended with code 1", &lines);
        assert!(failure.message.ends_with(": the command ended with code 1"), "{}", failure.message);
        assert_eq!(failure.detail_lines, ["see https://auth.example/authorize?[...]", "was denied"]);
    }
}
