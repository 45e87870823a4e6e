use super::{Challenge, PkceError, Verifier};

/// RFC 7636, appendix B.
const RFC_VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const RFC_CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

#[test]
fn the_example_of_the_rfc_is_met() {
    let verifier = Verifier::parse(RFC_VERIFIER).unwrap();
    assert_eq!(verifier.challenge().as_str(), RFC_CHALLENGE);
    assert!(Challenge::parse(RFC_CHALLENGE).unwrap().is_met_by(&verifier));
}

#[test]
fn another_verifier_does_not_meet_it() {
    let stranger = Verifier::parse(&RFC_VERIFIER.replace('d', "e")).unwrap();
    assert!(!Challenge::parse(RFC_CHALLENGE).unwrap().is_met_by(&stranger));
}

#[test]
fn a_verifier_has_43_to_128_characters() {
    for (length, accepted) in [(0, false), (42, false), (43, true), (128, true), (129, false)] {
        assert_eq!(Verifier::parse(&"~".repeat(length)).is_ok(), accepted, "{length}");
    }
}

#[test]
fn a_verifier_with_a_foreign_character_is_refused() {
    for foreign in ["+", "/", "=", " ", "\0", "é"] {
        let text = format!("{}{foreign}", "a".repeat(43));
        assert_eq!(Verifier::parse(&text), Err(PkceError::Verifier), "{foreign:?}");
    }
}

#[test]
fn a_challenge_that_is_no_digest_is_refused() {
    // The last one decodes to 32 bytes only if its two left-over bits are ignored.
    for text in
        ["", RFC_VERIFIER[1..].as_ref(), &RFC_CHALLENGE.replace('-', "+"), &RFC_CHALLENGE.replace("cM", "cN")]
    {
        assert_eq!(Challenge::parse(text), Err(PkceError::Challenge), "{text}");
    }
}

#[test]
fn random_verifiers_are_valid_and_differ() {
    let (one, other) = (Verifier::random().unwrap(), Verifier::random().unwrap());
    assert_ne!(one, other);
    assert_eq!(Verifier::parse(one.secret().reveal()), Ok(one));
}
