//! A whole viewer of the same library in its other role, at the far end of a real pipe; the film and the hand are the test's.

mod chromium;
mod film;
mod viewer;

use std::time::Duration;

use anteroom_protocol::{desk::Directions, stream::PeerRole};

use super::peer;
use crate::stream::picture::Codec;
use viewer::{Stage, Viewer, Wish};

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("it takes too long")
}

#[tokio::test]
async fn a_viewer_gets_the_pictures_from_a_keyframe_on_and_speaks_with_the_desk() {
    let stage = Stage::open();
    let mut viewer = Viewer::join(&stage, "one", Wish::default()).await;
    let first = soon(viewer.picture()).await;
    assert_eq!(first, film::key(0), "whole, with its parameter sets");
    assert_eq!(soon(viewer.picture()).await, film::delta(1));
    soon(viewer.say("hello")).await;
    assert_eq!(soon(viewer.heard()).await, "controller heard hello");
    let stats = stage.wire.0.room.stats();
    assert_eq!(stats.peers.len(), 1);
    let peer = &stats.peers[0];
    assert_eq!(peer.inputs, 1);
    assert!(peer.connected && peer.pictures >= 2 && peer.codec.as_deref() == Some("h264"), "{peer:?}");
}

/// What both have drawn before is the same in two copies of one machine.
#[tokio::test]
async fn copies_of_one_process_share_no_certificate_and_no_name() {
    let made = || {
        let stage = Stage::open();
        assert!(stage.wire.0.certificate.get().is_none(), "nothing is drawn before the first offer");
        fastrand::seed(7);
        let (mut rtc, _) = peer::new_rtc(&stage.wire, std::time::Instant::now()).unwrap();
        assert!(stage.wire.0.certificate.get().is_some());
        let names = rtc.direct_api().local_ice_credentials();
        (names.ufrag, names.pass)
    };
    let (one, other) = (made(), made());
    assert!(one.0 != other.0 && one.1 != other.1, "{one:?} {other:?}");
}

#[tokio::test]
async fn the_codec_is_the_one_that_the_viewer_likes_best() {
    let stage = Stage::open();
    let mut viewer = Viewer::join(&stage, "one", Wish { codec: Codec::Vp8, ..Wish::default() }).await;
    soon(viewer.picture()).await;
    assert_eq!(stage.film.watched(), [Codec::Vp8]);
}

#[tokio::test]
async fn a_viewer_that_has_lost_its_place_is_given_a_keyframe() {
    let stage = Stage::open();
    let mut viewer = Viewer::join(&stage, "one", Wish::default()).await;
    soon(viewer.picture()).await;
    viewer.ask_for_keyframe();
    soon(async { while viewer.picture().await[4] & 0x1f != film::SPS_TYPE {} }).await;
    assert_eq!(stage.film.asked(), 1);
}

#[tokio::test]
async fn packets_that_are_lost_are_sent_again() {
    let stage = Stage::open();
    let mut viewer = Viewer::join(&stage, "one", Wish { loses_one_in: Some(20), ..Wish::default() }).await;
    // Sixty pictures of several packets each: without repetition some of them would be missing.
    let mut expected = 0;
    while expected < 60 {
        let picture = soon(viewer.picture()).await;
        let number = film::number_of(&picture);
        assert_eq!(number, expected, "nothing is left out");
        expected = number + 1;
    }
    assert!(viewer.lost() > 0);
}

#[tokio::test]
async fn the_encoder_is_told_what_the_network_takes() {
    let stage = Stage::open();
    let mut viewer = Viewer::join(&stage, "one", Wish::default()).await;
    soon(async {
        while stage.film.rate() <= 2_000_000 {
            viewer.picture().await;
        }
    })
    .await;
    assert!(stage.film.rate() <= Wish::default().most_bps);
}

#[tokio::test]
async fn a_viewer_that_changes_its_network_goes_on_with_the_same_pictures() {
    let stage = Stage::open();
    let mut viewer = Viewer::join(&stage, "one", Wish::default()).await;
    soon(viewer.picture()).await;
    viewer.move_to("[2001:db8::77]:6000", &stage, "one").await;
    soon(async {
        while !viewer.has_moved() {
            viewer.picture().await;
        }
    })
    .await;
    soon(viewer.picture()).await;
    soon(viewer.say("still me")).await;
    assert_eq!(soon(viewer.heard()).await, "controller heard still me");
    assert_eq!(stage.film.watched().len(), 1, "it is the same peer");
}

#[tokio::test]
async fn a_still_picture_costs_next_to_nothing() {
    let stage = Stage::open();
    let mut viewer = Viewer::join(&stage, "one", Wish::default()).await;
    soon(viewer.picture()).await;
    stage.film.pause();
    // Until the last pictures, the probes and what goes with them have passed.
    viewer.watch_for(Duration::from_secs(4)).await;
    let before = viewer.received_bytes();
    viewer.watch_for(Duration::from_secs(4)).await;
    let bps = (viewer.received_bytes() - before) * 8 / 4;
    assert!(bps < 5_000, "{bps} bit/s");
    stage.film.go_on();
    soon(viewer.picture()).await;
}

#[tokio::test]
async fn who_only_looks_is_told_so_to_the_desk_and_no_more_than_eight_may() {
    let stage = Stage::open();
    let mut viewers = Vec::new();
    for number in 0..8 {
        let wish = Wish { role: PeerRole::Viewer, ..Wish::default() };
        viewers.push(Viewer::join(&stage, &number.to_string(), wish).await);
    }
    let refused = Viewer::refused(&stage, "nine").await;
    assert_eq!(refused, "8 viewers are looking already");
    soon(viewers[0].say("x")).await;
    assert_eq!(soon(viewers[0].heard()).await, "viewer heard x");
    assert!(stage.wire.0.room.stats().peers.iter().all(|peer| peer.inputs == 0), "who looks does nothing");
    assert!(stage.wire.0.room.remove("0"));
    soon(viewers[0].closed()).await;
    Viewer::join(&stage, "nine", Wish::default()).await;
}

#[tokio::test]
async fn what_the_host_lets_a_clipboard_do_is_told_to_the_desk() {
    let stage = Stage::open();
    let wish = Wish { clipboard: Directions::NONE, ..Wish::default() };
    let mut viewer = Viewer::join(&stage, "one", wish).await;
    soon(viewer.say("x")).await;
    assert_eq!(soon(viewer.heard()).await, "controller heard x behind a closed clipboard");
}

#[tokio::test]
async fn an_offer_that_cannot_be_answered_is_refused_and_leaves_no_seat() {
    let stage = Stage::open();
    let offer = |sdp: &str| PeerOfferOf(sdp).into();
    for (sdp, expected) in [
        ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n", "the offer does not ask for a video"),
        ("v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=nonsense", "the offer cannot be answered"),
        ("hello", "the offer is no session description"),
    ] {
        let error = stage.wire.answer("x", offer(sdp)).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    assert!(Viewer::refused_codec(&stage).await.starts_with("the offer has no codec"));
    assert!(stage.wire.0.room.stats().peers.is_empty());
}

struct PeerOfferOf<'a>(&'a str);

impl From<PeerOfferOf<'_>> for anteroom_protocol::stream::PeerOffer {
    fn from(PeerOfferOf(sdp): PeerOfferOf<'_>) -> Self {
        Self {
            sdp: sdp.to_owned(),
            role: PeerRole::Controller,
            most_bps: 8_000_000,
            clipboard: Directions::BOTH,
        }
    }
}

#[tokio::test]
async fn nobody_who_does_not_know_the_password_gets_an_answer() {
    let stage = Stage::open();
    let viewer = Viewer::offer(&stage, "one", Wish::default()).await;
    let stranger = viewer.check_with_another_password();
    stage.inject(stranger).await;
    // The pipe keeps its order: had the check been answered, the answer would come before that of the viewer itself.
    let mut viewer = viewer;
    soon(viewer.picture()).await;
    assert!(!viewer.saw_packets_for_others());
}
