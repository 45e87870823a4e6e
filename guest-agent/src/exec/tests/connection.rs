//! Connections break, come again, and are replaced by others; the program stays.

use std::time::Duration;

use anteroom_protocol::exec::{Attach, ExecId, ExecSpec, Frame};
use tokio::{
    io::AsyncWriteExt as _,
    time::{sleep, timeout},
};

use super::host::{Host, PATIENCE, programs, shell};

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
