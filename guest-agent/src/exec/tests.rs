//! Real programs behind the real protocol; only vsock is missing.

use std::time::Duration;

use anteroom_protocol::exec::{
    Attach, Begun, Ended, ExecId, ExecSpec, Frame, INPUT_WINDOW, OUTPUT_WINDOW, TerminalSpec,
};
use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    time::{sleep, timeout},
};

use super::*;
use crate::{process::Children, service::Groups};

const PATIENCE: Duration = Duration::from_secs(20);

fn programs() -> Programs {
    Programs::new(Children::watch().unwrap(), Groups::none())
}

fn shell(script: &str) -> ExecSpec {
    ExecSpec {
        argv: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
        user: Some(nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().unwrap().name),
        directory: Some("/".to_owned()),
        ..ExecSpec::default()
    }
}

fn on_terminal(script: &str) -> ExecSpec {
    let terminal = TerminalSpec { term: "xterm".to_owned(), rows: 33, columns: 99 };
    ExecSpec { terminal: Some(terminal), ..shell(script) }
}

/// The host's end of one connection.
struct Host {
    stream: DuplexStream,
    inbox: BytesMut,
    out: Vec<u8>,
    err: Vec<u8>,
}

impl Host {
    async fn connect(programs: &Programs, first: Frame) -> Self {
        let (stream, theirs) = duplex(64 * 1024);
        let programs = programs.clone();
        tokio::spawn(async move { serve(theirs, &programs).await });
        let mut host = Self { stream, inbox: BytesMut::new(), out: Vec::new(), err: Vec::new() };
        host.send(first).await;
        host
    }

    async fn start(programs: &Programs, spec: ExecSpec) -> Self {
        Self::connect(programs, Frame::Start(Box::new(spec))).await
    }

    async fn send(&mut self, frame: Frame) {
        let mut bytes = BytesMut::new();
        frame.write(&mut bytes).unwrap();
        // An agent that has hung up is noticed where its answer is missing.
        let _ = self.stream.write_all(&bytes).await;
    }

    async fn input(&mut self, text: &str) {
        self.send(Frame::Input(Bytes::copy_from_slice(text.as_bytes()))).await;
    }

    /// The next frame; nothing when the agent has hung up.
    async fn next(&mut self) -> Option<Frame> {
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

    async fn begun(&mut self) -> Begun {
        match self.next().await {
            Some(Frame::Begun(begun)) => begun,
            other => panic!("{other:?}"),
        }
    }

    /// Keeps and takes what comes, until this text has.
    async fn until(&mut self, text: &str) {
        while !String::from_utf8_lossy(&self.out).contains(text) {
            let frame = self.next().await;
            assert!(self.keep(frame).await.is_none(), "ended before {text:?}: {}", self.text());
        }
    }

    async fn ended(&mut self) -> Ended {
        loop {
            let frame = self.next().await;
            if let Some(ended) = self.keep(frame).await {
                self.send(Frame::Seen).await;
                return ended;
            }
        }
    }

    async fn refused(&mut self) -> String {
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

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }
}

#[tokio::test]
async fn input_output_and_exit_code_are_the_programs_own() {
    let programs = programs();
    let script = "cat; echo oops >&2; echo $WHO $PWD; exit 7";
    let mut spec = shell(script);
    spec.environment.insert("WHO".to_owned(), "me".to_owned());
    let mut host = Host::start(&programs, spec).await;
    host.begun().await;
    host.input("binary \0 safe\n").await;
    host.send(Frame::InputEnd).await;
    let ended = host.ended().await;
    assert_eq!((ended.code, ended.cause), (7, None));
    assert_eq!((host.out.as_slice(), host.err.as_slice()), (&b"binary \0 safe\nme /\n"[..], &b"oops\n"[..]));
}

#[tokio::test]
async fn what_cannot_be_started_ends_as_in_a_shell() {
    let programs = programs();
    let ended = async |argv: &str| {
        let spec = ExecSpec { argv: vec![argv.to_owned()], ..shell("") };
        Host::start(&programs, spec).await.ended().await
    };
    let missing = ended("/nonexistent").await;
    assert_eq!(missing.code, 127);
    assert!(missing.cause.unwrap().contains("/nonexistent"));
    assert_eq!(ended("/etc/passwd").await.code, 126);
    let refused = async |spec| Host::start(&programs, spec).await.refused().await;
    assert!(
        refused(ExecSpec { user: Some("nobody-at-all".to_owned()), ..shell("") }).await.contains("no user")
    );
    let nowhere = ExecSpec { directory: Some("/nonexistent".to_owned()), ..shell("") };
    assert!(refused(nowhere).await.contains("no directory"));
}

#[tokio::test]
async fn a_signal_reaches_the_whole_group_and_a_death_by_one_has_its_number() {
    let programs = programs();
    let mut host = Host::start(&programs, shell("sleep 60 & echo ready; wait")).await;
    host.until("ready").await;
    host.send(Frame::Signal(15)).await;
    assert_eq!(host.ended().await.code, 128 + 15);
    let mut host = Host::start(&programs, shell("echo ready; read x")).await;
    host.until("ready").await;
    host.send(Frame::Signal(0)).await;
    assert!(host.refused().await.contains("no signal"));
}

#[tokio::test]
async fn a_program_whose_time_is_over_is_ended_and_said_to_be() {
    let programs = programs();
    let spec = ExecSpec { timeout_ms: Some(100), ..shell("echo begun; exec sleep 60") };
    let ended = Host::start(&programs, spec).await.ended().await;
    assert!(ended.timed_out && ended.cause.is_some());
    assert_eq!(ended.code, 128 + 15);
}

#[tokio::test]
async fn a_terminal_has_the_size_that_was_asked_for_and_is_resized() {
    let programs = programs();
    let script = "stty size; tty; echo $TERM; trap 'stty size; exit 3' WINCH; while :; do sleep 0.05; done";
    let mut host = Host::start(&programs, on_terminal(script)).await;
    host.until("xterm").await;
    assert!(host.text().starts_with("33 99\r\n/dev/pts/"), "{}", host.text());
    host.send(Frame::Resize { rows: 10, columns: 40 }).await;
    host.until("10 40").await;
    assert_eq!(host.ended().await.code, 3);
}

#[tokio::test]
async fn the_keys_of_a_terminal_are_its_signals() {
    let programs = programs();
    let mut host =
        Host::start(&programs, on_terminal("trap 'exit 99' INT; echo ready; while :; do sleep 0.05; done"))
            .await;
    host.until("ready").await;
    host.input("\x03").await;
    assert_eq!(host.ended().await.code, 99);
}

#[tokio::test]
async fn a_hang_up_reaches_what_a_shell_has_put_into_the_foreground() {
    let programs = programs();
    // A shell that does not listen itself, with job control, so that what it runs has a group of its own.
    let script = "set -m; trap : HUP; sh -c \"trap 'echo heard; exit 1' HUP; echo ready; while :; do sleep 0.05; done\"; exit 4";
    let spec = ExecSpec { argv: ["/bin/bash", "-c", script].map(str::to_owned).to_vec(), ..on_terminal("") };
    let mut host = Host::start(&programs, spec).await;
    host.until("ready").await;
    host.send(Frame::Signal(1)).await;
    host.until("heard").await;
    assert_eq!(host.ended().await.code, 4);
}

#[tokio::test]
async fn a_broken_connection_costs_no_byte_in_either_direction() {
    let programs = programs();
    let mut host =
        Host::start(&programs, shell("while read line; do echo \"<$line>\"; done; echo done")).await;
    let id = host.begun().await.id;
    host.input("one\ntwo\n").await;
    host.until("<two>").await;
    let seen = host.out.len();
    drop(host);

    // What was taken is not said again, and the program goes on reading where it was.
    let again = Frame::Attach(Attach { id, output: Some(5) });
    let mut host = Host::connect(&programs, again).await;
    let begun = host.begun().await;
    assert_eq!((begun.id, begun.output, begun.input), (id, 5, 8));
    host.until("<two>").await;
    assert_eq!(host.text(), "\n<two>\n");
    assert_eq!(seen, 12);
    host.input("three\n").await;
    host.send(Frame::InputEnd).await;
    assert_eq!(host.ended().await.code, 0);
    assert_eq!(host.text(), "\n<two>\n<three>\ndone\n");

    // Its end was seen.
    sleep(Duration::from_millis(50)).await;
    let mut late = Host::connect(&programs, Frame::Attach(Attach { id, output: None })).await;
    assert!(late.refused().await.contains("no program"));
    assert!(programs.statuses().is_empty());
}

#[tokio::test]
async fn an_end_that_nobody_has_seen_is_told_to_whoever_comes() {
    let programs = programs();
    let mut host = Host::start(&programs, shell("echo last; exit 9")).await;
    let id = host.begun().await.id;
    host.until("last").await;
    drop(host);
    sleep(Duration::from_millis(100)).await;
    let mut host = Host::connect(&programs, Frame::Attach(Attach { id, output: None })).await;
    assert_eq!((host.ended().await.code, host.text()), (9, "last\n".to_owned()));
}

#[tokio::test]
async fn the_last_one_to_attach_counts() {
    let programs = programs();
    let mut first = Host::start(&programs, shell("read x; echo got $x")).await;
    let id = first.begun().await.id;
    let mut second = Host::connect(&programs, Frame::Attach(Attach { id, output: None })).await;
    second.begun().await;
    assert!(first.refused().await.contains("somebody else"));
    assert!(first.next().await.is_none());
    second.input("it\n").await;
    second.until("got it").await;
}

#[tokio::test]
async fn a_program_waits_for_a_host_that_takes_nothing() {
    let programs = programs();
    let script = "head -c 4000000 /dev/zero; echo written >&2";
    let mut host = Host::start(&programs, shell(script)).await;
    let id = host.begun().await.id;
    let mut came = 0;
    while came < usize::try_from(OUTPUT_WINDOW).unwrap() {
        match host.next().await {
            Some(Frame::Stdout(bytes)) => came += bytes.len(),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(came as u64, OUTPUT_WINDOW);
    let silence = timeout(Duration::from_millis(300), host.stream.read_buf(&mut host.inbox)).await;
    assert!(silence.is_err(), "more than the window came");
    // Taken, the rest comes.
    host.send(Frame::Taken(OUTPUT_WINDOW)).await;
    host.out = vec![0; came];
    host.ended().await;
    assert_eq!((host.out.len(), host.err.as_slice()), (4_000_000, &b"written\n"[..]));
    assert!(programs.find(id).is_none() || programs.statuses()[0].ended.is_some());
}

#[tokio::test]
async fn a_host_waits_for_a_program_that_reads_nothing() {
    let programs = programs();
    let mut host = Host::start(&programs, shell("read line; sleep 0.2; wc -c")).await;
    host.begun().await;
    let chunk = "x".repeat(65535) + "\n";
    for _ in 0..INPUT_WINDOW / 65536 {
        host.input(&chunk).await;
    }
    // No more is allowed before the program has read.
    match host.next().await {
        Some(Frame::Credit(credit)) => assert!(credit > INPUT_WINDOW),
        other => panic!("{other:?}"),
    }
    let mut greedy = Host::start(&programs, shell("exec sleep 3")).await;
    greedy.begun().await;
    // A window on its way, and another one in the pipe.
    for _ in 0..=2 * INPUT_WINDOW / 65536 {
        greedy.input(&chunk).await;
    }
    assert!(greedy.refused().await.contains("credit"));
}

#[tokio::test]
async fn input_for_a_program_that_has_closed_its_end_is_thrown_away() {
    let programs = programs();
    let mut host = Host::start(&programs, shell("exec <&-; echo closed; sleep 1; echo done")).await;
    host.until("closed").await;
    for _ in 0..4 {
        host.input(&"x".repeat(60_000)).await;
    }
    assert_eq!(host.ended().await.code, 0);
}

#[tokio::test]
async fn a_child_that_holds_the_output_open_does_not_hold_the_end_back() {
    let programs = programs();
    let mut host = Host::start(&programs, shell("(sleep 5; echo late) & echo $!; exit 4")).await;
    let ended = timeout(Duration::from_secs(3), host.ended()).await.expect("it waits for the child");
    assert_eq!(ended.code, 4);
    let child = nix::unistd::Pid::from_raw(host.text().trim().parse().unwrap());
    nix::sys::signal::kill(child, nix::sys::signal::Signal::SIGKILL).unwrap();
}

#[tokio::test]
async fn a_detached_program_goes_on_alone_and_forgets_its_oldest_words() {
    let programs = programs();
    let script = "head -c 3000000 /dev/zero; echo end";
    let mut host = Host::start(&programs, ExecSpec { detached: true, ..shell(script) }).await;
    let id = host.begun().await.id;
    drop(host);
    timeout(PATIENCE, async {
        while programs.statuses()[0].ended.is_none() {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("it waits for somebody");
    let mut host = Host::connect(&programs, Frame::Attach(Attach { id, output: Some(0) })).await;
    assert!(host.begun().await.output > 1_000_000, "the oldest is forgotten");
    assert_eq!(host.ended().await.code, 0);
    assert!(host.out.ends_with(b"end\n"));
}

#[tokio::test]
async fn the_first_frame_must_begin_something() {
    let programs = programs();
    let mut host = Host::connect(&programs, Frame::InputEnd).await;
    assert!(host.refused().await.contains("first frame"));
    let nobody = Frame::Attach(Attach { id: ExecId::random(), output: None });
    assert!(Host::connect(&programs, nobody).await.refused().await.contains("no program"));
    let mut host = Host::start(&programs, shell("cat")).await;
    host.begun().await;
    host.stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    assert!(host.refused().await.contains("protocol"));
}

#[tokio::test]
async fn only_so_many_programs_run_at_once_and_one_that_has_ended_gives_way() {
    let programs = programs();
    let mut hosts = Vec::new();
    for _ in 0..128 {
        let mut host = Host::start(&programs, shell("read x")).await;
        host.begun().await;
        hosts.push(host);
    }
    assert!(Host::start(&programs, shell("true")).await.refused().await.contains("128 programs"));
    let mut first = hosts.remove(0);
    first.send(Frame::InputEnd).await;
    first.next().await;
    assert_eq!(Host::start(&programs, shell("true")).await.ended().await.code, 0);
}
