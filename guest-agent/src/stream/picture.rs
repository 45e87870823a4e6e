//! Stands where the screen's capture and encoder will be: there is no picture yet.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    H264,
    Vp8,
}

/// One encoded picture; H.264 as Annex B.
#[derive(Debug, Clone)]
pub(crate) struct Picture {
    pub(crate) data: Bytes,
    pub(crate) key: bool,
    pub(crate) captured_at: Instant,
}

#[derive(Debug, Default)]
pub(crate) struct Options {}

#[derive(Debug, thiserror::Error)]
#[error("there is no capture in this build")]
pub(crate) struct StudioError;

#[derive(Debug)]
pub(crate) struct Studio;

impl Studio {
    pub(crate) fn open(_display: &str, _options: Options) -> Result<Arc<Self>, StudioError> {
        Err(StudioError)
    }

    pub(crate) fn watch(&self, _codec: Codec) -> Viewer {
        Viewer
    }
}

#[derive(Debug)]
pub(crate) struct Viewer;

impl Viewer {
    pub(crate) async fn next(&mut self) -> Option<Picture> {
        None
    }

    pub(crate) fn ask_for_keyframe(&self) {}

    pub(crate) fn set_bitrate(&self, _bps: u32) {}
}
