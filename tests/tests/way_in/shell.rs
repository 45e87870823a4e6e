//! A shell, driven through a terminal: what is on its screen counts.

use std::{
    fs,
    process::Stdio,
    time::{Duration, Instant},
};

use anteroom_tests::{Turn, screen::Screen};
use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use tokio::time::timeout;

use super::{PATIENCE, exec, with_vm};

/// All processes on a screen of their own, which leaves the terminal as it was.
async fn top_comes_and_goes(screen: &Screen) -> Result<()> {
    screen.enter(&format!("clear; {} top @last --every 1", anteroom_tests::daemon::binary().display()))?;
    screen.until_text("x11vnc").await?;
    screen.press("q")?;
    screen.until_end("here$").await?;
    screen.enter("clear; stty -a | grep -c -- -icanon")?;
    screen.until_line("0").await?;
    screen.enter("clear")?;
    Ok(())
}

#[tokio::test]
async fn a_shell_is_a_terminal_and_outlives_its_daemon() -> Result<()> {
    let _turn = Turn::take()?;
    let (mut daemon, vm) = with_vm("shell").await?;
    let shown = daemon.fetch(&format!("/api/vms/{vm}")).await?;
    let session = shown["vm"]["session_id"].as_str().context("a session")?.to_owned();
    let scratch = tempfile::tempdir()?;
    let screen = Screen::open(90, 30, &daemon.client_environment())?;
    let ours = format!(
        "{} shell @last; echo \"code $?\"; stty -a | grep -c -- -icanon",
        anteroom_tests::daemon::binary().display()
    );
    top_comes_and_goes(&screen).await?;
    screen.enter(&ours)?;
    screen.until_end(":~$").await?;
    screen.enter("stty size; echo 'grüße ✓'; test -t 0 && tty | cut -c1-9")?;
    for line in ["30 90", "grüße ✓", "/dev/pts/"] {
        screen.until_line(line).await?;
    }
    screen.resize(71, 22)?;
    screen.enter("clear; stty size")?;
    screen.until_line("22 71").await?;

    // Keys are the program's, jobs are the shell's.
    screen.enter("clear; sh -c 'echo begun; exec sleep 600'")?;
    screen.until_line("begun").await?;
    screen.press("C-c")?;
    screen.until_end(":~$").await?;
    screen.enter("clear; sh -c 'echo stops; exec sleep 601'")?;
    screen.until_line("stops").await?;
    screen.press("C-z")?;
    screen.until_line("[1]+  Stopped                 sh -c 'echo stops; exec sleep 601'").await?;
    screen.enter("kill %1; clear")?;

    // As much as a terminal takes at once, into a program that reads lines.
    let text: String = (0..14_000).map(|n| format!("{n:070}\n")).collect();
    fs::write(scratch.path().join("text"), &text)?;
    screen.enter("clear; stty -echo; echo counts; wc -c; stty echo")?;
    screen.until_line("counts").await?;
    screen.paste(&scratch.path().join("text").display().to_string())?;
    // The end of the file is a key, too, and comes after everything that was pasted. A second one would end the shell.
    screen.press("C-d")?;
    screen.until_line(&text.len().to_string()).await?;

    let mut events = daemon.command(&["events", &session, "--follow"]);
    let events = events.stdout(Stdio::piped()).spawn()?;

    // The daemon dies, another one comes; what was typed meanwhile is not lost.
    screen.enter("clear; (sleep 3; echo; echo said meanwhile) & echo waits")?;
    screen.until_line("waits").await?;
    daemon.end_by(Signal::SIGKILL).await?;
    screen.enter("echo typed meanwhile")?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    daemon.start_again().await?;
    screen.until_line("typed meanwhile").await?;
    screen.until_line("said meanwhile").await?;
    screen.enter("exit 5")?;
    screen.until_line("code 5").await?;
    screen.until_line("0").await?;

    // The way out of a shell that does not listen; and our terminal is as it was.
    screen.enter(&format!("clear; {ours}"))?;
    screen.until_end(":~$").await?;
    screen.enter("sleep 602")?;
    screen.type_text("~.")?;
    screen.until_line("code 125").await?;
    screen.until_line("0").await?;
    let begin = Instant::now();
    loop {
        let ps = ["-n", "-u", "root", "--", "ps", "-eo", "pid,ppid,pgid,tpgid,stat,etimes,args"];
        let (out, ..) = exec(&daemon, &ps, b"").await?;
        let all = String::from_utf8_lossy(&out).into_owned();
        if !all.contains("sleep 602") {
            break;
        }
        ensure!(begin.elapsed() < PATIENCE, "it is left behind:\n{all}");
    }

    // Who follows what is seen of it has not missed the other daemon, and has heard nothing twice.
    ensure!(daemon.cli(&["session", "rm", &session]).await?.status.success());
    let told = timeout(PATIENCE, events.wait_with_output()).await??;
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    for text in [
        "vm      desktop-ready",
        "session started: ",
        "vm      taken-over",
        "session the daemon was restarted",
        "vm      gone",
    ] {
        ensure!(told.matches(text).count() == 1, "{text}:\n{told}");
    }
    daemon.stop().await
}
