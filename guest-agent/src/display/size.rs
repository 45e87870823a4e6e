//! The size of the screen, by RandR (version 1.2): a mode of just that size on the only output.
//!
//! Xvfb's `-screen` is the largest size there can be: it sets RandR's maximum to what it starts with. Nobody else
//! has to be stopped for a change; windows live on, and the window manager fits the maximised ones.

use anteroom_protocol::desk::{HEIGHT, WIDTH};
use x11rb::{
    connection::Connection as _,
    errors::ReplyError,
    protocol::{
        randr::{ConnectionExt as _, Mode, ModeFlag, ModeInfo, Output, Rotation, SetConfig},
        xproto::{ConnectionExt as _, Window},
    },
    rust_connection::RustConnection,
};

use super::DisplayError;

/// In pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) width: u16,
    pub(crate) height: u16,
}

/// Modes of this role's making have names that begin so.
const NAME: &str = "anteroom-";

/// From now on the server tells when the size changes, whoever changes it.
#[cfg(not(fuzzing))]
pub(crate) fn watch(x: &RustConnection, root: Window) -> Result<(), DisplayError> {
    x.randr_query_version(1, 3)?.reply()?;
    x.randr_select_input(root, x11rb::protocol::randr::NotifyMask::SCREEN_CHANGE)?;
    Ok(())
}

pub(crate) fn now(x: &RustConnection, root: Window) -> Result<Size, DisplayError> {
    let root = x.get_geometry(root)?.reply()?;
    Ok(Size { width: root.width, height: root.height })
}

/// Makes the screen this large, or as large as the server can.
///
/// # Errors
/// When the server refuses; the screen has then the size that it had.
pub(crate) fn set(x: &RustConnection, root: Window, width: u32, height: u32) -> Result<(), DisplayError> {
    x.randr_query_version(1, 3)?.reply()?;
    let range = x.randr_get_screen_size_range(root)?.reply()?;
    let fit = |pixels: u32, bounds: &std::ops::RangeInclusive<u32>, most: u16| {
        let pixels = pixels.clamp(*bounds.start(), *bounds.end()).min(most.into()) & !1;
        u16::try_from(pixels).unwrap_or(most)
    };
    let want =
        Size { width: fit(width, &WIDTH, range.max_width), height: fit(height, &HEIGHT, range.max_height) };
    let old = now(x, root)?;
    if want == old {
        return Ok(());
    }
    let mode = mode(x, root, want)?;
    // Between the steps the screen has no size that a program should see.
    x.grab_server()?;
    let done = change(x, root, mode, want);
    if done.is_err() {
        // There was a mode of the old size, so there is one now.
        if let Ok(mode) = self::mode(x, root, old) {
            let _ = change(x, root, mode, old);
        }
    }
    x.ungrab_server()?;
    forget_modes(x, root, mode)?;
    x.flush()?;
    done
}

fn change(x: &RustConnection, root: Window, mode: Mode, size: Size) -> Result<(), DisplayError> {
    let resources = x.randr_get_screen_resources_current(root)?.reply()?;
    let (Some(crtc), Some(output)) = (resources.crtcs.first(), resources.outputs.first()) else {
        return Err(DisplayError::NoOutput);
    };
    let set = |mode: Mode, outputs: &[Output]| -> Result<(), DisplayError> {
        let (time, config) = (x11rb::CURRENT_TIME, resources.config_timestamp);
        let set = x.randr_set_crtc_config(*crtc, time, config, 0, 0, mode, Rotation::ROTATE0, outputs)?;
        if set.reply()?.status == SetConfig::SUCCESS { Ok(()) } else { Err(DisplayError::NoSuchSize) }
    };
    set(x11rb::NONE, &[])?;
    // What programs take for 96 dots per inch; a monitor that nobody sees has no other size.
    let millimetres = |pixels: u16| (u32::from(pixels) * 254).div_ceil(960);
    let (width, height) = (size.width, size.height);
    let answer = x.randr_set_screen_size(root, width, height, millimetres(width), millimetres(height))?;
    answer.check()?;
    set(mode, &[*output])
}

/// The output's mode of this size, made if there is none.
fn mode(x: &RustConnection, root: Window, size: Size) -> Result<Mode, DisplayError> {
    let resources = x.randr_get_screen_resources_current(root)?.reply()?;
    let output = *resources.outputs.first().ok_or(DisplayError::NoOutput)?;
    let usable = x.randr_get_output_info(output, resources.config_timestamp)?.reply()?.modes;
    let fits = |mode: &&ModeInfo| {
        (mode.width, mode.height) == (size.width, size.height) && usable.contains(&mode.id)
    };
    if let Some(mode) = resources.modes.iter().find(fits) {
        return Ok(mode.id);
    }
    let name = format!("{NAME}{}x{}", size.width, size.height);
    let (width, height) = (size.width, size.height);
    let info = ModeInfo {
        id: 0,
        width,
        height,
        dot_clock: 0,
        hsync_start: width,
        hsync_end: width,
        htotal: width,
        hskew: 0,
        vsync_start: height,
        vsync_end: height,
        vtotal: height,
        name_len: u16::try_from(name.len()).unwrap_or(u16::MAX),
        mode_flags: ModeFlag::from(0_u32),
    };
    let mode = x.randr_create_mode(root, info, name.as_bytes())?.reply()?.mode;
    let added = x.randr_add_output_mode(output, mode)?.check();
    added.or_else(|error| {
        // The server takes no mode that is larger than its screen can be.
        x.randr_destroy_mode(mode)?;
        Err::<(), ReplyError>(error)
    })?;
    Ok(mode)
}

/// Removes the modes of earlier sizes: a window that is dragged larger would leave hundreds.
fn forget_modes(x: &RustConnection, root: Window, kept: Mode) -> Result<(), DisplayError> {
    let resources = x.randr_get_screen_resources_current(root)?.reply()?;
    let Some(output) = resources.outputs.first() else { return Ok(()) };
    let mut names = resources.names.as_slice();
    for mode in &resources.modes {
        let (name, rest) = names.split_at(names.len().min(mode.name_len.into()));
        names = rest;
        if mode.id != kept && name.starts_with(NAME.as_bytes()) {
            // One that is in use after all stays: the server says so, and that is all.
            x.randr_delete_output_mode(*output, mode.id)?.ignore_error();
            x.randr_destroy_mode(mode.id)?.ignore_error();
        }
    }
    Ok(())
}
