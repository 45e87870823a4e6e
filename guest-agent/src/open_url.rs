//! What `$BROWSER`, `xdg-open`, `x-www-browser` and their like are in the VM: hands the address to the oauth role, and is gone.
//!
//! It does not block, and says success or failure by its exit code, because CLIs fall back to other means on failure. It
//! has no asynchronous runtime: the start of one would take longer than all the rest, while the host waits for the address.

use std::{
    io::{self, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::Path,
    process::ExitCode,
    time::Duration,
};

use anteroom_protocol::agent::{OpenUrl, Problem};

use crate::call::OAUTH_SOCKET;

/// The role answers within milliseconds or not at all.
const PATIENCE: Duration = Duration::from_secs(5);
const MAX_ANSWER_BYTES: u64 = 16 * 1024;

#[derive(Debug, thiserror::Error)]
pub(crate) enum HandOverError {
    #[error("the sign-in role is not there: {0}")]
    Unreachable(io::Error),
    #[error("the sign-in role does not answer: {0}")]
    NoAnswer(io::Error),
    #[error("{0}")]
    Refused(String),
}

/// Opens each address among the arguments.
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    let addresses = addresses(arguments);
    if addresses.is_empty() {
        eprintln!("usage: open-url ADDRESS");
        return ExitCode::from(2);
    }
    match addresses.into_iter().try_for_each(|address| hand_over(Path::new(OAUTH_SOCKET), address)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The address may hold a secret, and so is not repeated.
            eprintln!("anteroom: the page is not opened: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The arguments that are no option, nor the one option's value that there is: `exo-open --launch WebBrowser ADDRESS`.
fn addresses(arguments: &[String]) -> Vec<&str> {
    let mut arguments = arguments.iter();
    let mut addresses = Vec::new();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--launch" => drop(arguments.next()),
            option if option.starts_with('-') => {}
            address => addresses.push(address),
        }
    }
    addresses
}

/// One request of HTTP/1.1 on the socket, and its answer.
pub(crate) fn hand_over(socket: &Path, address: &str) -> Result<(), HandOverError> {
    let mut stream = UnixStream::connect(socket).map_err(HandOverError::Unreachable)?;
    let answer = exchange(&mut stream, address).map_err(HandOverError::NoAnswer)?;
    let text = String::from_utf8_lossy(&answer);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    match head.split(' ').nth(1) {
        Some(status) if status.starts_with('2') => Ok(()),
        None => Err(HandOverError::NoAnswer(io::ErrorKind::InvalidData.into())),
        Some(status) => {
            let problem = serde_json::from_str::<Problem>(body).map(|problem| problem.error);
            Err(HandOverError::Refused(problem.unwrap_or_else(|_| format!("HTTP {status}"))))
        }
    }
}

fn exchange(stream: &mut UnixStream, address: &str) -> io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let body = serde_json::to_vec(&OpenUrl { url: address.to_owned() })?;
    let mut request = format!(
        "POST /hook/url HTTP/1.1\r\nHost: anteroom\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend(body);
    stream.write_all(&request)?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER_BYTES).read_to_end(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_other_browsers_are_no_addresses() {
        let of = |line: &str| {
            let arguments: Vec<String> = line.split(' ').map(str::to_owned).collect();
            addresses(&arguments).join(" ")
        };
        assert_eq!(of("https://a.example/"), "https://a.example/");
        assert_eq!(
            of("--new-window https://a.example/ https://b.example/"),
            "https://a.example/ https://b.example/"
        );
        assert_eq!(of("--launch WebBrowser https://a.example/"), "https://a.example/");
        assert_eq!(of("https://a.example/ --launch"), "https://a.example/");
    }
}
