//! The stream role: the desktop, live, to whoever watches it.

pub(crate) mod picture;
