//! The viewer, and the pipe between it and the role; the test plays the host's relay.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anteroom_protocol::{
    desk::Directions,
    stream::{
        DESK_CHANNEL, PeerOffer, PeerRole,
        datagram::{Datagram, Remote, Transport},
    },
};
use bytes::BytesMut;
use str0m::{
    Candidate, Event, Input, Output, Rtc, RtcConfig,
    change::{SdpAnswer, SdpPendingOffer},
    channel::ChannelId,
    media::{Direction, KeyframeRequestKind, MediaKind, Mid},
    net::{Protocol, Receive},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UdpSocket, UnixListener, UnixStream},
    sync::{Mutex, mpsc},
    task::JoinSet,
};

use super::{
    super::{Wire, pipe},
    film::{Film, Parrot},
};
use crate::stream::picture::Codec;

/// Where the host would be reached.
const RELAY_V4: &str = "203.0.113.1:4000";
const RELAY_V6: &str = "[2001:db8:1::1]:4000";

type Inbox = Arc<std::sync::Mutex<Vec<(SocketAddr, mpsc::UnboundedSender<Datagram>)>>>;

/// The role's wire, with a pipe that carries.
pub(super) struct Stage {
    pub(super) wire: Wire<Film, Parrot>,
    pub(super) film: Film,
    to_guest: mpsc::UnboundedSender<Datagram>,
    inbox: Inbox,
    strays: Arc<Mutex<usize>>,
    _tasks: JoinSet<()>,
    _directory: TempDir,
}

impl Stage {
    pub(super) fn open() -> Self {
        Self::open_on(None)
    }

    /// With a real network for whoever has no inbox.
    pub(super) fn open_on(udp: Option<UdpSocket>) -> Self {
        let udp = udp.map(Arc::new);
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("pipe")).unwrap();
        let film = Film::default();
        let (wire, packets) = Wire::new(film.clone(), Parrot);
        let mut tasks = JoinSet::new();
        tasks.spawn(pipe::carry(wire.clone(), listener, packets));
        let (to_guest, mut outgoing) = mpsc::unbounded_channel::<Datagram>();
        let (inbox, strays) = (Inbox::default(), Arc::new(Mutex::new(0)));
        let path = directory.path().join("pipe");
        let (boxes, lost, network) = (inbox.clone(), strays.clone(), udp.clone());
        if let Some(udp) = udp {
            let to_guest = to_guest.clone();
            tasks.spawn(async move {
                let mut buffer = [0; 1500];
                while let Ok((length, from)) = udp.recv_from(&mut buffer).await {
                    let payload = buffer[..length].to_vec().into();
                    let _ = to_guest.send(Datagram { remote: Remote::new(Transport::Udp, from), payload });
                }
            });
        }
        tasks.spawn(async move {
            let (mut from_guest, mut pipe) = UnixStream::connect(path).await.unwrap().into_split();
            let down = async {
                let mut bytes = BytesMut::new();
                while let Some(datagram) = outgoing.recv().await {
                    datagram.write(&mut bytes).unwrap();
                    pipe.write_all(&bytes.split()).await.unwrap();
                }
            };
            let up = async {
                let mut bytes = BytesMut::new();
                while from_guest.read_buf(&mut bytes).await.unwrap() > 0 {
                    while let Some(datagram) = Datagram::read(&mut bytes).unwrap() {
                        let known = boxes
                            .lock()
                            .unwrap()
                            .iter()
                            .find(|(address, _)| *address == datagram.remote.address)
                            .map(|(_, to)| to.clone());
                        match (known, &network) {
                            (Some(to), _) => drop(to.send(datagram)),
                            (None, Some(udp)) => {
                                let _ = udp.send_to(&datagram.payload, datagram.remote.address).await;
                            }
                            (None, None) => *lost.lock().await += 1,
                        }
                    }
                }
            };
            tokio::join!(up, down);
        });
        Self { wire, film, to_guest, inbox, strays, _tasks: tasks, _directory: directory }
    }

    pub(super) async fn inject(&self, datagram: Datagram) {
        self.to_guest.send(datagram).unwrap();
    }
}

/// How a viewer is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    pub(super) codec: Codec,
    pub(super) role: PeerRole,
    pub(super) most_bps: u32,
    pub(super) clipboard: Directions,
    pub(super) loses_one_in: Option<usize>,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            codec: Codec::H264,
            role: PeerRole::Controller,
            most_bps: 8_000_000,
            clipboard: Directions::BOTH,
            loses_one_in: None,
        }
    }
}

pub(super) struct Viewer {
    rtc: Rtc,
    mid: Mid,
    desk: ChannelId,
    open: bool,
    here: SocketAddr,
    moved: bool,
    packets: mpsc::UnboundedReceiver<Datagram>,
    to_guest: mpsc::UnboundedSender<Datagram>,
    strays: Arc<Mutex<usize>>,
    pictures: VecDeque<Vec<u8>>,
    texts: VecDeque<String>,
    loses_one_in: Option<usize>,
    arrived: usize,
    lost: usize,
    bytes: usize,
    over: bool,
    name: String,
}

pub(super) fn sdp_without_candidates(sdp: &str) -> String {
    sdp.lines().filter(|line| !line.starts_with("a=candidate")).flat_map(|line| [line, "\r\n"]).collect()
}

fn offering(codec: Option<Codec>) -> (Rtc, Mid, ChannelId, str0m::change::SdpOffer, SdpPendingOffer) {
    let mut config = RtcConfig::new()
        .clear_codecs()
        .enable_vp8(codec == Some(Codec::Vp8))
        .enable_h264(codec == Some(Codec::H264))
        .enable_vp9(codec.is_none())
        .set_reordering_size_video(200);
    if codec == Some(Codec::Vp8) {
        config.codec_config().enable_h264(true);
    }
    let mut rtc = config.build(Instant::now());
    let mut change = rtc.sdp_api();
    let mid = change.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
    let desk = change.add_channel(DESK_CHANNEL.to_owned());
    let (offer, pending) = change.apply().unwrap();
    (rtc, mid, desk, offer, pending)
}

impl Viewer {
    /// Offers, and takes the answer as the host would hand it on.
    pub(super) async fn offer(stage: &Stage, id: &str, wish: Wish) -> Self {
        let (mut rtc, mid, desk, offer, pending) = offering(Some(wish.codec));
        let port = 5000 + u16::try_from(stage.inbox.lock().unwrap().len()).unwrap();
        let here = SocketAddr::new([198, 51, 100, 7].into(), port);
        rtc.add_local_candidate(Candidate::host(here, Protocol::Udp).unwrap());
        while let Output::Event(_) | Output::Transmit(_) = rtc.poll_output().unwrap() {}
        let offer = PeerOffer {
            sdp: offer.to_sdp_string(),
            role: wish.role,
            most_bps: wish.most_bps,
            clipboard: wish.clipboard,
        };
        let answer = stage.wire.answer(id, offer).await.unwrap();
        let name = answer.sdp.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).unwrap().to_owned();
        let answer = SdpAnswer::from_sdp_string(&sdp_without_candidates(&answer.sdp)).unwrap();
        rtc.sdp_api().accept_answer(pending, answer).unwrap();
        let (inbox, packets) = mpsc::unbounded_channel();
        stage.inbox.lock().unwrap().push((here, inbox));
        let mut viewer = Self {
            rtc,
            mid,
            desk,
            open: false,
            here,
            moved: false,
            packets,
            to_guest: stage.to_guest.clone(),
            strays: stage.strays.clone(),
            pictures: VecDeque::new(),
            texts: VecDeque::new(),
            loses_one_in: wish.loses_one_in,
            arrived: 0,
            lost: 0,
            bytes: 0,
            over: false,
            name,
        };
        viewer.drain();
        let relay = Candidate::host(RELAY_V4.parse().unwrap(), Protocol::Udp).unwrap();
        viewer.rtc.add_remote_candidate(relay);
        viewer
    }

    /// And is connected.
    pub(super) async fn join(stage: &Stage, id: &str, wish: Wish) -> Self {
        let mut viewer = Self::offer(stage, id, wish).await;
        super::soon(async {
            while !viewer.open {
                viewer.step(None).await;
            }
        })
        .await;
        viewer
    }

    pub(super) async fn refused(stage: &Stage, id: &str) -> String {
        let (.., offer, _) = offering(Some(Codec::H264));
        let offer = PeerOffer {
            sdp: offer.to_sdp_string(),
            role: PeerRole::Viewer,
            most_bps: 1,
            clipboard: Directions::BOTH,
        };
        stage.wire.answer(id, offer).await.unwrap_err().to_string()
    }

    pub(super) async fn refused_codec(stage: &Stage) -> String {
        let (.., offer, _) = offering(None);
        let offer = PeerOffer {
            sdp: offer.to_sdp_string(),
            role: PeerRole::Viewer,
            most_bps: 1,
            clipboard: Directions::BOTH,
        };
        stage.wire.answer("vp9", offer).await.unwrap_err().to_string()
    }

    pub(super) async fn picture(&mut self) -> Vec<u8> {
        loop {
            if let Some(picture) = self.pictures.pop_front() {
                return picture;
            }
            assert!(!self.over, "the connection is closed");
            self.step(None).await;
        }
    }

    pub(super) async fn say(&mut self, text: &str) {
        while !self.rtc.channel(self.desk).unwrap().write(false, text.as_bytes()).unwrap() {
            self.step(None).await;
        }
        self.drain();
    }

    pub(super) async fn heard(&mut self) -> String {
        while self.texts.is_empty() {
            self.step(None).await;
        }
        self.texts.pop_front().unwrap()
    }

    pub(super) async fn closed(&mut self) {
        while !self.over && self.rtc.is_alive() {
            self.step(None).await;
        }
    }

    pub(super) async fn watch_for(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.step(Some(end)).await;
        }
    }

    pub(super) fn ask_for_keyframe(&mut self) {
        let mut writer = self.rtc.writer(self.mid).unwrap();
        writer.request_keyframe(None, KeyframeRequestKind::Pli).unwrap();
        self.drain();
    }

    /// Takes another address and restarts ICE, as a browser does when its network changes.
    pub(super) async fn move_to(&mut self, address: &str, stage: &Stage, id: &str) {
        self.here = address.parse().unwrap();
        let (inbox, packets) = mpsc::unbounded_channel();
        stage.inbox.lock().unwrap().push((self.here, inbox));
        self.packets = packets;
        let mut change = self.rtc.sdp_api();
        change.ice_restart(false);
        let (offer, pending) = change.apply().unwrap();
        self.drain();
        let offer = PeerOffer {
            sdp: offer.to_sdp_string(),
            role: PeerRole::Controller,
            most_bps: 8_000_000,
            clipboard: Directions::BOTH,
        };
        let answer = stage.wire.answer(id, offer).await.unwrap();
        let name = answer.sdp.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).unwrap();
        assert_ne!(name, self.name);
        let answer = SdpAnswer::from_sdp_string(&sdp_without_candidates(&answer.sdp)).unwrap();
        self.rtc.sdp_api().accept_answer(pending, answer).unwrap();
        self.drain();
        self.rtc.add_local_candidate(Candidate::host(self.here, Protocol::Udp).unwrap());
        self.drain();
        self.rtc.add_remote_candidate(Candidate::host(RELAY_V6.parse().unwrap(), Protocol::Udp).unwrap());
        self.drain();
        self.pictures.clear();
    }

    /// Whether a packet has come on the new path.
    pub(super) fn has_moved(&self) -> bool {
        self.moved
    }

    pub(super) fn lost(&self) -> usize {
        self.lost
    }

    pub(super) fn received_bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn saw_packets_for_others(&self) -> bool {
        self.strays.try_lock().is_ok_and(|strays| *strays > 0)
    }

    /// From an address of nobody's: the name is right, the password is not.
    pub(super) fn check_with_another_password(&self) -> Datagram {
        let mut packet = b"\x00\x01\x00\x00\x21\x12\xa4\x42aaaaaaaaaaaa".to_vec();
        let username = format!("{}:abcd", self.name);
        packet.extend([0, 6, 0, u8::try_from(username.len()).unwrap()]);
        packet.extend(username.as_bytes());
        packet.resize(packet.len().next_multiple_of(4), 0);
        packet.extend(
            b"\x00\x24\x00\x04\x6e\x00\x01\xff\x80\x29\x00\x08aaaaaaaa\x00\x08\x00\x14bbbbbbbbbbbbbbbbbbbb",
        );
        let length = u16::try_from(packet.len() - 20).unwrap().to_be_bytes();
        packet[2..4].copy_from_slice(&length);
        let remote = Remote::new(Transport::Udp, "198.51.100.200:1".parse().unwrap());
        Datagram { remote, payload: packet.into() }
    }

    fn relay(&self) -> SocketAddr {
        if self.here.is_ipv4() { RELAY_V4 } else { RELAY_V6 }.parse().unwrap()
    }

    fn drain(&mut self) -> Instant {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(at) => return at,
                Output::Transmit(packet) => {
                    let remote = Remote::new(Transport::Udp, packet.source);
                    let payload = packet.contents.to_vec().into();
                    let _ = self.to_guest.send(Datagram { remote, payload });
                }
                Output::Event(event) => self.heed(event),
            }
        }
    }

    fn heed(&mut self, event: Event) {
        match event {
            Event::MediaData(media) => self.pictures.push_back(media.data.to_vec()),
            Event::ChannelOpen(id, _) => self.open |= id == self.desk,
            Event::ChannelData(data) => self.texts.push_back(String::from_utf8(data.data).unwrap()),
            Event::Closed => self.over = true,
            _ => {}
        }
    }

    async fn step(&mut self, until: Option<Instant>) {
        let at = self.drain();
        let at = until.map_or(at, |until| until.min(at));
        tokio::select! {
            () = tokio::time::sleep_until(at.into()) => {
                self.rtc.handle_input(Input::Timeout(Instant::now())).unwrap();
            }
            packet = self.packets.recv() => self.take(&packet.unwrap()),
        }
        self.drain();
    }

    fn take(&mut self, packet: &Datagram) {
        self.bytes += packet.payload.len();
        self.moved |= self.here.is_ipv6();
        // RTP has its first byte from 128 to 191 (RFC 7983); what sets the connection up is never lost here.
        if (128..192).contains(&packet.payload[0]) {
            self.arrived += 1;
            if self.loses_one_in.is_some_and(|one_in| self.arrived.is_multiple_of(one_in)) {
                self.lost += 1;
                return;
            }
        }
        let Ok(contents) = packet.payload[..].try_into() else { return };
        let receive =
            Receive { proto: Protocol::Udp, source: self.relay(), destination: self.here, contents };
        self.rtc.handle_input(Input::Receive(Instant::now(), receive)).unwrap();
    }
}
