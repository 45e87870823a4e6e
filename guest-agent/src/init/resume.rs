//! What makes a machine of its own of a copy of a frozen guest.
//!
//! A copy has the memory of its template, and so has every other copy: whatever was drawn at random there is no secret in
//! any of them. The kernel's generator gets the host's entropy first ([`entropy`]); it throws away what it has drawn ahead
//! when it is reseeded, and programs that are started later ask it for everything. Left is what has been running before.
//! What each of that makes at its start, and what is done about it:
//!
//! | program | what it has drawn | |
//! |---|---|---|
//! | init, oauth, terminal | keys of hash tables, which nobody outside can fill; tokens come from the host, with a sign-in | nothing |
//! | stream | its certificate, the names and passwords of peers, their numbers | all made with the first offer or later (`stream/wire`), from generators that are seeded then; frozen guests take none |
//! | portal, browser, CLIs | | are started by a sign-in, which comes after |
//! | Xvfb | no cookie: it is started without `-auth`, and access is by the socket alone | nothing |
//! | dbus-daemon | the bus's GUID, which is a name and no secret; clients are known by their uid (EXTERNAL), so no cookies | nothing |
//! | x11vnc | no challenge without a password, and no TLS | nothing |
//! | websockify | Python's keys of hash tables and its `random`; a server of WebSockets masks nothing (RFC 6455 section 5.1) | nothing |
//! | openbox, xterm | nothing that matters | nothing |
//! | demo-idp (development) | nothing: codes and tokens are drawn from the kernel as they are asked for | nothing |
//!
//! Shared by all copies of a template stay: the addresses at which programs and the kernel have been loaded, their stack
//! canaries, the kernel's keys of hash tables and of the first TCP sequence numbers (net/core/secure_seq.c), and the UUID of the
//! writable file system. None can be drawn again in a running system; who can read one in a copy has that copy already.

use anteroom_protocol::agent::Resume;

use super::{
    boot_id,
    entropy::{self, EntropyError},
    identity::{self, Identity},
    network::{self, NetworkError},
};
use crate::console;

/// What became of the network; the rest is as it was asked for.
#[derive(Debug)]
pub(crate) struct Resumed {
    /// Whether there was an interface to set.
    pub(crate) network: Result<bool, NetworkError>,
}

/// Becomes the machine that the host has named. The clock is right already. Done `again` for the same machine it changes
/// nothing but the entropy.
///
/// # Errors
/// When the random numbers would be those of every other copy; nothing else is touched then.
pub(crate) async fn resume(resume: &Resume, again: bool) -> Result<Resumed, EntropyError> {
    entropy::renew(&resume.entropy)?;
    if !again && let Err(error) = boot_id::renew() {
        tracing::error!("{}", console::chain(&error));
    }
    identity::assume(&Identity::of_copy(resume.vm, resume.ip.as_ref()));
    Ok(Resumed { network: network::configure(resume.ip.as_ref(), resume.ip6, resume.mac).await })
}
