//! Ports of the VM here, and of ours there.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::PermissionsExt as _,
    process::Stdio,
};

use anteroom_tests::Daemon;
use anyhow::{Context as _, Result, ensure};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    time::timeout,
};

use super::{PATIENCE, exec, interrupt};

pub(super) async fn lead_in_and_out(daemon: &Daemon, vm: &str) -> Result<()> {
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
    interrupt(&forward)?;
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

    Ok(())
}

/// The desktop, for a viewer that is told the address; `--open` hands it to the program that this machine has for such.
pub(super) async fn show_the_desktop(daemon: &Daemon) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let opener = scratch.path().join("xdg-open");
    std::fs::write(&opener, "#!/bin/sh\necho \"$1\" > \"$0.said\"\n")?;
    std::fs::set_permissions(&opener, std::fs::Permissions::from_mode(0o755))?;
    let path = std::env::join_paths(
        [scratch.path().to_owned()]
            .into_iter()
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    )?;
    let mut command = daemon.command(&["vnc", "@last", "--open"]);
    let mut vnc = command.env("PATH", path).stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(vnc.stdout.take().context("a pipe")?).lines();
    let address = timeout(PATIENCE, lines.next_line()).await??.context("a line")?;
    let local = address.strip_prefix("vnc://127.0.0.1:").context(address.clone())?;
    let mut viewer = tokio::net::TcpStream::connect(("127.0.0.1", local.parse()?)).await?;
    let mut greeting = [0; 12];
    timeout(PATIENCE, tokio::io::AsyncReadExt::read_exact(&mut viewer, &mut greeting)).await??;
    assert_eq!(&greeting, b"RFB 003.008\n");
    let said = timeout(PATIENCE, async {
        loop {
            match std::fs::read_to_string(opener.with_extension("said")) {
                Ok(said) if said.ends_with('\n') => return said,
                _ => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            }
        }
    })
    .await?;
    assert_eq!(said.trim_end(), address);
    interrupt(&vnc)?;
    ensure!(timeout(PATIENCE, vnc.wait()).await??.success());
    let missing = daemon.cli(&["vnc", "ffffffff"]).await?;
    assert_eq!(missing.status.code(), Some(4), "{}", String::from_utf8_lossy(&missing.stderr));
    Ok(())
}
