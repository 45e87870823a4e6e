//! A film as a WebM file (RFC 9559 with the limits of WebM): one track of VP8, written as it comes.
//!
//! ```text
//!  EBML │ Segment: room, Info, Tracks │ Cluster │ Cluster │ … │ Cues
//!                   ▲                                           where one can jump to
//!                   └─ what is known at the end only: where the cues are, how long it takes
//! ```
//! What was written plays, whenever it is broken off; then one cannot jump in it. Written here because the crates for Matroska
//! write elements, which is the smaller part of it.

#[cfg(test)]
mod tests;

use std::io::{self, Write};

use super::ebml::{UNKNOWN_SIZE, element, float, id_bytes, long_size, number, parent, room, text};

/// Ids (RFC 9559, section 5.1).
mod id {
    pub(super) const EBML: u32 = 0x1a45_dfa3;
    pub(super) const EBML_VERSION: u32 = 0x4286;
    pub(super) const EBML_READ_VERSION: u32 = 0x42f7;
    pub(super) const EBML_MAX_ID_LENGTH: u32 = 0x42f2;
    pub(super) const EBML_MAX_SIZE_LENGTH: u32 = 0x42f3;
    pub(super) const DOC_TYPE: u32 = 0x4282;
    pub(super) const DOC_TYPE_VERSION: u32 = 0x4287;
    pub(super) const DOC_TYPE_READ_VERSION: u32 = 0x4285;
    pub(super) const SEGMENT: u32 = 0x1853_8067;
    pub(super) const SEEK_HEAD: u32 = 0x114d_9b74;
    pub(super) const SEEK: u32 = 0x4dbb;
    pub(super) const SEEK_ID: u32 = 0x53ab;
    pub(super) const SEEK_POSITION: u32 = 0x53ac;
    pub(super) const INFO: u32 = 0x1549_a966;
    pub(super) const TIMESTAMP_SCALE: u32 = 0x002a_d7b1;
    pub(super) const DURATION: u32 = 0x4489;
    pub(super) const MUXING_APP: u32 = 0x4d80;
    pub(super) const WRITING_APP: u32 = 0x5741;
    pub(super) const TRACKS: u32 = 0x1654_ae6b;
    pub(super) const TRACK_ENTRY: u32 = 0xae;
    pub(super) const TRACK_NUMBER: u32 = 0xd7;
    pub(super) const TRACK_UID: u32 = 0x73c5;
    pub(super) const TRACK_TYPE: u32 = 0x83;
    pub(super) const FLAG_LACING: u32 = 0x9c;
    pub(super) const CODEC_ID: u32 = 0x86;
    pub(super) const VIDEO: u32 = 0xe0;
    pub(super) const PIXEL_WIDTH: u32 = 0xb0;
    pub(super) const PIXEL_HEIGHT: u32 = 0xba;
    pub(super) const CLUSTER: u32 = 0x1f43_b675;
    pub(super) const TIMESTAMP: u32 = 0xe7;
    pub(super) const SIMPLE_BLOCK: u32 = 0xa3;
    pub(super) const CUES: u32 = 0x1c53_bb6b;
    pub(super) const CUE_POINT: u32 = 0xbb;
    pub(super) const CUE_TIME: u32 = 0xb3;
    pub(super) const CUE_TRACK_POSITIONS: u32 = 0xb7;
    pub(super) const CUE_TRACK: u32 = 0xf7;
    pub(super) const CUE_CLUSTER_POSITION: u32 = 0xf1;
}

/// The number of the one track.
const TRACK: u8 = 1;
/// Blocks count time from their cluster's in 16 bits; and what is not written so far is lost when this ends.
const MAX_CLUSTER_MS: u64 = 2000;
const MAX_CLUSTER_BYTES: usize = 4 * 1024 * 1024;

#[derive(Debug, thiserror::Error)]
pub(super) enum FilmError {
    #[error("the film cannot be written")]
    Write(#[from] io::Error),
    #[error("what the VM sends is no picture of VP8")]
    Picture,
}

/// What has to be written over what is there already, for whoever can.
#[derive(Debug)]
pub(super) struct Correction {
    pub(super) at: u64,
    pub(super) bytes: Vec<u8>,
}

pub(super) struct Film<W> {
    out: W,
    /// Bytes written.
    position: u64,
    begun: Option<Places>,
    cluster: Option<Cluster>,
    /// Time and place of what can be jumped to.
    cues: Vec<(u64, u64)>,
    last_ms: u64,
}

/// Of what is known at the end only.
#[derive(Debug, Clone, Copy)]
struct Places {
    segment_size: u64,
    /// What positions in a segment count from.
    segment: u64,
    seek_head: u64,
    duration: u64,
}

struct Cluster {
    begin_ms: u64,
    begins_with_key: bool,
    blocks: Vec<u8>,
}

impl<W: Write> Film<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, position: 0, begun: None, cluster: None, cues: Vec::new(), last_ms: 0 }
    }

    /// Whether there is a picture in it.
    pub(super) fn has_begun(&self) -> bool {
        self.begun.is_some()
    }

    /// Adds a picture; one that needs others is left out at the beginning. Time does not go backwards.
    pub(super) fn add(&mut self, key: bool, at_us: u64, picture: &[u8]) -> Result<(), FilmError> {
        if self.begun.is_none() {
            if !key {
                return Ok(());
            }
            self.begin(size_of(picture).ok_or(FilmError::Picture)?)?;
        }
        let at_ms = (at_us / 1000).max(self.last_ms);
        self.last_ms = at_ms;
        let full = self.cluster.as_ref().is_none_or(|cluster| {
            at_ms - cluster.begin_ms > MAX_CLUSTER_MS
                || cluster.blocks.len() + picture.len() > MAX_CLUSTER_BYTES
        });
        if key || full {
            self.end_cluster()?;
            self.cluster = Some(Cluster { begin_ms: at_ms, begins_with_key: key, blocks: Vec::new() });
        }
        if let Some(cluster) = &mut self.cluster {
            let since = u16::try_from(at_ms - cluster.begin_ms).unwrap_or_default().to_be_bytes();
            let flags = if key { 0x80 } else { 0 };
            let head = [0x80 | TRACK, since[0], since[1], flags];
            cluster.blocks.extend(element(id::SIMPLE_BLOCK, &[&head, picture].concat()));
        }
        Ok(())
    }

    /// Writes what is left. The film plays with and without the corrections.
    pub(super) fn finish(mut self, last_picture_ms: u64) -> Result<(W, Vec<Correction>), FilmError> {
        self.end_cluster()?;
        let Some(places) = self.begun else { return Ok((self.out, Vec::new())) };
        let cues_at = self.position - places.segment;
        let cues: Vec<Vec<u8>> = self.cues.iter().map(|(ms, at)| cue(*ms, *at)).collect();
        self.write(&parent(id::CUES, &cues))?;
        self.out.flush()?;
        #[expect(clippy::cast_precision_loss, reason = "a film of thousands of years")]
        let duration = float(id::DURATION, (self.last_ms + last_picture_ms) as f64);
        let corrections = vec![
            Correction { at: places.segment_size, bytes: long_size(self.position - places.segment).to_vec() },
            Correction { at: places.seek_head, bytes: seek_head(cues_at) },
            Correction { at: places.duration, bytes: duration },
        ];
        Ok((self.out, corrections))
    }

    fn begin(&mut self, (width, height): (u16, u16)) -> Result<(), FilmError> {
        self.write(&parent(
            id::EBML,
            &[
                number(id::EBML_VERSION, 1),
                number(id::EBML_READ_VERSION, 1),
                number(id::EBML_MAX_ID_LENGTH, 4),
                number(id::EBML_MAX_SIZE_LENGTH, 8),
                text(id::DOC_TYPE, "webm"),
                number(id::DOC_TYPE_VERSION, 4),
                number(id::DOC_TYPE_READ_VERSION, 2),
            ],
        ))?;
        self.write(&id_bytes(id::SEGMENT))?;
        let segment_size = self.position;
        self.write(&UNKNOWN_SIZE)?;
        let segment = self.position;
        self.write(&room(seek_head(0).len()))?;
        let info = info();
        // The room in it is its end.
        let duration = self.position + (info.len() - float(id::DURATION, 0.0).len()) as u64;
        self.write(&info)?;
        self.write(&tracks(width, height))?;
        self.begun = Some(Places { segment_size, segment, seek_head: segment, duration });
        Ok(self.out.flush()?)
    }

    fn end_cluster(&mut self) -> Result<(), FilmError> {
        let (Some(cluster), Some(places)) = (self.cluster.take(), self.begun) else { return Ok(()) };
        if cluster.begins_with_key {
            self.cues.push((cluster.begin_ms, self.position - places.segment));
        }
        self.write(&parent(id::CLUSTER, &[number(id::TIMESTAMP, cluster.begin_ms), cluster.blocks]))?;
        // Whoever reads it as it comes, and what is there when this is killed.
        Ok(self.out.flush()?)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), FilmError> {
        self.out.write_all(bytes)?;
        self.position += bytes.len() as u64;
        Ok(())
    }
}

/// In milliseconds, and with room for the duration.
fn info() -> Vec<u8> {
    let app = concat!("anteroom ", env!("CARGO_PKG_VERSION"));
    let duration = room(float(id::DURATION, 0.0).len());
    parent(
        id::INFO,
        &[
            number(id::TIMESTAMP_SCALE, 1_000_000),
            text(id::MUXING_APP, app),
            text(id::WRITING_APP, app),
            duration,
        ],
    )
}

fn tracks(width: u16, height: u16) -> Vec<u8> {
    let video =
        parent(id::VIDEO, &[number(id::PIXEL_WIDTH, width.into()), number(id::PIXEL_HEIGHT, height.into())]);
    let entry = [
        number(id::TRACK_NUMBER, TRACK.into()),
        number(id::TRACK_UID, 1),
        number(id::TRACK_TYPE, 1),
        number(id::FLAG_LACING, 0),
        text(id::CODEC_ID, "V_VP8"),
        video,
    ];
    parent(id::TRACKS, &[parent(id::TRACK_ENTRY, &entry)])
}

/// Of one length, wherever the cues are.
fn seek_head(cues_at: u64) -> Vec<u8> {
    let seek = [element(id::SEEK_ID, &id_bytes(id::CUES)), number(id::SEEK_POSITION, cues_at)];
    parent(id::SEEK_HEAD, &[parent(id::SEEK, &seek)])
}

fn cue(at_ms: u64, cluster_at: u64) -> Vec<u8> {
    let place = [number(id::CUE_TRACK, TRACK.into()), number(id::CUE_CLUSTER_POSITION, cluster_at)];
    parent(id::CUE_POINT, &[number(id::CUE_TIME, at_ms), parent(id::CUE_TRACK_POSITIONS, &place)])
}

/// Width and height of a key frame (RFC 6386, section 9.1), without the scaling that nobody does.
fn size_of(picture: &[u8]) -> Option<(u16, u16)> {
    let [first, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1, ..] = *picture else { return None };
    let [width, height] = [[w0, w1], [h0, h1]].map(|bytes| u16::from_le_bytes(bytes) & 0x3fff);
    (first & 1 == 0 && width > 0 && height > 0).then_some((width, height))
}
