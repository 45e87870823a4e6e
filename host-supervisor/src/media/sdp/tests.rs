use proptest::prelude::*;

use super::*;

const PASSWORD: &str = "a2345678901234567890bcde";

fn description(ufrag: &str, more: &str) -> String {
    format!(
        "v=0\r\no=- 42 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=fingerprint:sha-256 AA:BB\r\n\
         m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:v\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{PASSWORD}\r\n{more}"
    )
}

#[test]
fn an_answer_has_our_candidates_and_none_of_the_guests() {
    let answer = description(
        "name",
        concat!(
            "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\na=end-of-candidates\r\na=remote-candidates:1 10.0.0.1 1\r\n",
            "m=application 22 UDP/DTLS/SCTP webrtc-datachannel\r\na=candidate:2 1 udp 1 10.0.0.1 22 typ host\r\n",
            "c=IN IP4 10.0.0.1\r\na=rtcp:22 IN IP4 10.0.0.1\r\nm=audio 0 RTP/SAVPF 0\r\n",
        ),
    );
    let ours = ["candidate:1 1 udp 2130706431 203.0.113.5 4000 typ host".to_owned()];
    let published = Published::new(&answer, &ours).unwrap();
    assert_eq!(published.name, "name");
    let expected = description(
        "name",
        concat!(
            "a=candidate:1 1 udp 2130706431 203.0.113.5 4000 typ host\r\na=end-of-candidates\r\n",
            "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\nm=audio 0 RTP/SAVPF 0\r\n",
        ),
    );
    assert_eq!(published.sdp, expected);
    assert_eq!(
        published.fragment(),
        format!(
            "a=ice-lite\r\na=ice-ufrag:name\r\na=ice-pwd:{PASSWORD}\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:v\r\n\
             a=candidate:1 1 udp 2130706431 203.0.113.5 4000 typ host\r\na=end-of-candidates\r\n"
        )
    );
}

#[test]
fn what_cannot_be_an_offer_is_refused_with_what_is_missing() {
    assert!(Offer::parse(&description("abcd", "")).is_ok());
    let without = |name: &str| {
        description("abcd", "")
            .lines()
            .filter(|line| !line.starts_with(name))
            .collect::<Vec<_>>()
            .join("\r\n")
    };
    assert_eq!(Offer::parse(&without("a=fingerprint")), Err(SdpError::NoFingerprint));
    assert_eq!(Offer::parse(&without("a=ice-pwd")), Err(SdpError::NoCredentials));
    assert_eq!(Offer::parse(&without("v=0")), Err(SdpError::NoDescription));
    assert_eq!(Offer::parse(&description("a b", "")), Err(SdpError::NoCredentials));
    assert_eq!(Offer::parse(&description("abcd", "a=x\u{1b}[31m\r\n")), Err(SdpError::NoDescription));
    let many = "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n".repeat(65);
    assert_eq!(Offer::parse(&description("abcd", &many)), Err(SdpError::TooManyCandidates));
    assert_eq!(Offer::parse(&description("abcd", &"a=x\r\n".repeat(20_000))), Err(SdpError::TooLarge));
}

#[test]
fn a_restart_is_told_from_another_connection() {
    let first = Offer::parse(&description("abcd", "")).unwrap();
    let restart = Offer::parse(&description("efgh", "")).unwrap();
    assert!(first.is_of_the_same_connection(&restart));
    for (old, new) in [("42", "43"), ("AA:BB", "AA:CC")] {
        let other = Offer::parse(&description("abcd", "").replace(old, new)).unwrap();
        assert!(!first.is_of_the_same_connection(&other));
    }
}

#[test]
fn a_fragment_with_credentials_makes_another_offer() {
    let offer = Offer::parse(&description("abcd", "a=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\n")).unwrap();
    let other = "z2345678901234567890bcde";
    let fragment = Fragment::parse(&format!("a=ice-ufrag:efgh\r\na=ice-pwd:{other}\r\n")).unwrap();
    let restart = offer.with_credentials(&fragment.ufrag.unwrap(), &fragment.password.unwrap()).unwrap();
    assert_eq!(restart.sdp(), description("efgh", "").replace(PASSWORD, other));
    assert!(Fragment::parse("a=ice-ufrag:e\r\n").is_err());
    assert_eq!(Fragment::parse("a=candidate:1 x\r\na=candidate:2 y\r\n").unwrap().candidates, 2);
    assert!(offer.with_credentials("efgh\r\na=x", other).is_err());
}

proptest! {
    #[test]
    fn no_answer_of_a_guest_brings_an_address_of_its_own_to_a_viewer(
        lines in proptest::collection::vec(prop_oneof![
            Just("a=candidate:1 1 udp 1 10.0.0.1 22 typ host".to_owned()),
            Just("m=video 9 X 96".to_owned()),
            Just("a=ice-ufrag:abcd".to_owned()),
            Just(format!("a=ice-pwd:{PASSWORD}")),
            "[ -~]{0,40}",
        ], 0..20),
        end in prop_oneof![Just("\r\n"), Just("\n")],
    ) {
        let answer = format!("v=0{end}{}", lines.join(end));
        if let Ok(published) = Published::new(&answer, &["candidate:ours".to_owned()]) {
            let candidates: Vec<&str> = published.sdp.lines().filter(|line| line.starts_with("a=candidate")).collect();
            prop_assert_eq!(candidates, ["a=candidate:ours"]);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        let _ = Offer::parse(&text);
        let _ = Fragment::parse(&text);
        let _ = Published::new(&text, &[]);
        let _ = Offer::parse(&format!("v=0\r\n{text}"));
    }
}
