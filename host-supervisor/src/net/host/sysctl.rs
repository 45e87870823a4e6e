//! The kernel's settings of one interface, as files (Documentation/networking/ip-sysctl.rst).
//!
//! `/proc/sys/net` is that of the calling thread's network namespace. The files are memory: reading and writing them does
//! not wait, so it is done where it is asked for.

use std::{fs, io, path::PathBuf};

use super::HostNetworkError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

/// `None` when this kernel has no such setting, or no such interface.
pub(super) fn read(family: Family, interface: &str, name: &str) -> Result<Option<String>, HostNetworkError> {
    match fs::read_to_string(path(family, interface, name)) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(HostNetworkError::io(shown(family, interface, name))(error)),
    }
}

pub(super) fn write(
    family: Family,
    interface: &str,
    name: &str,
    value: &str,
) -> Result<(), HostNetworkError> {
    fs::write(path(family, interface, name), value)
        .map_err(HostNetworkError::io(format!("{}={value}", shown(family, interface, name))))
}

/// Writes where there is something else, and where the kernel has such a setting.
pub(super) fn ensure(
    family: Family,
    interface: &str,
    name: &str,
    value: &str,
) -> Result<(), HostNetworkError> {
    match read(family, interface, name)? {
        Some(found) if found != value => write(family, interface, name, value),
        _ => Ok(()),
    }
}

fn directory(family: Family) -> &'static str {
    match family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    }
}

/// Interfaces may have dots in their names, which is why this is no dotted path.
fn path(family: Family, interface: &str, name: &str) -> PathBuf {
    ["/proc/sys/net", directory(family), "conf", interface, name].iter().collect()
}

fn shown(family: Family, interface: &str, name: &str) -> String {
    format!("net/{}/conf/{interface}/{name}", directory(family))
}
