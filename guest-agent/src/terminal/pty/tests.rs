use std::{collections::BTreeMap, time::Duration};

use tokio::time::timeout;

use super::*;
use crate::terminal::order::Signs;

const SIZE: Winsize = Winsize { ws_row: 33, ws_col: 99, ws_xpixel: 0, ws_ypixel: 0 };

fn order(script: &str) -> Run {
    Run {
        run: 1,
        name: "Test".into(),
        argv: ["/bin/sh", "-c", script].map(String::from).to_vec(),
        environment: BTreeMap::from([("PATH".into(), "/bin:/usr/bin".into())]),
        steps: Vec::new(),
        signs: Signs::default(),
    }
}

/// Reads until the text has come.
async fn expect(pty: &Pty, text: &str) {
    let mut shown = String::new();
    let reading = async {
        while !shown.contains(text) {
            shown += &String::from_utf8_lossy(&pty.read().await.unwrap_or_default());
        }
    };
    assert!(timeout(Duration::from_secs(10), reading).await.is_ok(), "{text:?} did not come: {shown:?}");
}

#[tokio::test]
async fn the_cli_has_a_terminal_of_the_right_size_and_gets_what_is_typed() {
    let children = Children::watch().unwrap();
    let script = "stty size; test -t 0 && test -t 1 && test -t 2 && : > /dev/tty && echo all; read x; echo got $x; exit 5";
    let (pty, exit) = Pty::spawn(&children, &order(script), SIZE).unwrap();
    expect(&pty, "33 99\r\nall").await;
    pty.write(b"hello\r".to_vec());
    expect(&pty, "got hello").await;
    assert_eq!(exit.await.unwrap(), Exit::Code(5));
}

#[tokio::test]
async fn a_resize_reaches_the_cli() {
    let children = Children::watch().unwrap();
    let script = "trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.05; done";
    let (pty, _exit) = Pty::spawn(&children, &order(script), SIZE).unwrap();
    expect(&pty, "ready").await;
    pty.resize(Winsize { ws_row: 10, ws_col: 40, ..SIZE });
    expect(&pty, "10 40").await;
}

#[tokio::test]
async fn ctrl_c_is_a_signal_for_the_cli() {
    let children = Children::watch().unwrap();
    let (pty, exit) = Pty::spawn(&children, &order("echo ready; exec sleep 60"), SIZE).unwrap();
    expect(&pty, "ready").await;
    pty.write(vec![3]);
    assert_eq!(timeout(Duration::from_secs(10), exit).await.unwrap().unwrap().code(), 130);
}

#[tokio::test]
async fn a_command_that_does_not_exist_is_a_sentence() {
    let children = Children::watch().unwrap();
    let mut order = order("");
    order.argv = vec!["no-such-command".into()];
    let error = Pty::spawn(&children, &order, SIZE).map(drop).unwrap_err();
    assert!(error.starts_with("no-such-command cannot be started: "), "{error}");
}
