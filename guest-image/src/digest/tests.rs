use super::*;

#[test]
fn a_digest_reads_back_what_it_writes() {
    let digest = Digest::of(b"anteroom");
    assert_eq!(digest.to_string().parse(), Ok(digest));
    assert_eq!(
        Digest::of(b"").to_string(),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
}

#[test]
fn text_that_is_no_digest_is_refused() {
    for text in ["", "e3b0", &"g".repeat(64), &"é".repeat(32)] {
        assert_eq!(text.parse::<Digest>(), Err(NotADigest), "{text}");
    }
}

#[test]
fn fields_do_not_run_into_one_another() {
    let digest = |fields: [&[u8]; 2]| {
        let mut hasher = Hasher::default();
        fields.iter().for_each(|field| {
            hasher.field(field);
        });
        hasher.finish()
    };
    assert_ne!(digest([b"ab", b"c"]), digest([b"a", b"bc"]));
}

#[test]
fn a_uuid_has_the_usual_shape() {
    let uuid = Digest::of(b"anteroom").as_uuid();
    assert_eq!(uuid.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
}
