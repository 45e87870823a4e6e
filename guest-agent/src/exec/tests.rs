//! Real programs behind the real protocol; only vsock is missing.

mod connection;
mod flow;
mod host;

use anteroom_protocol::exec::{ExecSpec, Frame};

use host::{Host, on_terminal, programs, shell};

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
    let script = "trap 'stty size; exit 3' WINCH; stty size; tty; echo $TERM; while :; do sleep 0.05; done";
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
