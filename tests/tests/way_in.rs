//! The ways into a VM, as a developer uses them: programs, a shell, files, ports, logs; and a terminal in the page.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    process::Stdio,
    time::{Duration, Instant},
};

use anteroom_tests::{Daemon, Turn, browser::Browser, daemon::Options, screen::Screen, skip};
use anyhow::{Context as _, Result, ensure};
use fantoccini::Locator;
use nix::sys::signal::Signal;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// A daemon with one VM whose desktop stands.
async fn with_vm(test: &str) -> Result<(Daemon, String)> {
    let daemon = Daemon::start(test, "test", Options::default()).await?;
    let session = daemon.start_session("demo", "alice").await?;
    let shown = daemon.wait_for(&session, &["awaiting_user_auth"]).await?;
    let vm = shown["vm_id"].as_str().context("a VM")?.to_owned();
    Ok((daemon, vm))
}

/// Standard output, standard error and exit code of a program in the VM that reads this.
async fn exec(daemon: &Daemon, arguments: &[&str], input: &[u8]) -> Result<(Vec<u8>, String, i32)> {
    let arguments: Vec<&str> = ["exec", "@last"].into_iter().chain(arguments.iter().copied()).collect();
    let mut command = daemon.command(&arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let mut stdin = child.stdin.take().context("a pipe")?;
    let feed = async {
        // Who reads nothing closes it.
        let _ = stdin.write_all(input).await;
        drop(stdin);
    };
    let (output, ()) = timeout(PATIENCE, async { tokio::join!(child.wait_with_output(), feed) })
        .await
        .with_context(|| format!("{arguments:?} does not end"))?;
    let output = output?;
    let code = output.status.code().context("no signal has ended the command")?;
    Ok((output.stdout, String::from_utf8_lossy(&output.stderr).into_owned(), code))
}

#[tokio::test]
async fn programs_files_ports_and_logs_of_a_vm_are_within_reach() -> Result<()> {
    let _turn = Turn::take()?;
    let (daemon, vm) = with_vm("way-in").await?;
    programs(&daemon).await?;
    programs_that_go_on_alone(&daemon, &vm).await?;
    what_is_carried_costs_no_memory(&daemon, &vm).await?;
    files(&daemon).await?;
    ports_and_logs(&daemon, &vm).await?;
    daemon.stop().await
}

async fn programs(daemon: &Daemon) -> Result<()> {
    let every_byte: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let (out, err, code) =
        exec(daemon, &["--", "sh", "-c", "cat; echo oops >&2; exit 7"], &every_byte).await?;
    ensure!(out == every_byte, "{} bytes came back", out.len());
    assert_eq!((err.as_str(), code), ("oops\n", 7));

    let said = async |arguments: &[&str]| {
        let (out, err, code) = exec(daemon, arguments, b"").await?;
        anyhow::Ok((String::from_utf8_lossy(&out).trim().to_owned(), err, code))
    };
    assert_eq!(
        said(&["-e", "WHO=me", "--cwd", "/tmp", "--", "sh", "-c", "echo $WHO $PWD $(id -un)"]).await?.0,
        "me /tmp desktop"
    );
    assert_eq!(said(&["-u", "root", "--", "id", "-un"]).await?.0, "root");
    assert_eq!(said(&["--", "sh", "-c", "kill -9 $$"]).await?.2, 137);
    assert_eq!(said(&["--timeout", "1", "--", "sleep", "60"]).await?.2, 124);
    assert_eq!(said(&["--", "no-such-program"]).await?.2, 127);
    assert_eq!(said(&["--", "/etc/passwd"]).await?.2, 126);
    let refused = said(&["-u", "nobody-here", "--", "true"]).await?;
    assert_eq!(refused.2, 125);
    ensure!(refused.1.contains("no user"), "{}", refused.1);
    assert_eq!(daemon.cli(&["exec", "ffffffff", "--", "true"]).await?.status.code(), Some(125));

    // Its processes are a session and a control group of their own, and are the guest's, not the agent's.
    let (group, _, _) =
        said(&["--", "sh", "-c", "cat /proc/self/cgroup; ps -o sid= -p $$ 2>/dev/null"]).await?;
    ensure!(group.starts_with("0::/exec-"), "{group}");

    // A signal to the command is one to the program.
    let mut command = daemon.command(&[
        "exec",
        "@last",
        "-n",
        "--",
        "sh",
        "-c",
        "trap 'echo heard; exit 9' TERM; echo ready; while :; do sleep 0.1; done",
    ]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("a pipe")?).lines();
    assert_eq!(timeout(PATIENCE, lines.next_line()).await??.as_deref(), Some("ready"));
    let pid = i32::try_from(child.id().context("a process")?)?;
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGTERM)?;
    assert_eq!(timeout(PATIENCE, lines.next_line()).await??.as_deref(), Some("heard"));
    assert_eq!(timeout(PATIENCE, child.wait()).await??.code(), Some(9));
    Ok(())
}

async fn programs_that_go_on_alone(daemon: &Daemon, vm: &str) -> Result<()> {
    let said = async |arguments: &[&str]| {
        let output = daemon.command(arguments).stdin(Stdio::null()).output().await?;
        anyhow::Ok((String::from_utf8_lossy(&output.stdout).trim().to_owned(), output.status.code()))
    };
    let script = "echo begun; read line; echo got $line; exit 6";
    let (id, code) = said(&["exec", vm, "--detach", "--", "sh", "-c", script]).await?;
    assert_eq!((id.len(), code), (32, Some(0)));
    let (list, _) = said(&["ps", vm]).await?;
    ensure!(list.contains(&id[..8]) && list.contains("desktop"), "{list}");
    let mut attached = daemon.command(&["attach", vm, &id[..6]]);
    let mut attached = attached.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(attached.stdout.take().context("a pipe")?).lines();
    assert_eq!(timeout(PATIENCE, lines.next_line()).await??.as_deref(), Some("begun"));
    attached.stdin.take().context("a pipe")?.write_all(b"it\n").await?;
    assert_eq!(timeout(PATIENCE, lines.next_line()).await??.as_deref(), Some("got it"));
    assert_eq!(timeout(PATIENCE, attached.wait()).await??.code(), Some(6));
    // Its end was seen.
    assert_eq!(said(&["attach", vm, &id]).await?.1, Some(125));

    // A command that dies leaves a program that goes on, and can be followed again with what was missed.
    let mut command =
        daemon.command(&["exec", vm, "--", "sh", "-c", "echo one; read line; echo $line; exit 8"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("a pipe")?).lines();
    assert_eq!(timeout(PATIENCE, lines.next_line()).await??.as_deref(), Some("one"));
    child.kill().await?;
    let mut attached = daemon.command(&["attach", vm]);
    let mut attached = attached.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    attached.stdin.as_mut().context("a pipe")?.write_all(b"two\n").await?;
    let output = timeout(PATIENCE, attached.wait_with_output()).await??;
    assert_eq!((output.stdout.as_slice(), output.status.code()), (&b"one\ntwo\n"[..], Some(8)));

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

/// 64 MiB through the agent of a VM, to somebody who reads slowly at first.
async fn what_is_carried_costs_no_memory(daemon: &Daemon, vm: &str) -> Result<()> {
    let memory = async || {
        let shown = daemon.fetch(&format!("/api/vms/{vm}/diagnostics")).await?;
        shown["memory"]["roles_kib"]["init"].as_u64().context("the agent's memory")
    };
    let before = memory().await?;
    let arguments = ["exec", "@last", "-n", "--", "head", "-c", "67108864", "/dev/zero"];
    let mut child = daemon.command(&arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let meanwhile = memory().await?;
    let mut out = child.stdout.take().context("a pipe")?;
    let carried = timeout(PATIENCE, tokio::io::copy(&mut out, &mut tokio::io::sink())).await??;
    assert_eq!(carried, 64 << 20);
    ensure!(child.wait().await?.success());
    let after = memory().await?;
    // The window is 1 MiB; buffers on the way and the allocator's own have their part.
    for kib in [meanwhile, after] {
        ensure!(kib < before + 6 * 1024, "the agent has grown from {before} to {kib} KiB");
    }
    Ok(())
}

async fn files(daemon: &Daemon) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let here = |name: &str| scratch.path().join(name).display().to_string();
    let tree = scratch.path().join("tree");
    fs::create_dir_all(tree.join("deep"))?;
    let random: Vec<u8> =
        (0..3_000_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    fs::write(tree.join("deep/data"), &random)?;
    fs::set_permissions(tree.join("deep/data"), fs::Permissions::from_mode(0o640))?;
    symlink("deep/data", tree.join("link"))?;
    fs::File::create(tree.join("hole"))?.set_len(32 << 20)?;
    let cp = async |from: &str, to: &str| {
        let output = daemon.cli(&["cp", "--quiet", from, to]).await?;
        anyhow::Ok((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
    };
    assert_eq!(cp(&here("tree"), "@last:").await?, (true, String::new()));
    assert_eq!(cp("@last:tree", "@last:/tmp/again").await?, (true, String::new()));
    assert_eq!(cp("@last:/tmp/again", &here("back")).await?, (true, String::new()));
    let back = scratch.path().join("back");
    ensure!(fs::read(back.join("deep/data"))? == random);
    assert_eq!(fs::metadata(back.join("deep/data"))?.mode() & 0o7777, 0o640);
    let modified = |path: &std::path::Path| anyhow::Ok(fs::metadata(path)?.mtime());
    assert_eq!(modified(&back.join("deep/data"))?, modified(&tree.join("deep/data"))?);
    assert_eq!(fs::read_link(back.join("link"))?, std::path::Path::new("deep/data"));
    let hole = fs::metadata(back.join("hole"))?;
    assert_eq!((hole.len(), hole.blocks()), (32 << 20, 0));
    let (missing, why) = cp("@last:/nonexistent", &here("x")).await?;
    ensure!(!missing && why.contains("/nonexistent: no such file"), "{why}");
    let (forbidden, why) = cp(&here("tree"), "@last:/root/").await?;
    ensure!(!forbidden && why.contains("denied"), "{why}");
    Ok(())
}

async fn ports_and_logs(daemon: &Daemon, vm: &str) -> Result<()> {
    let mut forward =
        daemon.command(&["forward", "@last", "8080:0", "5900:0"]).stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(forward.stdout.take().context("a pipe")?).lines();
    let mut local = Vec::new();
    for port in [8080, 5900] {
        let line = timeout(PATIENCE, lines.next_line()).await??.context("a line")?;
        let (address, rest) = line.split_once(' ').context("an address")?;
        assert_eq!(rest, format!("is port {port} of VM {vm}"));
        local.push(address.to_owned());
    }
    let health = reqwest::get(format!("http://{}/health", local[0])).await?.text().await?;
    ensure!(health.contains("\"status\":\"ok\""), "{health}");
    let greetings: Vec<_> = (0..20)
        .map(|_| {
            let address = local[1].clone();
            tokio::task::spawn_blocking(move || {
                let mut stream = TcpStream::connect(address)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                let mut greeting = [0; 12];
                stream.read_exact(&mut greeting)?;
                stream.write_all(&greeting)?;
                std::io::Result::Ok(greeting)
            })
        })
        .collect();
    for greeting in greetings {
        assert_eq!(&greeting.await??, b"RFB 003.008\n");
    }
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(i32::try_from(forward.id().context("a process")?)?),
        Signal::SIGINT,
    )?;
    ensure!(timeout(PATIENCE, forward.wait()).await??.success());

    // The other direction: a program of ours that answers in capitals, for twenty callers in the VM.
    let ours = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let map = format!("7777:{}", ours.local_addr()?.port());
    let mut forward = daemon.command(&["forward", "@last", "-R", &map]).stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(forward.stdout.take().context("a pipe")?).lines();
    let line = timeout(PATIENCE, lines.next_line()).await??.context("a line")?;
    ensure!(line.starts_with(&format!("port 7777 of VM {vm} is 127.0.0.1:")), "{line}");
    let answering = tokio::spawn(async move {
        loop {
            let Ok((mut caller, _)) = ours.accept().await else { return };
            tokio::spawn(async move {
                let mut heard = [0; 5];
                tokio::io::AsyncReadExt::read_exact(&mut caller, &mut heard).await?;
                caller.write_all(&heard.to_ascii_uppercase()).await
            });
        }
    });
    let callers = "for n in $(seq 20); do (exec 3<>/dev/tcp/127.0.0.1/7777; echo -n hello >&3; cat <&3; echo) & done; wait";
    let (out, err, _) = exec(daemon, &["-n", "--", "bash", "-c", callers], b"").await?;
    // Twenty programs write into one pipe: in whatever order.
    assert_eq!(String::from_utf8_lossy(&out).matches("HELLO").count(), 20, "{err}");
    answering.abort();
    forward.kill().await?;
    let (_, err, _) =
        exec(daemon, &["-n", "--", "bash", "-c", "sleep 1; exec 3<>/dev/tcp/127.0.0.1/7777"], b"").await?;
    ensure!(err.contains("refused"), "somebody listens still: {err}");

    let services = daemon.cli(&["logs", "@last"]).await?;
    ensure!(String::from_utf8_lossy(&services.stdout).lines().any(|line| line == "x11vnc"));
    let log = daemon.cli(&["logs", "@last", "x11vnc"]).await?;
    ensure!(String::from_utf8_lossy(&log.stdout).contains("PORT=5900"));
    Ok(())
}

#[tokio::test]
async fn a_shell_is_a_terminal_and_outlives_its_daemon() -> Result<()> {
    let _turn = Turn::take()?;
    let (mut daemon, _) = with_vm("shell").await?;
    let scratch = tempfile::tempdir()?;
    let screen = Screen::open(90, 30, &daemon.client_environment())?;
    let ours = format!(
        "{} shell @last; echo \"code $?\"; stty -a | grep -c -- -icanon",
        anteroom_tests::daemon::binary().display()
    );
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
    screen.enter("clear; sleep 600; echo interrupted $?")?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    screen.press("C-c")?;
    screen.until_end(":~$").await?;
    screen.enter("sleep 601")?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    screen.press("C-z")?;
    screen.until_line("[1]+  Stopped                 sleep 601").await?;
    screen.enter("kill %1; clear")?;

    // As much as a terminal takes at once, into a program that reads lines.
    let text: String = (0..14_000).map(|n| format!("{n:070}\n")).collect();
    fs::write(scratch.path().join("text"), &text)?;
    screen.enter("clear; stty -echo; wc -c; stty echo")?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    screen.paste(&scratch.path().join("text").display().to_string())?;
    let pasted = text.len().to_string();
    let begin = Instant::now();
    loop {
        // The end of the file is a key, too, and comes after everything that was pasted.
        tokio::time::sleep(Duration::from_secs(1)).await;
        screen.press("C-d")?;
        if screen.until_line(&pasted).await.is_ok() {
            break;
        }
        ensure!(begin.elapsed() < PATIENCE, "{}", screen.shown()?);
    }

    // The daemon dies, another one comes; what was typed meanwhile is not lost.
    screen.enter("clear; (sleep 3; echo; echo said meanwhile) &")?;
    tokio::time::sleep(Duration::from_secs(1)).await;
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
        let (out, ..) = exec(
            &daemon,
            &["-n", "-u", "root", "--", "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"],
            b"",
        )
        .await?;
        if !String::from_utf8_lossy(&out).contains("sleep 602") {
            break;
        }
        ensure!(begin.elapsed() < PATIENCE, "it is left behind");
    }
    daemon.stop().await
}

#[tokio::test]
async fn a_terminal_in_the_page_is_one_of_the_vm_and_takes_files() -> Result<()> {
    if let Some(program) = Browser::missing() {
        skip(
            "a_terminal_in_the_page_is_one_of_the_vm_and_takes_files",
            &format!("{program} is missing (./setup.sh test installs it)"),
        );
        return Ok(());
    }
    let _turn = Turn::take()?;
    let (mut daemon, vm) = with_vm("page-terminal").await?;
    let shown = daemon.fetch(&format!("/api/vms/{vm}")).await?;
    let session = shown["vm"]["session_id"].as_str().context("a session")?.to_owned();
    let browser = Browser::open().await?;
    let page = &browser.page;
    page.goto(&daemon.url(&format!("/session/{session}/terminal#key={}", daemon.key))).await?;
    let keys = page.wait().for_element(Locator::Css(".xterm-helper-textarea")).await?;
    on_screen(page, ":~$").await?;
    keys.send_keys("clear; echo \"grüße $((6*7))\"; stty size\n").await?;
    on_screen(page, "grüße 42").await?;

    // A file is put into the home directory, whole.
    let drop = r#"
        const files = new DataTransfer();
        files.items.add(new File(["x".repeat(2000000) + "end"], "a 'file'.txt"));
        const event = new DragEvent("drop", { dataTransfer: files, bubbles: true });
        document.querySelector(".vm-terminal").dispatchEvent(event);
    "#;
    page.execute(drop, Vec::new()).await?;
    page.wait()
        .at_most(PATIENCE)
        .for_element(Locator::XPath(
            "//*[contains(@class, 'terminal-note') and contains(., 'is in the home directory')]",
        ))
        .await?;
    keys.send_keys("wc -c *.txt; tail -c 3 *.txt; ls *.part\n").await?;
    on_screen(page, "2000003 a 'file'.txt").await?;
    on_screen(page, "end").await?;

    // Another daemon goes on with the same shell.
    keys.send_keys("clear; cd /tmp; KEPT=still-here; (sleep 3; echo; echo said meanwhile) &\n").await?;
    on_screen(page, ":/tmp$").await?;
    daemon.end_by(Signal::SIGKILL).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    keys.send_keys("echo $KEPT $PWD\n").await?;
    daemon.start_again().await?;
    on_screen(page, "still-here /tmp").await?;
    on_screen(page, "said meanwhile").await?;
    browser.screenshot(&anteroom_tests::artefact("page-terminal.png")).await?;
    keys.send_keys("exit 3\n").await?;
    page.wait()
        .at_most(PATIENCE)
        .for_element(Locator::XPath("//*[contains(@class, 'terminal-note') and contains(., 'code 3')]"))
        .await?;
    browser.close().await?;
    daemon.stop().await
}

/// Waits until a row of the page's terminal has this text.
async fn on_screen(page: &fantoccini::Client, text: &str) -> Result<()> {
    let begin = Instant::now();
    loop {
        let rows = page
            .execute(
                "return [...document.querySelectorAll('.xterm-rows > div')].map((row) => row.textContent)",
                Vec::new(),
            )
            .await?;
        let shows = |row: &serde_json::Value| {
            row.as_str().is_some_and(|row| row.replace('\u{a0}', " ").contains(text))
        };
        if rows.as_array().is_some_and(|rows| rows.iter().any(shows)) {
            return Ok(());
        }
        ensure!(begin.elapsed() < PATIENCE, "{text:?} is not in the terminal: {rows:#}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
