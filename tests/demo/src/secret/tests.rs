use super::Secret;

#[test]
fn a_printed_secret_shows_nothing_of_itself() {
    assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(..)");
}

#[test]
fn two_random_secrets_differ_and_fit_a_url() {
    let (one, other) = (Secret::random().unwrap(), Secret::random().unwrap());
    assert_ne!(one, other);
    assert_eq!(one.reveal().len(), 43);
    assert!(one.reveal().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
}
