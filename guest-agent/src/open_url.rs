//! What `$BROWSER`, `xdg-open`, `x-www-browser` and their like are in the VM: hands the address to the oauth role, and is gone.
//!
//! It does not block, and says success or failure by its exit code, because CLIs fall back to other means on failure.

use std::{process::ExitCode, time::Duration};

use anteroom_protocol::agent::OpenUrl;
use hyper::Method;
use tokio::time::timeout;

use crate::{call::Peer, console};

/// The role answers within milliseconds or not at all.
const PATIENCE: Duration = Duration::from_secs(5);

/// Opens each address among the arguments.
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    let addresses = addresses(arguments);
    if addresses.is_empty() {
        eprintln!("usage: open-url ADDRESS");
        return ExitCode::from(2);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let opened = runtime.map_err(|error| error.to_string()).and_then(|runtime| {
        let oauth = Peer::oauth();
        addresses.into_iter().try_for_each(|address| runtime.block_on(open(&oauth, address)))
    });
    match opened {
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

/// Hands one address to the oauth role. The error never holds it.
pub(crate) async fn open(oauth: &Peer, address: &str) -> Result<(), String> {
    let asked = OpenUrl { url: address.to_owned() };
    match timeout(PATIENCE, oauth.send(Method::POST, "/hook/url", &asked)).await {
        Ok(result) => result.map_err(|error| console::chain(&error)),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
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
