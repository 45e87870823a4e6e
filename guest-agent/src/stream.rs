//! The stream role: the desktop, live, to whoever watches it.

#[allow(dead_code, reason = "what carries the pictures to a browser is not part of it yet")]
pub(crate) mod picture;
