//! The host's end of the protocol, and programs to try it with.

use std::time::Duration;

use anteroom_protocol::exec::{Begun, Ended, ExecSpec, Frame, TerminalSpec};
use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    time::timeout,
};

use crate::{
    exec::{Programs, serve},
    process::Children,
    service::Groups,
};

pub(super) const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn programs() -> Programs {
    Programs::new(Children::watch().unwrap(), Groups::none())
}

pub(super) fn shell(script: &str) -> ExecSpec {
    ExecSpec {
        argv: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
        user: Some(nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().unwrap().name),
        directory: Some("/".to_owned()),
        ..ExecSpec::default()
    }
}

pub(super) fn on_terminal(script: &str) -> ExecSpec {
    let terminal = TerminalSpec { term: "xterm".to_owned(), rows: 33, columns: 99 };
    ExecSpec { terminal: Some(terminal), ..shell(script) }
}

/// The host's end of one connection.
pub(super) struct Host {
    pub(super) stream: DuplexStream,
    pub(super) inbox: BytesMut,
    pub(super) out: Vec<u8>,
    pub(super) err: Vec<u8>,
}

impl Host {
    pub(super) async fn connect(programs: &Programs, first: Frame) -> Self {
        let (stream, theirs) = duplex(64 * 1024);
        let programs = programs.clone();
        tokio::spawn(async move { serve(theirs, &programs).await });
        let mut host = Self { stream, inbox: BytesMut::new(), out: Vec::new(), err: Vec::new() };
        host.send(first).await;
        host
    }

    pub(super) async fn start(programs: &Programs, spec: ExecSpec) -> Self {
        Self::connect(programs, Frame::Start(Box::new(spec))).await
    }

    pub(super) async fn send(&mut self, frame: Frame) {
        let mut bytes = BytesMut::new();
        frame.write(&mut bytes).unwrap();
        // An agent that has hung up is noticed where its answer is missing.
        let _ = self.stream.write_all(&bytes).await;
    }

    pub(super) async fn input(&mut self, text: &str) {
        self.send(Frame::Input(Bytes::copy_from_slice(text.as_bytes()))).await;
    }

    /// The next frame; nothing when the agent has hung up.
    pub(super) async fn next(&mut self) -> Option<Frame> {
        let next = async {
            loop {
                if let Some(frame) = Frame::read(&mut self.inbox).unwrap() {
                    return Some(frame);
                }
                if self.stream.read_buf(&mut self.inbox).await.unwrap() == 0 {
                    return None;
                }
            }
        };
        timeout(PATIENCE, next).await.expect("the agent says nothing")
    }

    pub(super) async fn begun(&mut self) -> Begun {
        match self.next().await {
            Some(Frame::Begun(begun)) => begun,
            other => panic!("{other:?}"),
        }
    }

    /// Keeps and takes what comes, until this text has.
    pub(super) async fn until(&mut self, text: &str) {
        while !String::from_utf8_lossy(&self.out).contains(text) {
            let frame = self.next().await;
            assert!(self.keep(frame).await.is_none(), "ended before {text:?}: {}", self.text());
        }
    }

    pub(super) async fn ended(&mut self) -> Ended {
        loop {
            let frame = self.next().await;
            if let Some(ended) = self.keep(frame).await {
                self.send(Frame::Seen).await;
                return ended;
            }
        }
    }

    pub(super) async fn refused(&mut self) -> String {
        loop {
            match self.next().await {
                Some(Frame::Refused(problem)) => return problem.error,
                None => panic!("hung up"),
                Some(_) => {}
            }
        }
    }

    async fn keep(&mut self, frame: Option<Frame>) -> Option<Ended> {
        match frame {
            Some(Frame::Stdout(bytes)) => self.out.extend_from_slice(&bytes),
            Some(Frame::Stderr(bytes)) => self.err.extend_from_slice(&bytes),
            Some(Frame::Ended(ended)) => return Some(ended),
            Some(Frame::Begun(_) | Frame::Credit(_)) => return None,
            other => panic!("{other:?}"),
        }
        let taken = (self.out.len() + self.err.len()) as u64;
        self.send(Frame::Taken(taken)).await;
        None
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }
}
