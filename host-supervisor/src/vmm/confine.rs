//! What keeps a VMM that its guest has taken over from the rest of the host, where the daemon is root and can arrange it.
//!
//! | | Firecracker | QEMU and its vsock device |
//! |---|---|---|
//! | who arranges it | its jailer, with a [`Lodging`] that we furnish | [`Cell`], which has a lodging too |
//! | user and group | of the VM's own ([`Uids`]) | the same |
//! | capabilities, groups, new privileges | none | none |
//! | root | the lodging | the host's: its libraries, firmware and name servers are needed |
//! | control group | of the VM's own ([`group`]) | the same |
//! | the host's disk | `io.max` of that ([`disk_limit`]), where it is asked for | the same |
//! | system calls | three dozen | those that `-sandbox` leaves |

mod cell;
pub(crate) mod disk_limit;
pub(crate) mod group;
mod lodging;
mod uid;

pub(super) use cell::{Allowance, Cell, PLACE};
pub(super) use lodging::{Lodging, gone};
pub(crate) use uid::UIDS;
pub(super) use uid::{Uid, Uids};
