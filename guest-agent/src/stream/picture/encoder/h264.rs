//! H.264 by OpenH264: constrained baseline, which every browser decodes, with the settings for screens.

use bytes::Bytes;
use openh264_sys2::{
    LOW_COMPLEXITY, PRO_BASELINE, RC_OFF_MODE, SCREEN_CONTENT_REAL_TIME, SEncParamExt, SM_FIXEDSLCNUM_SLICE,
    SM_SINGLE_SLICE,
};

use super::super::{
    Codec,
    planes::Planes,
    tiles::{Size, Tiles},
};
use super::{EncodeError, Encoded, Encoder, Kind, Quantizer, openh264::Raw};

/// ITU-T H.273 table 2 to 4: BT.709 primaries and transfer, as a browser takes the colours of a page; matrix of BT.601.
const PRIMARIES: u8 = 1;
const TRANSFER: u8 = 1;
const MATRIX: u8 = 6;
/// What the level of the stream is chosen by; frames may come slower.
const FRAMES_PER_SECOND: f32 = 60.0;

pub(super) struct H264 {
    raw: Raw,
    parameters: Box<SEncParamExt>,
    /// Frames so far. The library wants times that grow, and uses them for nothing while its rate control is off.
    count: i64,
}

impl H264 {
    pub(super) fn new(size: Size) -> Result<Self, EncodeError> {
        let threads = threads(std::thread::available_parallelism().map_or(1, usize::from));
        let (raw, parameters) = Raw::new(|parameters| configure(parameters, size, threads))
            .map_err(|_| EncodeError::Refused(Codec::H264, size))?;
        Ok(Self { raw, parameters: Box::new(parameters), count: 0 })
    }

    fn set(&mut self, quantizer: Quantizer) -> Result<(), i32> {
        let wanted = quantizer.value().into();
        let layer = &mut self.parameters.sSpatialLayers[0];
        if layer.iDLayerQp == wanted {
            return Ok(());
        }
        layer.iDLayerQp = wanted;
        self.raw.adjust(&mut self.parameters)
    }
}

impl Encoder for H264 {
    /// The library finds out by itself what has changed.
    fn encode(
        &mut self,
        planes: &Planes,
        _changed: &Tiles,
        kind: Kind,
        quantizer: Quantizer,
    ) -> Result<Encoded, EncodeError> {
        let mut data = Vec::new();
        let mut encode = || {
            self.set(quantizer)?;
            if kind == Kind::Key {
                self.raw.force_key_frame()?;
            }
            self.count += 1;
            self.raw.encode(planes, self.count * 16, &mut data)
        };
        let is_key = encode().map_err(|code| EncodeError::Lost { codec: Codec::H264, code })?;
        Ok(Encoded { data: Bytes::from(data), kind: if is_key { Kind::Key } else { Kind::Inter } })
    }
}

/// More than two would cost the desktop's own programs their cores.
fn threads(cores: usize) -> u8 {
    if cores > 1 { 2 } else { 1 }
}

fn configure(parameters: &mut SEncParamExt, size: Size, threads: u8) {
    let (width, height) = (size.width().into(), size.height().into());
    parameters.iUsageType = SCREEN_CONTENT_REAL_TIME;
    parameters.iComplexityMode = LOW_COMPLEXITY;
    parameters.iPicWidth = width;
    parameters.iPicHeight = height;
    parameters.fMaxFrameRate = FRAMES_PER_SECOND;
    parameters.iRCMode = RC_OFF_MODE;
    parameters.bEnableFrameSkip = false;
    parameters.iTemporalLayerNum = 1;
    parameters.iSpatialLayerNum = 1;
    // Key frames come when they are asked for.
    parameters.uiIntraPeriod = 0;
    // It finds what has scrolled, too.
    parameters.bEnableSceneChangeDetect = true;
    parameters.bEnableDenoise = false;
    parameters.bEnableBackgroundDetection = false;
    parameters.bEnableAdaptiveQuant = false;
    parameters.iMultipleThreadIdc = threads.into();
    let layer = &mut parameters.sSpatialLayers[0];
    layer.iVideoWidth = width;
    layer.iVideoHeight = height;
    layer.fFrameRate = FRAMES_PER_SECOND;
    layer.uiProfileIdc = PRO_BASELINE;
    layer.iDLayerQp = Quantizer::FINEST_IN_MOTION.value().into();
    // Each thread takes a slice.
    layer.sSliceArgument.uiSliceMode = if threads > 1 { SM_FIXEDSLCNUM_SLICE } else { SM_SINGLE_SLICE };
    layer.sSliceArgument.uiSliceNum = threads.into();
    layer.bVideoSignalTypePresent = true;
    layer.bFullRange = false;
    layer.bColorDescriptionPresent = true;
    layer.uiColorPrimaries = PRIMARIES;
    layer.uiTransferCharacteristics = TRANSFER;
    layer.uiColorMatrix = MATRIX;
}
