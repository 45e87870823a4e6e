//! What a page sends over the channel "desk": whatever is taken stays within its bounds, and is never shown.

use anteroom_protocol::desk::{HEIGHT, MAX_TEXT_BYTES, PageMessage, WIDTH};

pub(crate) fn check(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let message = match PageMessage::parse(text) {
        Ok(message) => message,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    assert_eq!(format!("{message:?}"), format!("PageMessage({})", message.kind()));
    match message {
        PageMessage::Clipboard { text } | PageMessage::Paste { text } => {
            assert!(text.len() <= MAX_TEXT_BYTES)
        }
        PageMessage::Resize { width, height } => assert!(WIDTH.contains(&width) && HEIGHT.contains(&height)),
        PageMessage::Wheel { dx, dy, .. } => {
            assert!(dx.units().abs() <= 12_000.0 && dy.units().abs() <= 12_000.0);
        }
        PageMessage::Pointer { x, y }
        | PageMessage::Button { x, y, .. }
        | PageMessage::Touch { x, y, .. } => {
            assert!(x.pixel().abs() <= 65_535 && y.pixel().abs() <= 65_535);
        }
        PageMessage::Key { .. }
        | PageMessage::ReleaseAll {}
        | PageMessage::TakeControl {}
        | PageMessage::ReleaseControl {} => {}
    }
}
