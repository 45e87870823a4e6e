//! What can be seen of a VM from outside: its desktop, its logs, all that helps to find a fault, its name in a shell.

use std::{fs, process::Stdio, time::Instant};

use anteroom_tests::Daemon;
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{PATIENCE, interrupt};

pub(super) async fn show_what_is_going_on(daemon: &Daemon, vm: &str) -> Result<()> {
    let said = async |arguments: &[&str]| {
        let output = daemon.command(arguments).stdin(Stdio::null()).output().await?;
        anyhow::Ok((String::from_utf8_lossy(&output.stdout).trim().to_owned(), output.status.code()))
    };
    let services = daemon.cli(&["logs", "@last"]).await?;
    ensure!(String::from_utf8_lossy(&services.stdout).lines().any(|line| line == "x11vnc"));
    let log = daemon.cli(&["logs", "@last", "x11vnc"]).await?;
    ensure!(String::from_utf8_lossy(&log.stdout).contains("PORT=5900"));

    top_tells_who_is_busy(daemon).await?;

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

async fn top_tells_who_is_busy(daemon: &Daemon) -> Result<()> {
    let mut busy = daemon.command(&["exec", "@last", "-n", "--", "sh", "-c", "while :; do :; done"]);
    let mut busy = busy.stdin(Stdio::null()).spawn()?;
    let begin = Instant::now();
    loop {
        let said = daemon.cli(&["top", "@last", "--json"]).await?;
        ensure!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        let shown: Value = serde_json::from_slice(&said.stdout)?;
        let processes = shown["processes"].as_array().context("a list")?;
        let is = |process: &&Value, service: &str| {
            process["service"].as_str().is_some_and(|name| name.starts_with(service))
        };
        let init = processes.iter().find(|process| is(process, "init")).context("PID 1")?;
        ensure!(init["pid"] == 1 && init["user"] == "root", "{init}");
        let vnc = processes.iter().find(|process| is(process, "x11vnc")).context("a service")?;
        ensure!(vnc["user"] == "desktop" && vnc["resident_kib"].as_u64() > Some(1000), "{vnc}");
        let first = &processes[0];
        if is(&first, "exec-") && first["name"] == "sh" && first["cpu_percent"].as_f64() > Some(10.0) {
            break;
        }
        ensure!(begin.elapsed() < PATIENCE, "the busy one is not the first: {shown:#}");
    }
    interrupt(&busy)?;
    busy.wait().await?;
    let plain = daemon.cli(&["top", "@last"]).await?;
    let plain = String::from_utf8_lossy(&plain.stdout).into_owned();
    ensure!(plain.trim_start().starts_with("PID") && plain.contains("x11vnc"), "{plain}");
    Ok(())
}
