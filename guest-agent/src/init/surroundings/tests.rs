use std::{collections::BTreeMap, net::Ipv4Addr};

use proptest::prelude::*;

use super::*;

fn certificate(length: u8) -> Vec<u8> {
    let mut der = vec![0x30, 0x82, 0, length];
    der.extend((0..length).map(|byte| byte.wrapping_mul(7)));
    der
}

#[test]
fn certificates_are_found_among_other_text_and_read_back_as_written() {
    let (first, second) = (certificate(200), certificate(90));
    let pem = format!("subject=me\n{}\nissuer=you\n{}", to_pem(&first), to_pem(&second));
    assert_eq!(certificates(&pem).unwrap(), [first, second]);
}

#[test]
fn a_key_and_what_is_no_certificate_are_refused() {
    let good = to_pem(&certificate(50));
    let key = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
    for bad in [
        "",
        "hello",
        &format!("{key}{good}"),
        &format!("{good}{key}"),
        &good.replace(END, ""),
        &to_pem(b"no"),
    ] {
        assert!(matches!(certificates(bad), Err(SurroundingsError::Pem)), "{bad}");
    }
    assert!(matches!(certificates(&good.repeat(33)), Err(SurroundingsError::TooManyCertificates)));
}

#[test]
fn a_name_that_would_be_two_lines_is_refused() {
    let wanted = |name: &str| Surroundings {
        hosts: BTreeMap::from([(name.to_owned(), Ipv4Addr::LOCALHOST)]),
        ..Surroundings::default()
    };
    assert!(check_hosts(&wanted("auth.openai.com")).is_ok());
    for bad in ["", "a b", "a\n127.0.0.1 b", "a_b", "#"] {
        assert!(check_hosts(&wanted(bad)).is_err(), "{bad:?}");
    }
}

#[test]
fn the_bundle_is_added_to_once() {
    let directory = tempfile::tempdir().unwrap();
    let bundle = directory.path().join("ssl/bundle.crt");
    let pem = to_pem(&certificate(50));
    append(&bundle, &pem).unwrap();
    append(&bundle, &pem).unwrap();
    assert_eq!(fs::read_to_string(&bundle).unwrap(), pem);
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_of_certificates_panic(text in "(-----BEGIN CERTIFICATE-----|-----END CERTIFICATE-----|MII|[ -~\n]){0,12}") {
        let _ = certificates(&text);
    }
}
