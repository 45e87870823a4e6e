//! `anteroom vnc`: a VM's desktop for a VNC viewer of the person's own.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::{Command, Stdio},
    thread,
};

use anteroom_protocol::{agent::UPGRADE_TCP, ports::GUEST_VNC};
use serde_json::Value;
use tokio::net::TcpListener;

use super::{
    args::VncArguments,
    client::Client,
    exit::{Exit, Problem},
    forward, show, vm_name,
};

/// What the service is called that shows the desktop.
const SERVICE: &str = "x11vnc";
/// What knows which program shows an address.
const OPENER: &str = "xdg-open";

/// Serves until it is interrupted.
pub(super) async fn run(arguments: &VncArguments, client: &Client) -> Result<Exit, Problem> {
    let vm = vm_name::resolve(client, &arguments.vm).await?;
    let path = format!("/api/vms/{vm}/ports/{GUEST_VNC}");
    must_answer(client, &vm, &path).await?;
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port));
    let listener = TcpListener::bind(local)
        .await
        .map_err(|error| Problem::failed(format!("{local}: {error}; name another one: --port PORT")))?;
    let address = format!("vnc://{}", listener.local_addr()?);
    show::line(&address);
    if arguments.open {
        // Some openers wait for the viewer's end, and this does not.
        thread::spawn(move || open(&address));
    }
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        never = forward::lead_in(client, &path, listener) => match never {},
    }
    Ok(Exit::Ok)
}

/// A viewer would only say that the connection was closed.
async fn must_answer(client: &Client, vm: &str, path: &str) -> Result<(), Problem> {
    let Err(error) = client.upgrade(path, UPGRADE_TCP).await else { return Ok(()) };
    let shown = client.get(&format!("/api/vms/{vm}")).await?;
    if has_no_desktop(&shown["vm"]) {
        let message = format!("VM {vm} has no desktop: no service {SERVICE} is in its image");
        return Err(Problem::new(Exit::NotFound, message));
    }
    Err(error.into())
}

/// As its services say; one that has told of none so far may have one.
fn has_no_desktop(vm: &Value) -> bool {
    let services = vm["services"].as_array().map(Vec::as_slice).unwrap_or_default();
    !services.is_empty() && services.iter().all(|service| service["name"] != SERVICE)
}

/// Says what is wrong when it does not work; the address is good all the same.
fn open(address: &str) {
    let mut opener = Command::new(OPENER);
    let opened =
        opener.arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let why = match opened {
        Ok(status) if status.success() => return,
        Ok(status) => format!("it ended with {status}, most likely because no VNC viewer is installed"),
        Err(error) => error.to_string(),
    };
    eprintln!("anteroom: {OPENER}: {why}; open {address} in a viewer yourself");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_vm_has_no_desktop_when_its_services_are_known_and_none_shows_it() {
        assert!(has_no_desktop(&json!({ "services": [{ "name": "oauth" }] })));
        assert!(!has_no_desktop(&json!({ "services": [{ "name": "oauth" }, { "name": "x11vnc" }] })));
        assert!(!has_no_desktop(&json!({ "services": [] })), "nothing is known so far");
    }
}
