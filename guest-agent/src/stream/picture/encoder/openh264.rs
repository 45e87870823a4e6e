//! The calls into OpenH264, and nothing else. Interface and lifetimes: `codec_api.h` and `codec_app_def.h` of OpenH264.

#![expect(unsafe_code, reason = "the encoder is a C++ object behind a table of C functions")]
#![expect(non_snake_case, reason = "names of the C interface")]

use std::{
    ffi::{c_int, c_void},
    ptr::{self, NonNull},
    slice,
};

use openh264_sys2::{
    API as _, ENCODER_OPTION, ENCODER_OPTION_SVC_ENCODE_PARAM_EXT, ENCODER_OPTION_TRACE_LEVEL, ISVCEncoder,
    ISVCEncoderVtbl, SEncParamExt, SFrameBSInfo, SSourcePicture, WELS_LOG_QUIET, source::APILoader,
    videoFormatI420, videoFrameTypeIDR,
};

use super::super::planes::Planes;

/// An error number of OpenH264 (`CM_RETURN`), or -1 where it gives none.
pub(super) type Code = i32;

/// An encoder that has been initialized.
pub(super) struct Raw {
    object: NonNull<ISVCEncoder>,
    output: Box<SFrameBSInfo>,
}

// SAFETY: the object is bound to no thread; only its owner calls it, one call at a time (`&mut self`).
unsafe impl Send for Raw {}

impl Raw {
    /// `adjust` changes the library's default parameters. They must stay valid ones; the library checks them.
    pub(super) fn new(adjust: impl FnOnce(&mut SEncParamExt)) -> Result<(Self, SEncParamExt), Code> {
        let mut object = ptr::null_mut();
        // SAFETY: writes a pointer to a new object, or fails.
        check(unsafe { APILoader::new().WelsCreateSVCEncoder(&raw mut object) })?;
        let object = NonNull::new(object).ok_or(-1)?;
        let mut encoder = Self { object, output: Box::default() };
        let mut parameters = SEncParamExt::default();
        let mut level: c_int = WELS_LOG_QUIET;
        encoder.set(ENCODER_OPTION_TRACE_LEVEL, (&raw mut level).cast())?;
        let table = encoder.table();
        let (GetDefaultParams, InitializeExt) = table.GetDefaultParams.zip(table.InitializeExt).ok_or(-1)?;
        // SAFETY: the object lives; the library fills in the structure that it is given.
        check(unsafe { GetDefaultParams(object.as_ptr(), &raw mut parameters) })?;
        adjust(&mut parameters);
        // SAFETY: the object lives; the library copies the structure.
        check(unsafe { InitializeExt(object.as_ptr(), &raw const parameters) })?;
        Ok((encoder, parameters))
    }

    /// Changes parameters of a running encoder.
    pub(super) fn adjust(&mut self, parameters: &mut SEncParamExt) -> Result<(), Code> {
        self.set(ENCODER_OPTION_SVC_ENCODE_PARAM_EXT, ptr::from_mut(parameters).cast())
    }

    pub(super) fn force_key_frame(&mut self) -> Result<(), Code> {
        let ForceIntraFrame = self.table().ForceIntraFrame.ok_or(-1)?;
        // SAFETY: the object lives and has been initialized.
        check(unsafe { ForceIntraFrame(self.object.as_ptr(), true) })
    }

    /// Encodes one picture of the size that the encoder was made for, appends the frame to `data` (Annex B) and says
    /// whether it is an IDR frame.
    pub(super) fn encode(
        &mut self,
        planes: &Planes,
        milliseconds: i64,
        data: &mut Vec<u8>,
    ) -> Result<bool, Code> {
        let EncodeFrame = self.table().EncodeFrame.ok_or(-1)?;
        let [y, u, v] = planes.data();
        let stride = c_int::try_from(planes.stride()).map_err(|_| -1)?;
        let picture = SSourcePicture {
            iColorFormat: videoFormatI420,
            iStride: [stride, stride / 2, stride / 2, 0],
            pData: [y.as_ptr().cast_mut(), u.as_ptr().cast_mut(), v.as_ptr().cast_mut(), ptr::null_mut()],
            iPicWidth: planes.size().width().into(),
            iPicHeight: planes.size().height().into(),
            uiTimeStamp: milliseconds,
            bPsnrY: false,
            bPsnrU: false,
            bPsnrV: false,
        };
        // SAFETY: the object lives and has been initialized. It copies the planes, which hold at least as many rows of
        // that stride as the picture says (`Planes`), and does not write to them.
        check(unsafe { EncodeFrame(self.object.as_ptr(), &raw const picture, &raw mut *self.output) })?;
        self.collect(data);
        Ok(self.output.eFrameType == videoFrameTypeIDR)
    }

    fn collect(&self, data: &mut Vec<u8>) {
        let layers = usize::try_from(self.output.iLayerNum).unwrap_or(0);
        for layer in self.output.sLayerInfo.iter().take(layers) {
            let count = usize::try_from(layer.iNalCount).unwrap_or(0);
            if count == 0 || layer.pNalLengthInByte.is_null() || layer.pBsBuf.is_null() {
                continue;
            }
            // SAFETY: the encoder has said that there are `count` lengths, and that the buffer holds as many bytes as
            // they add up to, both valid until its next call, which `&self` excludes.
            let bytes = unsafe {
                let lengths = slice::from_raw_parts(layer.pNalLengthInByte, count);
                let total = lengths.iter().map(|length| usize::try_from(*length).unwrap_or(0)).sum();
                slice::from_raw_parts(layer.pBsBuf, total)
            };
            data.extend_from_slice(bytes);
        }
    }

    fn set(&mut self, option: ENCODER_OPTION, value: *mut c_void) -> Result<(), Code> {
        let SetOption = self.table().SetOption.ok_or(-1)?;
        // SAFETY: the object lives; both callers hand over what the option takes (`ENCODER_OPTION`).
        check(unsafe { SetOption(self.object.as_ptr(), option, value) })
    }

    fn table(&self) -> ISVCEncoderVtbl {
        // SAFETY: the library made the object with a pointer to its table, which is static.
        unsafe { **self.object.as_ptr() }
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // SAFETY: made by the library and destroyed once. It lets go of what initialization took, if there was one.
        unsafe {
            if let Some(Uninitialize) = self.table().Uninitialize {
                Uninitialize(self.object.as_ptr());
            }
            APILoader::new().WelsDestroySVCEncoder(self.object.as_ptr());
        }
    }
}

fn check(code: c_int) -> Result<(), Code> {
    if code == 0 { Ok(()) } else { Err(code) }
}
