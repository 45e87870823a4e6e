//! The sockets that the service manager has bound for us (sd_listen_fds(3)): the API's, and no other.
//!
//! They are open from descriptor 3 on, without `FD_CLOEXEC`, which is set here.
#![expect(unsafe_code, reason = "descriptors that the process is born with")]

use std::{
    io,
    net::TcpListener,
    os::fd::{AsFd as _, FromRawFd as _, OwnedFd, RawFd},
    sync::atomic::{AtomicBool, Ordering},
};

use nix::{
    fcntl::{FcntlArg, FdFlag, fcntl},
    libc,
    sys::socket::{getsockopt, sockopt::AcceptConn},
};

use crate::config::Environment;

/// What the API's socket is called: `FileDescriptorName=` in systemd.socket(5).
const API: &str = "api";
/// `SD_LISTEN_FDS_START`.
const FIRST: RawFd = 3;
/// More than one is a mistake, more than these a lie.
const MOST: u16 = 64;

#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    #[error("the variable {variable} is {text:?}: expected {expected}")]
    Variable { variable: &'static str, text: String, expected: &'static str },
    #[error("descriptor {0}, which LISTEN_FDS promises, is not open")]
    NotOpen(RawFd),
    #[error(
        "the service manager hands down the sockets {0:?}, but the API takes one, called {API:?}: let its unit have a single \
         ListenStream= and FileDescriptorName={API}"
    )]
    Unexpected(Vec<String>),
    #[error("the socket that the service manager hands down is no listening TCP socket")]
    NotListening(#[source] io::Error),
}

/// The API's socket, if one was handed down to this process; once.
pub(super) fn take(environment: &Environment) -> Result<Option<TcpListener>, SocketError> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    let names = names(environment, std::process::id())?;
    if names.is_empty() || TAKEN.swap(true, Ordering::SeqCst) {
        return Ok(None);
    }
    let mut sockets = (FIRST..).take(names.len()).map(own).collect::<Result<Vec<OwnedFd>, SocketError>>()?;
    match (sockets.pop(), sockets.is_empty(), names.as_slice()) {
        (Some(socket), true, [name]) if name == API => listening(socket).map(Some),
        _ => Err(SocketError::Unexpected(names)),
    }
}

/// What each of the sockets is called. A manager that gives no names gives what there is to give.
fn names(environment: &Environment, own_pid: u32) -> Result<Vec<String>, SocketError> {
    let wrong = |variable, expected| {
        let text = environment.get(variable).map(String::as_str).unwrap_or_default();
        SocketError::Variable { variable, text: text.chars().take(80).collect(), expected }
    };
    let (Some(pid), Some(count)) = (environment.get("LISTEN_PID"), environment.get("LISTEN_FDS")) else {
        return Ok(Vec::new());
    };
    if pid.parse::<u32>().map_err(|_| wrong("LISTEN_PID", "a process's id"))? != own_pid {
        return Ok(Vec::new());
    }
    let count = count.parse::<u16>().ok().filter(|count| *count <= MOST);
    let count = usize::from(count.ok_or_else(|| wrong("LISTEN_FDS", "a small number"))?);
    let names: Vec<String> = match environment.get("LISTEN_FDNAMES") {
        Some(names) if count > 0 => names.split(':').map(str::to_owned).collect(),
        _ => vec![API.to_owned(); count],
    };
    if names.len() == count {
        Ok(names)
    } else {
        Err(wrong("LISTEN_FDNAMES", "as many names as LISTEN_FDS says"))
    }
}

fn own(number: RawFd) -> Result<OwnedFd, SocketError> {
    // SAFETY: F_GETFD takes no argument and touches no memory; a number that is not open is answered with EBADF.
    if unsafe { libc::fcntl(number, libc::F_GETFD) } < 0 {
        return Err(SocketError::NotOpen(number));
    }
    // SAFETY: it is open, the manager has opened it for this process, nobody here opened it, and `take` gets here once.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

fn listening(socket: OwnedFd) -> Result<TcpListener, SocketError> {
    let check = move || -> io::Result<TcpListener> {
        fcntl(&socket, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
        if !getsockopt(&socket.as_fd(), AcceptConn)? {
            return Err(io::ErrorKind::NotConnected.into());
        }
        let listener = TcpListener::from(socket);
        // Fails for another family than the two of IP.
        listener.local_addr()?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    check().map_err(SocketError::NotListening)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(variables: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        names(&variables.iter().map(own).collect(), 7).map_err(|error| error.to_string())
    }

    #[test]
    fn sockets_are_ours_only_when_they_are_meant_for_this_process() {
        let one = [("LISTEN_PID", "7"), ("LISTEN_FDS", "1"), ("LISTEN_FDNAMES", "api")];
        assert_eq!(given(&one).unwrap(), ["api"]);
        assert_eq!(given(&one[..2]).unwrap(), ["api"], "a manager without names has given what there is");
        assert!(given(&[("LISTEN_PID", "8"), one[1], one[2]]).unwrap().is_empty());
        assert!(given(&[one[1], one[2]]).unwrap().is_empty());
        assert!(given(&[one[0], ("LISTEN_FDS", "0"), ("LISTEN_FDNAMES", "")]).unwrap().is_empty());
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_the_variable() {
        let with =
            |count, names| given(&[("LISTEN_PID", "7"), ("LISTEN_FDS", count), ("LISTEN_FDNAMES", names)]);
        assert_eq!(with("2", "api:media").unwrap(), ["api", "media"]);
        for (count, names, variable) in
            [("many", "api", "LISTEN_FDS"), ("65535", "api", "LISTEN_FDS"), ("2", "api", "LISTEN_FDNAMES")]
        {
            let error = with(count, names).unwrap_err();
            assert!(error.contains(variable), "{error}");
        }
    }

    #[test]
    fn only_a_listening_tcp_socket_will_do() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = tcp.local_addr().unwrap();
        // As a manager hands it down.
        fcntl(&tcp, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
        let listener = listening(tcp.into()).unwrap();
        assert_eq!(listener.local_addr().unwrap(), address);
        let flags = fcntl(&listener, FcntlArg::F_GETFD).unwrap();
        assert_eq!(FdFlag::from_bits_truncate(flags), FdFlag::FD_CLOEXEC, "no child inherits it");
        assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let (unix, _other_end) = std::os::unix::net::UnixStream::pair().unwrap();
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let unix_listener = {
            let directory = tempfile::tempdir().unwrap();
            std::os::unix::net::UnixListener::bind(directory.path().join("socket")).unwrap()
        };
        for socket in [OwnedFd::from(unix), OwnedFd::from(udp), OwnedFd::from(unix_listener)] {
            assert!(matches!(listening(socket), Err(SocketError::NotListening(_))));
        }
    }
}
