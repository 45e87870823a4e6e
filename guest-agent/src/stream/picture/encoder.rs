//! What both codecs do: one picture in, one encoded frame out, at a quality that the caller decides. Neither runs a
//! rate control of its own, because they are made for cameras at a steady rate; `budget` knows what a screen is like.

mod h264;
mod openh264;
#[cfg(test)]
pub(super) mod tests;
mod vp8;

use bytes::Bytes;

use super::{
    Codec,
    planes::Planes,
    tiles::{Size, Tiles},
};

/// How finely a picture is quantized, on the scale of H.264 (six steps double the coarseness); VP8 follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Quantizer(u8);

impl Quantizer {
    /// Nearly lossless: what a picture gets that will stay.
    pub(super) const SHARP: Self = Self(14);
    /// The best and the worst of a picture in motion. OpenH264 takes a block that has not moved for good enough when it
    /// was encoded at 26 or better, or less than six steps worse than now (`MdInterSCDPskipProcess`); nothing between
    /// sharp and this would ever become sharp.
    pub(super) const FINEST_IN_MOTION: Self = Self(27);
    pub(super) const COARSEST: Self = Self(46);
    /// So much must lie between a picture and its refinement.
    pub(super) const REFINEMENT: u8 = 6;

    /// Clipped to what a picture in motion may have.
    pub(super) fn in_motion(value: f64) -> Self {
        let (best, worst) = (Self::FINEST_IN_MOTION.0, Self::COARSEST.0);
        Self((best..worst).find(|step| f64::from(*step) >= value).unwrap_or(worst))
    }

    pub(super) fn value(self) -> u8 {
        self.0
    }
}

/// Whether a frame needs those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Key,
    Inter,
}

#[derive(Debug)]
pub(super) struct Encoded {
    pub(super) data: Bytes,
    /// A codec may answer with a key frame unasked.
    pub(super) kind: Kind,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum EncodeError {
    #[error("the {0:?} encoder refuses pictures of {w} by {h}", w = .1.width(), h = .1.height())]
    Refused(Codec, Size),
    #[error("the {codec:?} encoder gives up: error {code}")]
    Lost { codec: Codec, code: i32 },
}

pub(super) trait Encoder: Send {
    /// Encodes the picture. `changed` are the tiles that differ from what the last call was given, and those that were
    /// not sharp yet; a codec may leave the others as they are.
    fn encode(
        &mut self,
        planes: &Planes,
        changed: &Tiles,
        kind: Kind,
        quantizer: Quantizer,
    ) -> Result<Encoded, EncodeError>;
}

/// An encoder for pictures of this size.
pub(super) fn open(codec: Codec, size: Size) -> Result<Box<dyn Encoder>, EncodeError> {
    Ok(match codec {
        Codec::H264 => Box::new(h264::H264::new(size)?),
        Codec::Vp8 => Box::new(vp8::Vp8::new(size)?),
    })
}
