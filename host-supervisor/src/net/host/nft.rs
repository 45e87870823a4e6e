//! The program nft(8), which turns the text of rules into one transaction of the kernel: all of it, or nothing.

use std::{collections::BTreeSet, path::PathBuf, process::Stdio, time::Duration};

use serde::Deserialize;
use tokio::{io::AsyncWriteExt as _, process::Command};

use super::{HostNetworkError, forwarding::Interfaces, ruleset};
use crate::vmm::process::find_program;

/// For a transaction that takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much of what nft says is worth repeating, in characters.
const MAX_MESSAGE: usize = 500;

#[derive(Debug)]
pub(super) struct Nft {
    program: PathBuf,
}

impl Nft {
    /// nft is in `/usr/sbin` on Debian, which is not in every user's `PATH`.
    pub(super) fn find(name: &str) -> Result<Self, HostNetworkError> {
        find_program(name, &["/usr/sbin".into(), "/sbin".into()])
            .map(|program| Self { program })
            .ok_or_else(|| HostNetworkError::NoNft(name.to_owned()))
    }

    pub(super) async fn apply(&self, rules: &str) -> Result<(), HostNetworkError> {
        self.run(&["-f", "-"], rules).await.map(drop)
    }

    /// Has the kernel say whether it would take them.
    pub(super) async fn check(&self, rules: &str) -> Result<(), HostNetworkError> {
        self.run(&["--check", "-f", "-"], rules).await.map(drop)
    }

    pub(super) async fn version(&self) -> Result<String, HostNetworkError> {
        self.run(&["--version"], "").await.map(|text| text.trim().to_owned())
    }

    /// All chains of everybody, as JSON.
    pub(super) async fn chains(&self) -> Result<String, HostNetworkError> {
        self.run(&["--json", "list", "chains"], "").await
    }

    /// The interfaces that the rules of this bridge guard; none where there are no rules.
    pub(super) async fn opened(&self, bridge: &str) -> Result<Interfaces, HostNetworkError> {
        Ok(Interfaces {
            v4: self.names(bridge, ruleset::OPENED).await?,
            v6: self.names(bridge, ruleset::OPENED6).await?,
        })
    }

    async fn names(&self, bridge: &str, set: &str) -> Result<BTreeSet<String>, HostNetworkError> {
        match self.run(&["--json", "list", "set", "inet", &ruleset::table(bridge), set], "").await {
            Ok(text) => names(&text).map_err(|error| HostNetworkError::Rules(format!("{set}: {error}"))),
            Err(HostNetworkError::Rules(text)) if text.contains("No such file or directory") => {
                Ok(BTreeSet::new())
            }
            Err(error) => Err(error),
        }
    }

    async fn run(&self, arguments: &[&str], input: &str) -> Result<String, HostNetworkError> {
        let mut child = Command::new(&self.program)
            .args(arguments)
            // Its messages are told apart by their text.
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(HostNetworkError::Nft)?;
        let stdin = child.stdin.take();
        let work = async move {
            if let Some(mut stdin) = stdin {
                // A program that has ended without reading says why on its standard error.
                let _ = stdin.write_all(input.as_bytes()).await;
            }
            child.wait_with_output().await
        };
        let output = tokio::time::timeout(PATIENCE, work)
            .await
            .map_err(|_| HostNetworkError::Rules(format!("no answer within {} s", PATIENCE.as_secs())))?
            .map_err(HostNetworkError::Nft)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let message: String =
            String::from_utf8_lossy(&output.stderr).trim().chars().take(MAX_MESSAGE).collect();
        Err(if message.contains("Operation not permitted") {
            HostNetworkError::Privilege("the rules of the network".to_owned())
        } else {
            HostNetworkError::Rules(message)
        })
    }
}

/// The elements of a set of interface names, as libnftables-json(5) has them.
fn names(text: &str) -> Result<BTreeSet<String>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Listing {
        nftables: Vec<Object>,
    }
    #[derive(Deserialize)]
    struct Object {
        set: Option<Set>,
    }
    #[derive(Deserialize)]
    struct Set {
        #[serde(default)]
        elem: BTreeSet<String>,
    }
    let listing: Listing = serde_json::from_str(text)?;
    Ok(listing.nftables.into_iter().filter_map(|object| object.set).flat_map(|set| set.elem).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_elements_of_a_set_are_read_from_nfts_json() {
        let listing = |set: &str| {
            format!(
                r#"{{"nftables": [{{"metainfo": {{"version": "1.0.6", "json_schema_version": 1}}}}, {set}]}}"#
            )
        };
        let set = r#"{"set": {"family": "inet", "name": "opened", "table": "anteroom-br0", "type": "ifname",
            "handle": 8, "elem": ["eth0", "wlan0"]}}"#;
        assert_eq!(names(&listing(set)).unwrap(), BTreeSet::from(["eth0".to_owned(), "wlan0".to_owned()]));
        let empty = r#"{"set": {"family": "inet", "name": "opened", "table": "anteroom-br0", "handle": 8}}"#;
        assert!(names(&listing(empty)).unwrap().is_empty());
        assert!(names("Error").is_err());
    }

    #[test]
    fn a_host_without_nft_is_told_which_package_has_it() {
        let error = Nft::find("nft-that-is-nowhere").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the program nft-that-is-nowhere is missing: install the package nftables"
        );
    }
}
