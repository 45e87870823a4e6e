//! TAP devices (Documentation/networking/tuntap.rst). They are made by ioctl(2) of `/dev/net/tun` only: rtnetlink refuses
//! to create them.
#![expect(unsafe_code, reason = "the ioctl(2) calls of /dev/net/tun")]

use std::{
    ffi::c_short,
    fs::File,
    io,
    os::{
        fd::AsRawFd as _,
        raw::{c_char, c_int, c_ulong},
    },
};

use nix::libc;

use super::HostNetworkError;

const DRIVER: &str = "/dev/net/tun";

/// Ethernet frames without a header of the driver's own. A VMM that wants headers for offloading says so when it opens the
/// device.
const FRAMES: c_int = libc::IFF_TAP | libc::IFF_NO_PI;

/// Makes a device that stays when nobody has it open, and that this user may open without privileges; the daemon's own
/// when it is `None`.
///
/// Its file is closed again when this returns, but a child that another thread is starting at this moment has a copy until
/// it executes its program (`O_CLOEXEC`); who opens the device before that finds it busy (EBUSY). A VMM opens it
/// milliseconds later.
pub(super) fn create(name: &str, owner: Option<u32>) -> Result<(), HostNetworkError> {
    let device = match name_it(open_driver()?, name, FRAMES | libc::IFF_TUN_EXCL) {
        Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {
            return Err(HostNetworkError::DeviceExists(name.to_owned()));
        }
        other => other.map_err(HostNetworkError::io(format!("the device {name}")))?,
    };
    let owner = owner.unwrap_or_else(|| nix::unistd::geteuid().as_raw());
    // An error here leaves nothing: the device is not persistent yet and goes with its file.
    number(&device, libc::TUNSETOWNER, owner.into())
        .and_then(|()| number(&device, libc::TUNSETPERSIST, 1))
        .map_err(HostNetworkError::io(format!("the owner of the device {name}")))
}

/// Whether there is what makes them. Who may is another matter.
pub(super) fn can_be_made() -> Result<(), HostNetworkError> {
    open_driver().map(drop)
}

fn open_driver() -> Result<File, HostNetworkError> {
    driver().map_err(|error| match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENODEV | libc::ENXIO) => HostNetworkError::NoTun,
        Some(libc::EACCES | libc::EPERM) => HostNetworkError::TunForbidden,
        _ => HostNetworkError::Io { what: DRIVER.to_owned(), source: error },
    })
}

/// Lets this user, and root, open an existing device; nobody may have it open.
pub(super) fn give(name: &str, owner: u32) -> io::Result<()> {
    number(&open_existing(name)?, libc::TUNSETOWNER, owner.into())
}

/// Opens an existing device as a VMM does.
pub(super) fn open_existing(name: &str) -> io::Result<File> {
    name_it(driver()?, name, FRAMES)
}

fn driver() -> io::Result<File> {
    File::options().read(true).write(true).open(DRIVER)
}

/// Makes the open driver the device of this name.
fn name_it(device: File, name: &str, flags: c_int) -> io::Result<File> {
    // SAFETY: all zeros is a value of each of the structure's fields.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // The last octet stays zero and ends the name.
    if name.len() >= request.ifr_name.len() {
        return Err(io::ErrorKind::InvalidFilename.into());
    }
    for (place, octet) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *place = c_char::from_ne_bytes([octet]);
    }
    let [low, high, ..] = flags.to_le_bytes();
    request.ifr_ifru.ifru_flags = c_short::from_le_bytes([low, high]);
    // SAFETY: TUNSETIFF reads and writes one `ifreq`, which lives until the call returns.
    let result = unsafe { libc::ioctl(device.as_raw_fd(), libc::TUNSETIFF, &raw mut request) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(device) }
}

fn number(device: &File, request: libc::Ioctl, value: c_ulong) -> io::Result<()> {
    // SAFETY: the argument of these requests is a number, not an address.
    let result = unsafe { libc::ioctl(device.as_raw_fd(), request, value) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
