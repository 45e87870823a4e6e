//! The desktop over WebRTC.

#[cfg_attr(not(test), expect(dead_code, reason = "the role that gives it pages is not here yet"))]
pub(crate) mod hands;
