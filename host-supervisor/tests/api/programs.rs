//! The guest's programs, as the agent runs them: real processes of this machine in a home of their own, behind the real frames.
//! Only the role that puts credentials in their places is played here, because the real one needs root.

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    process::Stdio,
    sync::{Arc, Mutex},
};

use anteroom_protocol::{
    SessionId,
    agent::CapturedFile,
    credentials::{News, Order, Place},
    exec::{AGENT, Begun, Ended, ExecId, ExecSpec, Frame, INPUT_WINDOW, UPGRADE_EXEC},
};
use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use bytes::BytesMut;
use hyper_util::rt::TokioIo;
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, Command},
    sync::watch,
};

use crate::guest::Guest;

/// The home of the guest's user, and whose credentials are there.
#[derive(Debug)]
pub(crate) struct Home {
    pub(crate) path: tempfile::TempDir,
    placed: Mutex<Option<SessionId>>,
    /// Changes when a CLI of the test has written its credentials.
    written: watch::Sender<Vec<CapturedFile>>,
    /// How often anything was put there.
    puts: watch::Sender<usize>,
    pub(crate) removed: watch::Sender<usize>,
    commands: Mutex<Vec<ExecSpec>>,
}

impl Default for Home {
    fn default() -> Self {
        let path = tempfile::tempdir().unwrap();
        std::fs::create_dir(path.path().join("bin")).unwrap();
        Self {
            path,
            placed: Mutex::default(),
            written: watch::Sender::default(),
            puts: watch::Sender::default(),
            removed: watch::Sender::default(),
            commands: Mutex::default(),
        }
    }
}

impl Home {
    /// A CLI of that name: a script for sh(1).
    pub(crate) fn has_program(&self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.path.path().join("bin").join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The CLI has written its credentials, at that time.
    pub(crate) fn writes(&self, path: &str, contents: &str, modified_unix_ms: u64) {
        let file = CapturedFile {
            path: path.to_owned(),
            mode: 0o600,
            modified_unix_ms,
            contents: anteroom_protocol::Secret::new(contents),
        };
        self.written.send_replace(vec![file]);
    }

    /// What is there, of a file of credentials.
    pub(crate) fn credentials(&self) -> Vec<String> {
        let text = |file: &CapturedFile| String::from_utf8_lossy(file.contents.expose()).into_owned();
        self.written.borrow().iter().map(text).collect()
    }

    pub(crate) fn puts(&self) -> usize {
        *self.puts.borrow()
    }

    /// What was run, but for the role of the agent.
    pub(crate) fn commands(&self) -> Vec<ExecSpec> {
        self.commands.lock().unwrap().clone()
    }
}

pub(crate) async fn exec(State(guest): State<Arc<Guest>>, request: Request) -> Response {
    tokio::spawn(async move {
        let stream = TokioIo::new(hyper::upgrade::on(request).await.unwrap());
        // A host that hangs up is no fault here.
        let _ = run(&guest.home, stream).await;
    });
    (StatusCode::SWITCHING_PROTOCOLS, [("connection", "upgrade"), ("upgrade", UPGRADE_EXEC)]).into_response()
}

async fn run(home: &Home, stream: impl AsyncRead + AsyncWrite + Send + 'static) -> io::Result<()> {
    let (mut from, mut to) = tokio::io::split(stream);
    let mut inbox = BytesMut::new();
    let Some(Frame::Start(spec)) = next(&mut from, &mut inbox).await? else { panic!("no start") };
    send(&mut to, Frame::Begun(Begun { id: ExecId::random(), output: 0, input: 0 })).await?;
    if spec.argv == [AGENT, "credentials"] {
        assert_eq!(spec.user.as_deref(), Some("root"));
        return keep(home, from, to, inbox).await;
    }
    home.commands.lock().unwrap().push((*spec).clone());
    let mut child = start(home, &spec)?;
    let pid = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap());
    let mut input = child.stdin.take();
    let (mut output, mut errors) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let (mut out, mut err, mut read) = (vec![0; 8192], vec![0; 8192], 0);
    let (mut output_ended, mut errors_ended) = (false, false);
    let limit = async {
        match spec.timeout_ms {
            Some(limit) => tokio::time::sleep(std::time::Duration::from_millis(limit)).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(limit);
    let (mut exit, mut timed_out) = (None, false);
    while exit.is_none() || !output_ended || !errors_ended {
        tokio::select! {
            frame = next(&mut from, &mut inbox) => match frame? {
                Some(Frame::Input(bytes)) => {
                    read += bytes.len() as u64;
                    if let Some(input) = &mut input {
                        let _ = input.write_all(&bytes).await;
                    }
                    send(&mut to, Frame::Credit(read + INPUT_WINDOW)).await?;
                }
                Some(Frame::InputEnd) => input = None,
                Some(Frame::Signal(number)) => {
                    let _ = killpg(pid, Signal::try_from(i32::from(number)).unwrap());
                }
                Some(_) => {}
                None => {
                    let _ = killpg(pid, Signal::SIGHUP);
                    return Ok(());
                }
            },
            count = output.read(&mut out), if !output_ended => match count? {
                0 => output_ended = true,
                count => send(&mut to, Frame::Stdout(out[..count].to_vec().into())).await?,
            },
            count = errors.read(&mut err), if !errors_ended => match count? {
                0 => errors_ended = true,
                count => send(&mut to, Frame::Stderr(err[..count].to_vec().into())).await?,
            },
            status = child.wait(), if exit.is_none() => {
                exit = Some(status?);
                if spec.ends_together {
                    let _ = killpg(pid, Signal::SIGKILL);
                }
            }
            () = &mut limit, if !timed_out => {
                timed_out = true;
                let _ = killpg(pid, Signal::SIGKILL);
            }
        }
    }
    let status = exit.unwrap();
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    let code = status.code().unwrap_or(128 + signal.unwrap_or_default());
    send(&mut to, Frame::Ended(Ended { code, cause: None, timed_out })).await
}

fn start(home: &Home, spec: &ExecSpec) -> io::Result<Child> {
    let bin = home.path.path().join("bin");
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let mut environment: BTreeMap<String, String> = spec.environment.clone();
    environment.insert("PATH".to_owned(), path);
    environment.insert("HOME".to_owned(), home.path.path().display().to_string());
    // Of nothing the agent makes the user's shell.
    let argv = if spec.argv.is_empty() { &["/bin/sh".to_owned()] } else { &spec.argv[..] };
    let program = PathBuf::from(&argv[0]);
    let found = if program.is_absolute() { program } else { bin.join(program) };
    Command::new(found)
        .args(&argv[1..])
        .env_clear()
        .envs(environment)
        .current_dir(home.path.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

/// The role `credentials`, with a home that is in memory only.
async fn keep(
    home: &Home,
    mut from: impl AsyncRead + Unpin + Send + 'static,
    mut to: impl AsyncWrite + Unpin,
    mut inbox: BytesMut,
) -> io::Result<()> {
    let (into, reads) = tokio::io::duplex(16 * 1024 * 1024);
    tokio::spawn(async move {
        let mut into = Some(into);
        while let Ok(Some(frame)) = next(&mut from, &mut inbox).await {
            match frame {
                Frame::Input(bytes) => into.as_mut().unwrap().write_all(&bytes).await.unwrap(),
                Frame::InputEnd => into = None,
                _ => {}
            }
        }
    });
    let mut lines = tokio::io::AsyncBufReadExt::lines(BufReader::new(reads));
    let place: Place = line(&mut lines).await?.unwrap();
    assert!(!place.provider.is_empty());
    let found = home.written.borrow().clone();
    let found = (!found.is_empty()).then_some(found);
    let placed = *home.placed.lock().unwrap();
    tell(&mut to, &News::Found { session: placed, files: found.clone() }).await?;
    let changed = match line::<Order>(&mut lines).await? {
        Some(Order::Put { session, files }) => {
            *home.placed.lock().unwrap() = Some(session);
            home.puts.send_modify(|puts| *puts += 1);
            home.written.send_replace(files);
            true
        }
        Some(Order::Keep) => false,
        Some(Order::Remove) => {
            home.written.send_replace(Vec::new());
            *home.placed.lock().unwrap() = None;
            home.removed.send_modify(|count| *count += 1);
            tell(&mut to, &News::Done { changed: true }).await?;
            return send(&mut to, Frame::Ended(Ended { code: 0, cause: None, timed_out: false })).await;
        }
        None => return Ok(()),
    };
    let mut written = home.written.subscribe();
    written.mark_unchanged();
    tell(&mut to, &News::Done { changed }).await?;
    loop {
        tokio::select! {
            Ok(()) = written.changed() => {
                let files = written.borrow_and_update().clone();
                tell(&mut to, &News::Written { files }).await?;
            }
            end = line::<Order>(&mut lines) => {
                assert!(end?.is_none(), "nothing is said after the order");
                return send(&mut to, Frame::Ended(Ended { code: 0, cause: None, timed_out: false })).await;
            }
        }
    }
}

async fn line<T: serde::de::DeserializeOwned>(
    lines: &mut Lines<impl tokio::io::AsyncBufRead + Unpin>,
) -> io::Result<Option<T>> {
    Ok(lines.next_line().await?.map(|line| serde_json::from_str(&line).unwrap()))
}

async fn tell(to: &mut (impl AsyncWrite + Unpin), news: &News) -> io::Result<()> {
    let mut text = serde_json::to_vec(news).unwrap();
    text.push(b'\n');
    send(to, Frame::Stdout(text.into())).await
}

async fn send(to: &mut (impl AsyncWrite + Unpin), frame: Frame) -> io::Result<()> {
    let mut bytes = BytesMut::new();
    frame.write(&mut bytes).unwrap();
    to.write_all(&bytes).await?;
    to.flush().await
}

async fn next(from: &mut (impl AsyncRead + Unpin), inbox: &mut BytesMut) -> io::Result<Option<Frame>> {
    loop {
        if let Some(frame) = Frame::read(inbox).map_err(io::Error::other)? {
            return Ok(Some(frame));
        }
        if from.read_buf(inbox).await? == 0 {
            return Ok(None);
        }
    }
}
