//! A network namespace of a program's own, in which its daemon may make a bridge, and what is left in it.
//!
//! ```text
//!  this program, its daemon, its VMMs: br0 ── fc-vm-…     up0 203.0.113.1 ── up1, where nobody answers
//! ```
//! The namespace goes with the last process in it, and with it all that is checked here: nothing of it is ever this machine's.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{self, Command},
};

use anyhow::{Context as _, Result, ensure};
use nix::{
    sched::{CloneFlags, unshare},
    unistd::geteuid,
};

/// Settings of a daemon in it. Few guests fit: an address that is not given back is soon missed.
pub const SETTINGS: [(&str, &str); 3] = [
    ("ANTEROOM_NETWORK_MODE", "bridge"),
    ("ANTEROOM_NETWORK_IPV4", "192.168.100.1/29"),
    ("ANTEROOM_NETWORK_DNS", "203.0.113.53"),
];

/// Sets whose elements are guests.
const SETS_OF_GUESTS: [&str; 3] = ["ports", "guests", "guests6"];

#[derive(Debug)]
pub struct Seclusion {
    namespace: PathBuf,
}

impl Seclusion {
    /// Takes the calling thread, and every thread and process that it begins afterwards, into a new namespace with an uplink.
    ///
    /// # Errors
    /// When the caller is not root, or the host lacks what it takes.
    pub fn enter() -> Result<Self> {
        ensure!(geteuid().is_root(), "only root may make network namespaces with TAP devices");
        unshare(CloneFlags::CLONE_NEWNET).context("a network namespace")?;
        for arguments in [
            "link set lo up",
            "link add up0 type veth peer name up1",
            "address add 203.0.113.1/24 dev up0",
            "link set up1 up",
            "link set up0 up",
            "route add default via 203.0.113.2",
        ] {
            say("ip", arguments)?;
        }
        Ok(Self { namespace: fs::read_link("/proc/thread-self/ns/net")? })
    }

    /// What is in it of guests, and the processes in it other than this one and the daemon.
    ///
    /// # Errors
    /// When `ip` or `nft` do not say.
    pub fn left_behind(&self, daemon: u32) -> Result<BTreeSet<String>> {
        let mut left: BTreeSet<String> = devices(&say("ip", "-o link")?).into_iter().collect();
        left.extend(elements(&say("nft", "list ruleset")?));
        let neighbours = say("ip", "neigh show nud permanent dev br0").unwrap_or_default();
        left.extend(neighbours.lines().map(|line| format!("neighbour {}", line.trim())));
        left.extend(self.processes().into_iter().filter(|(pid, _)| *pid != daemon).map(|(_, told)| told));
        Ok(left)
    }

    fn processes(&self) -> Vec<(u32, String)> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        pids.filter(|pid| *pid != process::id())
            .filter(|pid| {
                fs::read_link(format!("/proc/{pid}/ns/net")).is_ok_and(|name| name == self.namespace)
            })
            .map(|pid| {
                let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                (pid, format!("process {pid} {}", command.replace('\0', " ")))
            })
            .collect()
    }
}

/// What is mounted below this path, as a process sees it (proc_pid_mountinfo(5)).
#[must_use]
pub fn mounts_below(path: &Path, pid: u32) -> BTreeSet<String> {
    let mounts = fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap_or_default();
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(4));
    points.filter(|point| Path::new(point).starts_with(path)).map(|point| format!("mount {point}")).collect()
}

fn devices(links: &str) -> Vec<String> {
    let names = links.lines().filter_map(|line| line.split(": ").nth(1));
    names.filter(|name| name.starts_with("fc-vm-")).map(|name| format!("device {name}")).collect()
}

/// Of the sets that name guests.
fn elements(ruleset: &str) -> Vec<String> {
    let (mut table, mut set, mut found) = (String::new(), None, Vec::new());
    for line in ruleset.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("table ") {
            table = name.trim_end_matches(" {").to_owned();
        } else if let Some(name) = line.strip_prefix("set ") {
            let name = name.trim_end_matches(" {");
            set = SETS_OF_GUESTS.contains(&name).then(|| name.to_owned());
        } else if line.starts_with("chain ") {
            set = None;
        } else if let (Some(set), Some(elements)) = (&set, line.strip_prefix("elements = ")) {
            found.push(format!("elements of {table} {set}: {elements}"));
        }
    }
    found
}

fn say(program: &str, arguments: &str) -> Result<String> {
    let output = Command::new(program).args(arguments.split_whitespace()).output();
    let output = output.with_context(|| program.to_owned())?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} {arguments}: {told}");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_and_elements_of_guests_are_found_and_others_are_not() {
        let links = "1: lo: <LOOPBACK,UP>\n7: fc-vm-3f2a51c4: <UP> master br0\n8: br0: <UP>\n";
        assert_eq!(devices(links), ["device fc-vm-3f2a51c4"]);
        let ruleset = "table inet anteroom-br0 {\n\tset opened {\n\t\ttype ifname\n\t\telements = { \"up0\" }\n\t}\n\n\
            \tset guests {\n\t\ttype ether_addr . ipv4_addr\n\t\telements = { 02:fc:c0:a8:64:02 . 192.168.100.2 }\n\t}\n\
            \tchain input {\n\t}\n}\n";
        assert_eq!(
            elements(ruleset),
            ["elements of inet anteroom-br0 guests: { 02:fc:c0:a8:64:02 . 192.168.100.2 }"]
        );
    }

    #[test]
    fn what_is_mounted_below_a_path_is_found() {
        assert!(mounts_below(Path::new("/proc"), process::id()).contains("mount /proc"));
        assert!(mounts_below(Path::new("/nowhere"), process::id()).is_empty());
    }
}
