//! One viewer: a task that owns its peer, its pictures and its hand.
//!
//! ```text
//!  offered ──check by a viewer, DTLS──▶ connected ──▶ pictures, texts ──▶ over   (removed, closed, or silent for too long)
//!     └──nobody comes──▶ over                └──another offer──▶ ICE restart, the pictures go on
//! ```
//! The library does no I/O: whatever is done to it, its output is taken until it has none, and then one thing is waited for
//! ([`str0m::Rtc`], "Run loop"). When the picture stands still, the direction is set to inactive without a word to the
//! viewer, because the bandwidth estimation would otherwise fill the silence with 50 kbit/s of padding.

mod nap;
mod video;

use std::time::{Duration, Instant};

use anteroom_protocol::{
    desk::Directions,
    stream::{
        DESK_CHANNEL, PeerOffer, PeerRole, PeerStats,
        datagram::{Datagram, Remote},
    },
};
use str0m::{
    Event, IceConnectionState, Input, Output, Rtc, RtcError,
    bwe::{Bitrate, BweKind},
    change::SdpOffer,
    channel::ChannelId,
    media::{Direction, MediaTime, Mid},
    net::Receive,
};
use tokio::sync::{mpsc, oneshot};

use super::{
    Wire, WireError,
    board::Place,
    media,
    offer::{self, OfferError},
    outgoing::Share,
    room::{Ask, Full, Seated},
    source::{Hand, Hands, Pictures, View},
};
use crate::stream::picture::{Codec, Picture};
use video::Video;

/// How long a viewer may take from its offer to the first encrypted word, and how long one that has lost its network may
/// take to come back, by itself or by an ICE restart.
const CONNECT_PATIENCE: Duration = Duration::from_secs(60);
const RETURN_PATIENCE: Duration = Duration::from_secs(30);
/// Packets that may wait for this peer.
const WAITING_PACKETS: usize = 256;

#[derive(Debug, thiserror::Error)]
pub(super) enum PeerError {
    #[error(transparent)]
    Offer(#[from] OfferError),
    /// The library's own words may quote the offer.
    #[error("the offer cannot be answered")]
    NotUnderstood,
    #[error(transparent)]
    Full(#[from] Full),
    #[error("the viewer has gone meanwhile")]
    Ended,
    #[error("nothing can be kept secret here")]
    NoSecrets(#[from] WireError),
}

/// Answers the offer and serves the viewer until it is over.
pub(super) async fn run<P: Pictures, H: Hands>(
    wire: Wire<P, H>,
    seated: Seated,
    offer: PeerOffer,
    answer: oneshot::Sender<Result<String, PeerError>>,
) {
    let (packets, arriving) = mpsc::channel(WAITING_PACKETS);
    let place = wire.0.board.join(packets);
    let now = Instant::now();
    let (rtc, name) = match new_rtc(&wire, now) {
        Ok(made) => made,
        Err(error) => return drop(answer.send(Err(error))),
    };
    place.rename(&name);
    let mut peer = Peer {
        wire: &wire,
        outgoing: wire.0.outgoing.share(),
        rtc,
        place,
        stats: &seated.stats,
        role: offer.role,
        most_bps: offer.most_bps,
        clipboard: offer.clipboard,
        video: None,
        desk: None,
        given_time_at: now,
        give_up_at: now + CONNECT_PATIENCE,
        over: false,
    };
    let first = peer.accept(&offer.sdp);
    if first.is_err() {
        // The seat is free before anybody hears of it.
        drop(seated.asks);
        return drop(answer.send(first));
    }
    // Nobody waits any more when the host has hung up; it asks again if it wants to.
    if answer.send(first).is_err() {
        return;
    }
    peer.serve(seated.asks, arriving).await;
}

/// A peer whose secrets nobody else has, and its name.
pub(super) fn new_rtc<P: Pictures, H: Hands>(
    wire: &Wire<P, H>,
    now: Instant,
) -> Result<(Rtc, String), PeerError> {
    let certificate = wire.certificate()?;
    super::seed_names()?;
    let credentials = media::credentials().map_err(WireError::from)?;
    media::peer(certificate, credentials, now).map_err(|_| PeerError::NotUnderstood)
}

struct Peer<'a, P: Pictures, H: Hands> {
    wire: &'a Wire<P, H>,
    outgoing: Share,
    rtc: Rtc,
    place: Place<'a>,
    stats: &'a std::sync::Mutex<PeerStats>,
    role: PeerRole,
    most_bps: u32,
    clipboard: Directions,
    video: Option<Video<P::View>>,
    desk: Option<OpenDesk<H::Hand>>,
    /// When the library was last told the time without anything else.
    given_time_at: Instant,
    /// When this is over unless the viewer is heard of.
    give_up_at: Instant,
    over: bool,
}

struct OpenDesk<H> {
    channel: ChannelId,
    hand: H,
    /// One that the channel has no room for yet.
    waiting: Option<String>,
}

impl<P: Pictures, H: Hands> Peer<'_, P, H> {
    fn accept(&mut self, sdp: &str) -> Result<String, PeerError> {
        let text = offer::receiving(sdp)?;
        // A restart has new names.
        super::seed_names()?;
        let offer = SdpOffer::from_sdp_string(&text).map_err(|_| PeerError::NotUnderstood)?;
        let answer = self.rtc.sdp_api().accept_offer(offer).map_err(|_| PeerError::NotUnderstood)?;
        self.drain().map_err(|_| PeerError::NotUnderstood)?;
        match &mut self.video {
            // Answering has set the direction anew.
            Some(video) => {
                video.goes_on(None, Instant::now());
            }
            None => {
                let chosen = offer::videos(&text).map(Mid::from).find_map(|mid| {
                    media::choose(&self.rtc, mid).map(|(codec, pt)| Video::new(mid, pt, codec))
                });
                self.video = Some(chosen.ok_or(OfferError::NoCodec)?);
            }
        }
        let name = self.rtc.direct_api().local_ice_credentials().ufrag;
        self.place.rename(&name);
        self.give_up_at = self.give_up_at.max(Instant::now() + RETURN_PATIENCE);
        Ok(answer.to_sdp_string())
    }

    async fn serve(mut self, mut asks: mpsc::Receiver<Ask>, mut packets: mpsc::Receiver<Datagram>) {
        while let Ok(deadline) = self.drain() {
            if self.over || !self.rtc.is_alive() {
                break;
            }
            if self.send_waiting_text() {
                continue;
            }
            let resting = self.video.as_ref().is_some_and(Video::is_still).then_some(self.given_time_at);
            let deadline = nap::until(deadline, self.rtc.last_timeout_reason(), resting);
            let rests_at = self.video.as_ref().and_then(Video::rests_at);
            let wake_at = [Some(deadline), rests_at, self.give_up_at()].into_iter().flatten().min();
            let wake = tokio::time::sleep_until(wake_at.unwrap_or(deadline).into());
            let view = self.video.as_mut().and_then(|video| video.view.as_mut());
            let hand = self.desk.as_ref().filter(|desk| desk.waiting.is_none()).map(|desk| &desk.hand);
            let done = tokio::select! {
                biased;
                ask = asks.recv() => match ask {
                    Some(Ask::Offer { offer, answer }) => {
                        let _ = answer.send(self.accept(&offer.sdp));
                        Ok(())
                    }
                    None => break,
                },
                packet = packets.recv() => match packet {
                    Some(packet) => self.arrived(&packet),
                    None => break,
                },
                Some(text) = next_text(hand) => {
                    if let Some(desk) = &mut self.desk {
                        desk.waiting = Some(text);
                    }
                    Ok(())
                }
                picture = next_picture(view) => match picture {
                    Some(picture) => self.show(&picture),
                    None => break,
                },
                () = wake => self.pass(Instant::now()),
            };
            if let Err(error) = done {
                tracing::debug!("a viewer's connection is broken: {error}");
                break;
            }
        }
        self.part();
    }

    /// Takes everything the library has to say; returns when it wants to be woken.
    fn drain(&mut self) -> Result<Instant, RtcError> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(deadline) => return Ok(deadline),
                Output::Transmit(packet) => {
                    let remote = Remote::new(media::transport(packet.proto), packet.destination);
                    self.note(|stats| stats.sent_bytes += packet.contents.len() as u64);
                    // A full pipe loses packets, as any network does; the estimation notices.
                    let _ = self.outgoing.send(super::packet(remote, &packet.contents));
                }
                Output::Event(event) => self.heed(event),
            }
        }
    }

    fn heed(&mut self, event: Event) {
        match event {
            Event::Connected => self.connected(),
            Event::IceConnectionStateChange(state) => {
                let lost = state == IceConnectionState::Disconnected;
                let connected = self.rtc.is_connected();
                self.note(|stats| stats.connected = connected);
                self.give_up_at = Instant::now() + if lost { RETURN_PATIENCE } else { CONNECT_PATIENCE };
            }
            Event::EgressBitrateEstimate(estimate) => self.estimated(&estimate),
            Event::KeyframeRequest(_) => {
                self.note(|stats| stats.keyframe_requests += 1);
                if let Some(view) = self.video.as_ref().and_then(|video| video.view.as_ref()) {
                    view.ask_for_keyframe();
                }
            }
            Event::ChannelOpen(channel, label) if label == DESK_CHANNEL && self.desk.is_none() => {
                let hand = self.wire.0.desk.join(self.role, self.clipboard);
                self.desk = Some(OpenDesk { channel, hand, waiting: None });
            }
            Event::ChannelData(data) => {
                let desk = self.desk.as_ref().filter(|desk| desk.channel == data.id && !data.binary);
                if let (Some(desk), Ok(text)) = (desk, std::str::from_utf8(&data.data))
                    && desk.hand.receive(text)
                {
                    self.note(|stats| stats.inputs += 1);
                }
            }
            Event::ChannelClose(channel) => {
                self.desk = self.desk.take().filter(|desk| desk.channel != channel);
            }
            Event::Closed => self.over = true,
            _ => {}
        }
    }

    /// The first encrypted word has come: pictures may go out.
    fn connected(&mut self) {
        self.note(|stats| stats.connected = true);
        self.rtc.bwe().set_bitrate(Bitrate::ZERO, Bitrate::bps(u64::from(self.most_bps)));
        if let Some(video) = &mut self.video {
            let view = self.wire.0.studio.watch(video.codec);
            view.set_bitrate(media::encoder_bps(media::FIRST_BPS, self.most_bps));
            video.view = Some(view);
            let codec = match video.codec {
                Codec::H264 => "h264",
                Codec::Vp8 => "vp8",
            };
            self.note(|stats| stats.codec = Some(codec.to_owned()));
        }
    }

    fn estimated(&mut self, estimate: &BweKind) {
        let (BweKind::Twcc { estimate, .. } | BweKind::Remb { estimate, .. }) = estimate else { return };
        let bps = estimate.as_u64();
        self.note(|stats| stats.estimate_bps = bps);
        if let Some(video) = &mut self.video {
            video.backlog.set_rate(bps, Instant::now());
            if let Some(view) = &video.view {
                view.set_bitrate(media::encoder_bps(bps, self.most_bps));
            }
        }
    }

    fn arrived(&mut self, packet: &Datagram) -> Result<(), RtcError> {
        let Remote { transport, address } = packet.remote;
        // What is no packet of WebRTC (RFC 7983) is nothing.
        let Ok(contents) = packet.payload[..].try_into() else { return Ok(()) };
        let input = Input::Receive(
            Instant::now(),
            Receive {
                proto: media::protocol(transport),
                source: address,
                destination: media::reached_at(packet.remote),
                contents,
            },
        );
        if self.rtc.accepts(&input) { self.rtc.handle_input(input) } else { Ok(()) }
    }

    fn show(&mut self, picture: &Picture) -> Result<(), RtcError> {
        let Some(video) = &mut self.video else { return Ok(()) };
        let now = Instant::now();
        if !video.has_room_for(picture, now) {
            self.note(|stats| stats.left_out += 1);
            return Ok(());
        }
        if video.goes_on(Some(picture), now) {
            // The time that it has rested must not be made up for with padding.
            self.rtc.handle_input(Input::Timeout(now))?;
            self.drain()?;
            let Some(video) = &self.video else { return Ok(()) };
            self.rtc.sdp_api().set_direction(video.mid, Direction::SendOnly);
            self.drain()?;
        }
        self.note(|stats| stats.pictures += 1);
        let Some(video) = &mut self.video else { return Ok(()) };
        let time = MediaTime::from_90khz(video.time_of(picture));
        let Some(writer) = self.rtc.writer(video.mid) else { return Ok(()) };
        // A desktop is no film: each picture is to be shown as soon as it is there (the extension playout-delay of webrtc.org).
        let writer = writer.playout_delay(MediaTime::ZERO, MediaTime::ZERO);
        writer.write(video.pt, picture.captured_at, time, &picture.data[..])
    }

    fn pass(&mut self, now: Instant) -> Result<(), RtcError> {
        if self.give_up_at().is_some_and(|at| at <= now) {
            self.over = true;
            return Ok(());
        }
        if let Some(video) = self.video.as_mut().filter(|video| video.rests_at().is_some_and(|at| at <= now))
        {
            video.rests();
            self.rtc.sdp_api().set_direction(video.mid, Direction::Inactive);
            return Ok(());
        }
        self.given_time_at = now;
        self.rtc.handle_input(Input::Timeout(now))
    }

    /// Whether there was a text that the library has to be asked about again.
    fn send_waiting_text(&mut self) -> bool {
        let Some(desk) = &mut self.desk else { return false };
        let (Some(text), Some(mut channel)) = (desk.waiting.take(), self.rtc.channel(desk.channel)) else {
            return false;
        };
        match channel.write(false, text.as_bytes()) {
            Ok(true) => true,
            Ok(false) => {
                // One that never fits must not hold up those behind it.
                let never = channel.buffered_amount() == 0;
                desk.waiting = (!never).then_some(text);
                never
            }
            Err(error) => {
                tracing::debug!("a text for a viewer is lost: {error}");
                true
            }
        }
    }

    fn give_up_at(&self) -> Option<Instant> {
        (!self.rtc.is_connected()).then_some(self.give_up_at)
    }

    /// Tells the viewer that it is over, once and without waiting for an answer.
    fn part(&mut self) {
        if self.rtc.is_alive() && self.rtc.close().is_ok() {
            let _ = self.drain();
        }
    }

    fn note(&self, change: impl FnOnce(&mut PeerStats)) {
        change(&mut self.stats.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

/// Never, when there is no desk, or when its last text still waits.
async fn next_text<H: Hand>(hand: Option<&H>) -> Option<String> {
    match hand {
        Some(hand) => hand.next().await,
        None => None,
    }
}

/// Waits for ever when there are no pictures yet; `None` when there will be no more.
async fn next_picture<V: View>(view: Option<&mut V>) -> Option<Picture> {
    match view {
        Some(view) => view.next().await,
        None => std::future::pending().await,
    }
}
