//! An endless film of made-up pictures, and a hand that repeats what it hears.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anteroom_protocol::{desk::Directions, stream::PeerRole};
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::stream::{
    picture::{Codec, Cost, Picture},
    wire::source::{Hand, Hands, Pictures, View},
};

pub(super) const SPS_TYPE: u8 = 7;
/// Several packets each.
const PICTURE_BYTES: usize = 5000;
const START: [u8; 4] = [0, 0, 0, 1];

/// A keyframe as Annex B: parameter sets and a slice that holds its number.
pub(super) fn key(number: u32) -> Vec<u8> {
    let slice = slice(0x65, number);
    [&START[..], &[0x67, 1, 2, 3], &START, &[0x68, 4, 5], &START, &slice].concat()
}

pub(super) fn delta(number: u32) -> Vec<u8> {
    [&START[..], &slice(0x41, number)].concat()
}

fn slice(kind: u8, number: u32) -> Vec<u8> {
    let mut slice = vec![0xaa; PICTURE_BYTES];
    slice[0] = kind;
    for (byte, digit) in slice[1..9].iter_mut().zip(format!("{number:08}").bytes()) {
        *byte = digit;
    }
    slice
}

/// The number of a picture.
pub(super) fn number_of(picture: &[u8]) -> u32 {
    let at = picture.len() - PICTURE_BYTES + 1;
    std::str::from_utf8(&picture[at..at + 8]).unwrap().parse().unwrap()
}

#[derive(Debug, Clone, Default)]
pub(super) struct Film(Arc<Cinema>);

#[derive(Debug, Default)]
struct Cinema {
    watched: Mutex<Vec<Codec>>,
    asked: AtomicUsize,
    rate: AtomicU32,
    paused: AtomicBool,
}

impl Film {
    pub(super) fn watched(&self) -> Vec<Codec> {
        self.0.watched.lock().unwrap().clone()
    }

    /// How often a keyframe was asked for.
    pub(super) fn asked(&self) -> usize {
        self.0.asked.load(Ordering::SeqCst)
    }

    pub(super) fn rate(&self) -> u32 {
        self.0.rate.load(Ordering::SeqCst)
    }

    pub(super) fn pause(&self) {
        self.0.paused.store(true, Ordering::SeqCst);
    }

    pub(super) fn go_on(&self) {
        self.0.paused.store(false, Ordering::SeqCst);
    }
}

impl Pictures for Film {
    type View = Seat;

    fn watch(&self, codec: Codec) -> Seat {
        self.0.watched.lock().unwrap().push(codec);
        let frames = tokio::time::interval(Duration::from_millis(33));
        Seat { cinema: Arc::clone(&self.0), frames, number: 0, seen_asked: 0 }
    }
}

pub(super) struct Seat {
    cinema: Arc<Cinema>,
    frames: tokio::time::Interval,
    number: u32,
    seen_asked: usize,
}

impl View for Seat {
    async fn next(&mut self) -> Option<Picture> {
        loop {
            self.frames.tick().await;
            if !self.cinema.paused.load(Ordering::SeqCst) {
                break;
            }
        }
        let asked = self.cinema.asked.load(Ordering::SeqCst);
        let is_key = self.number == 0 || asked > self.seen_asked;
        self.seen_asked = asked;
        let data: Bytes = if is_key { key(self.number) } else { delta(self.number) }.into();
        self.number += 1;
        Some(Picture {
            data,
            key: is_key,
            repeats: false,
            captured_at: Instant::now(),
            cost: Cost::default(),
        })
    }

    fn ask_for_keyframe(&self) {
        self.cinema.asked.fetch_add(1, Ordering::SeqCst);
    }

    fn set_bitrate(&self, bps: u32) {
        self.cinema.rate.store(bps, Ordering::SeqCst);
    }
}

#[derive(Debug)]
pub(super) struct Parrot;

pub(super) struct Beak {
    role: PeerRole,
    clipboard: Directions,
    say: mpsc::Sender<String>,
    said: tokio::sync::Mutex<mpsc::Receiver<String>>,
}

impl Hands for Parrot {
    type Hand = Beak;

    fn join(&self, role: PeerRole, clipboard: Directions) -> Beak {
        let (say, said) = mpsc::channel(8);
        Beak { role, clipboard, say, said: tokio::sync::Mutex::new(said) }
    }
}

impl Hand for Beak {
    fn receive(&self, text: &str) -> bool {
        let who = match self.role {
            PeerRole::Controller => "controller",
            PeerRole::Viewer => "viewer",
        };
        let closed = if self.clipboard == Directions::BOTH { "" } else { " behind a closed clipboard" };
        self.say.try_send(format!("{who} heard {text}{closed}")).unwrap();
        self.role == PeerRole::Controller
    }

    async fn next(&self) -> Option<String> {
        self.said.lock().await.recv().await
    }
}
