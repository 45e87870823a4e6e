//! The stream role: the desktop, live, to whoever watches it.

#[allow(dead_code, reason = "the role that gives it pages is not here yet")]
pub(crate) mod hands;
#[allow(dead_code, reason = "what carries the pictures to a browser is not part of it yet")]
pub(crate) mod picture;
