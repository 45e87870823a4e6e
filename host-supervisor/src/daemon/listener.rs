//! Binding the API's port, and saying who has it when it is taken.

use std::{
    fs, io,
    net::{IpAddr, SocketAddr},
};

use tokio::net::TcpListener;

use crate::config::{Config, KEYS, Key};

/// What the kernel calls the daemon.
const OUR_NAME: &str = "anteroom";
const SETTING: &str = "listen";

#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error(
        "{address} is in use by {holder}; stop it, or choose another address with the setting `{setting}` ({})",
        variable(setting)
    )]
    Taken { address: SocketAddr, setting: &'static str, holder: String },
    #[error(
        "{address} cannot be listened on; the setting `{setting}` ({}) chooses another",
        variable(setting)
    )]
    Io {
        address: SocketAddr,
        setting: &'static str,
        #[source]
        source: io::Error,
    },
}

fn variable(setting: &str) -> String {
    KEYS.iter().find(|key| key.name == setting).map(Key::variable).unwrap_or_default()
}

/// The socket that the service manager has bound, or one of our own at this address.
pub(super) async fn open(
    handed_down: Option<std::net::TcpListener>,
    address: SocketAddr,
) -> Result<TcpListener, ListenError> {
    let Some(listener) = handed_down else { return bind(address, SETTING).await };
    let listener = TcpListener::from_std(listener).map_err(|source| ListenError::Io {
        address,
        setting: SETTING,
        source,
    })?;
    if let Ok(actual) = listener.local_addr()
        && actual != address
    {
        tracing::warn!(%actual, configured = %address, "the service manager's socket counts, not the setting `listen`");
    }
    Ok(listener)
}

/// `setting` says the address.
pub(super) async fn bind(address: SocketAddr, setting: &'static str) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => ListenError::Taken {
            address,
            setting,
            holder: holder(address.port()).unwrap_or_else(|| "another program".to_owned()),
        },
        _ => ListenError::Io { address, setting, source },
    })
}

/// The process that listens on this port, as far as we may look (proc_net(5), proc_pid_fd(5)).
fn holder(port: u16) -> Option<String> {
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .flat_map(|table| table.lines().filter_map(|line| listening_inode(line, port)).collect::<Vec<_>>())
        .collect();
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let mut perhaps = None;
    for pid in processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()) {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        let name = name.trim();
        match holds(pid, &inodes) {
            Ok(true) => return Some(format!("process {pid} ({name})")),
            // Another daemon shows its files to nobody but root.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied && name == OUR_NAME => {
                perhaps = Some(format!("process {pid} ({name}), as it seems"));
            }
            Ok(false) | Err(_) => {}
        }
    }
    perhaps
}

fn holds(pid: u32, inodes: &[String]) -> io::Result<bool> {
    let files = fs::read_dir(format!("/proc/{pid}/fd"))?.flatten();
    let mut targets = files.filter_map(|file| fs::read_link(file.path()).ok());
    Ok(targets.any(|target| inodes.iter().any(|inode| target.as_os_str() == inode.as_str())))
}

/// `socket:[inode]` of a line that tells of a listener (state 0A) on this port.
fn listening_inode(line: &str, port: u16) -> Option<String> {
    let mut fields = line.split_whitespace();
    let local = fields.nth(1)?;
    let state = fields.nth(1)?;
    let inode = fields.nth(5)?;
    let here = local.rsplit_once(':').is_some_and(|(_, hex)| u16::from_str_radix(hex, 16) == Ok(port));
    (here && state == "0A").then(|| format!("socket:[{inode}]"))
}

/// Where the daemon of this machine with this configuration serves everything.
#[must_use]
pub fn own_address(config: &Config) -> String {
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    format!("{scheme}://{}", reachable(config.admin_listen.unwrap_or(config.listen)))
}

/// The address a person can open when the daemon listens everywhere.
#[must_use]
pub fn reachable(address: SocketAddr) -> SocketAddr {
    let loopback: IpAddr = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => std::net::Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(loopback, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_has_the_port_is_said() {
        let first = bind("127.0.0.1:0".parse().unwrap(), SETTING).await.unwrap();
        let address = first.local_addr().unwrap();
        let error = bind(address, SETTING).await.unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("{address} is in use by process {}", std::process::id())),
            "{error}"
        );
        assert!(error.contains("ANTEROOM_LISTEN"), "{error}");
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_refused_with_the_setting_to_change() {
        let error = bind("192.0.2.1:4000".parse().unwrap(), SETTING).await.unwrap_err().to_string();
        assert!(error.contains("`listen`"), "{error}");
    }

    #[test]
    fn only_a_listener_on_that_very_port_counts() {
        let line =
            "   0: 0100007F:0FA0 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000 0 4242 1 0";
        assert_eq!(listening_inode(line, 4000).as_deref(), Some("socket:[4242]"));
        assert_eq!(listening_inode(line, 4001), None);
        assert_eq!(listening_inode(&line.replace(" 0A ", " 01 "), 4000), None);
        assert_eq!(listening_inode("  sl  local_address rem_address   st", 4000), None);
    }
}
