//! Neither side sends more than the other one takes.

use std::time::Duration;

use anteroom_protocol::exec::{Frame, INPUT_WINDOW, OUTPUT_WINDOW};
use tokio::{io::AsyncReadExt as _, time::timeout};

use super::host::{Host, programs, shell};

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
