//! One target a file.

pub(crate) mod callback;
pub(crate) mod credential;
pub(crate) mod datagram;
pub(crate) mod definition;
pub(crate) mod desk;
pub(crate) mod exec_frame;
pub(crate) mod pasted_code;
pub(crate) mod reader;
pub(crate) mod recognise;
pub(crate) mod stun;
