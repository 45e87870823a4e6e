//! Another desktop over WebRTC, as one makes it of a distribution's packages (`baseline/webrtc.py`), on the X server that ours is on.
//!
//! ```text
//!  webrtc.py ──X socket, shared memory──▶ X server of the guest
//!      ▲ offer, pictures, keys: loopback
//!  Chromium, with gstreamer.html
//! ```
//! Only of a guest that is no VM: the program is one of this machine, so the guest needs none of its packages.

use std::{fs, path::Path, process::Stdio, time::Duration};

use anteroom_tests::{artefact, workspace};
use anyhow::{Context as _, Result, bail};
use tempfile::NamedTempFile;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

const SERVER: &str = "tests/bench/baseline/webrtc.py";
const PAGE: &str = include_str!("gstreamer.html");
const PATIENCE: Duration = Duration::from_secs(30);

/// Names the guest's display :1 by the X server's process id, in a file system of this program's own: here another X server may
/// be :1. Pictures are handed over in shared memory, which belongs to the guest's IPC namespace.
const START: &str = r#"
mkdir -p /tmp/.X11-unix
mount -t tmpfs x11 /tmp/.X11-unix
ln -s "/proc/$1/root/tmp/.X11-unix/X1" "/tmp/.X11-unix/X$1"
DISPLAY=:$1 exec /usr/bin/python3 "$2" 0 127.0.0.1
"#;

/// The server, which has nothing to do while nobody looks, and its page.
#[derive(Debug)]
pub(super) struct GStreamer {
    process: Child,
    page: NamedTempFile,
    port: u16,
}

impl GStreamer {
    /// # Errors
    /// When it cannot run here; with its own last word.
    pub(super) async fn before(x_server: u32) -> Result<Self> {
        let page = tempfile::Builder::new().suffix(".html").tempfile()?;
        fs::write(page.path(), PAGE)?;
        let log = artefact("bench-stream-gstreamer.log");
        let mut process = Command::new("nsenter")
            .arg(format!("--ipc=/proc/{x_server}/ns/ipc"))
            .args(["unshare", "--mount", "sh", "-euc", START, "sh", &x_server.to_string()])
            .arg(workspace().join(SERVER))
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&log)?)
            .kill_on_drop(true)
            .spawn()
            .context("nsenter")?;
        let mut lines = BufReader::new(process.stdout.take().context("a pipe")?).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.context("it does not begin")??;
        let Some(line) = line else { bail!("{} (./setup.sh bench installs what it needs)", last_line(&log)) };
        let port = line.rsplit(' ').next().unwrap_or_default().parse().with_context(|| line.clone())?;
        Ok(Self { process, page, port })
    }

    pub(super) fn url(&self) -> String {
        format!("file://{}#http://127.0.0.1:{}/", self.page.path().display(), self.port)
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.process.id()
    }
}

fn last_line(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    text.lines().next_back().unwrap_or("it ends at once").to_owned()
}
