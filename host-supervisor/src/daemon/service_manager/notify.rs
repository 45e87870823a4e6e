//! Telling the service manager (sd_notify(3)), and whether it wants to be told regularly (sd_watchdog_enabled(3)).

use std::{
    fmt, io,
    os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixDatagram},
    },
    time::Duration,
};

use crate::config::Environment;

/// For a manager that does not read: its queue takes a datagram at once, unless it is full.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::daemon) enum State<'a> {
    Ready,
    Stopping,
    /// A sign of life.
    Watchdog,
    /// One line for people.
    Status(&'a str),
}

impl fmt::Display for State<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => f.write_str("READY=1"),
            Self::Stopping => f.write_str("STOPPING=1"),
            Self::Watchdog => f.write_str("WATCHDOG=1"),
            Self::Status(line) => write!(f, "STATUS={line}"),
        }
    }
}

#[derive(Debug)]
pub(super) struct Notifier {
    socket: UnixDatagram,
    manager: SocketAddr,
}

impl Notifier {
    /// `manager` is the value of `NOTIFY_SOCKET`: a path, or `@` and a name in the abstract namespace.
    pub(super) fn open(manager: &str) -> io::Result<Self> {
        let manager = match manager.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(manager)?,
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { socket, manager })
    }

    pub(super) fn tell(&self, states: &[State<'_>]) {
        let text: String = states.iter().map(|state| format!("{state}\n")).collect();
        if let Err(error) = self.socket.send_to_addr(text.as_bytes(), &self.manager) {
            tracing::warn!(?states, "the service manager was not told: {error}");
        }
    }
}

/// Within which time the manager of the process with this id wants a sign of life, when it does.
pub(super) fn watchdog(environment: &Environment, own_pid: u32) -> Option<Duration> {
    let number = |name| environment.get(name).map(|text: &String| text.parse::<u64>());
    if number("WATCHDOG_PID").is_some_and(|pid| pid != Ok(own_pid.into())) {
        return None;
    }
    let microseconds = number("WATCHDOG_USEC")?.ok()?;
    (microseconds > 0).then_some(Duration::from_micros(microseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_manager_hears_it_on_either_kind_of_socket() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let name = format!("anteroom-test-{}", std::process::id());
        let by_path = UnixDatagram::bind(&path).unwrap();
        let by_name = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        for (address, manager) in [(path.to_str().unwrap(), by_path), (&format!("@{name}"), by_name)] {
            // What is not there by then does not come.
            manager.set_nonblocking(true).unwrap();
            Notifier::open(address).unwrap().tell(&[State::Ready, State::Status("one session")]);
            let mut buffer = [0; 64];
            let count = manager.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..count], b"READY=1\nSTATUS=one session\n");
        }
    }

    #[test]
    fn a_watchdog_is_ours_only_when_it_is_on_and_meant_for_this_process() {
        let asked = |variables: &[(&str, &str)]| {
            let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            watchdog(&variables.iter().map(own).collect(), 7)
        };
        let half_a_second = Some(Duration::from_millis(500));
        assert_eq!(asked(&[("WATCHDOG_USEC", "500000"), ("WATCHDOG_PID", "7")]), half_a_second);
        assert_eq!(asked(&[("WATCHDOG_USEC", "500000")]), half_a_second);
        assert_eq!(asked(&[("WATCHDOG_USEC", "500000"), ("WATCHDOG_PID", "8")]), None);
        for off in ["0", "", "-1", "soon"] {
            assert_eq!(asked(&[("WATCHDOG_USEC", off)]), None, "{off}");
        }
        assert_eq!(asked(&[("WATCHDOG_PID", "7")]), None);
    }
}
