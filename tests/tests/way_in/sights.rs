//! What can be seen of a VM from outside: its desktop, its logs, all that helps to find a fault, its name in a shell.

use std::{fs, process::Stdio};

use anteroom_tests::Daemon;
use anyhow::{Context as _, Result, ensure};

pub(super) async fn show_what_is_going_on(daemon: &Daemon, vm: &str) -> Result<()> {
    let said = async |arguments: &[&str]| {
        let output = daemon.command(arguments).stdin(Stdio::null()).output().await?;
        anyhow::Ok((String::from_utf8_lossy(&output.stdout).trim().to_owned(), output.status.code()))
    };
    let services = daemon.cli(&["logs", "@last"]).await?;
    ensure!(String::from_utf8_lossy(&services.stdout).lines().any(|line| line == "x11vnc"));
    let log = daemon.cli(&["logs", "@last", "x11vnc"]).await?;
    ensure!(String::from_utf8_lossy(&log.stdout).contains("PORT=5900"));

    let scratch = tempfile::tempdir()?;
    let picture = scratch.path().join("desktop.png");
    assert_eq!(said(&["screenshot", vm, "-o", &picture.display().to_string()]).await?.1, Some(0));
    let bytes = fs::read(&picture)?;
    // Of the header: width and height (RFC 2083, section 4.1.1).
    ensure!(bytes[16..24] == [0, 0, 5, 0, 0, 0, 3, 32], "not 1280x800: {:?}", &bytes[..24]);
    fs::copy(&picture, anteroom_tests::artefact("way-in-screenshot.png"))?;

    let archive = scratch.path().join("debug.tar");
    assert_eq!(said(&["debug", vm, "-o", &archive.display().to_string()]).await?.1, Some(0));
    let listed = std::process::Command::new("tar").arg("-tvf").arg(&archive).output()?;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    for name in ["vm.json", "diagnostics.json", "console.log", "services/x11vnc.log", "guest.txt"] {
        let line = listed.lines().find(|line| line.ends_with(name)).with_context(|| listed.clone())?;
        let size: usize = line.split_whitespace().nth(2).context("a size")?.parse()?;
        ensure!(size > 200 || name == "services/x11vnc.log", "{line}");
    }
    let text = String::from_utf8_lossy(&fs::read(&archive)?).into_owned();
    ensure!(text.contains("MemAvailable") && !text.contains("not to be had"), "something is missing");
    ensure!(!text.contains("state=") && !text.contains("code_challenge"), "the sign-in address is in it");

    let completed = daemon.command(&["--", "anteroom", "exec", &vm[..4]]);
    let mut completed = completed;
    let completed = completed.env("COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", "2").output().await?;
    let names = String::from_utf8_lossy(&completed.stdout);
    ensure!(names.split_whitespace().any(|name| name == vm), "{names}");
    Ok(())
}
