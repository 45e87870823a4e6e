use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use super::*;

fn shell(script: &str) -> Program {
    Program {
        argv: ["/bin/sh", "-c", script].map(String::from).to_vec(),
        environment: BTreeMap::from([("GREETING".into(), "hello".into())]),
        account: None,
        directory: PathBuf::from("/"),
        limits: Limits { open_files: 77, ..Limits::default() },
        cgroup: None,
        output: Output::Pipe,
    }
}

async fn run(children: &Children, script: &str) -> (Exit, Vec<String>) {
    let child = children.spawn(&shell(script)).unwrap();
    let log = Arc::new(LogRing::new());
    Arc::clone(&log).fill(child.output.unwrap()).await;
    (child.exit.await.unwrap(), log.last(100))
}

#[tokio::test]
async fn a_code_and_a_signal_are_told_apart_and_both_have_a_number() {
    let children = Children::watch().unwrap();
    let (exit, _) = run(&children, "exit 3").await;
    assert_eq!((exit, exit.code()), (Exit::Code(3), 3));
    let (exit, _) = run(&children, "kill -9 $$").await;
    assert_eq!((exit, exit.code()), (Exit::Signal(Signal::SIGKILL), 137));
    assert!(run(&children, "true").await.0.is_success());
}

#[tokio::test]
async fn a_process_gets_its_own_session_limits_environment_and_no_other() {
    let children = Children::watch().unwrap();
    let script = "ulimit -n; echo $GREETING; env | grep -c CARGO; ps -o sid= -p $$; echo $$";
    let (_, lines) = run(&children, script).await;
    assert_eq!(&lines[..3], ["77", "hello", "0"]);
    assert_eq!(lines[3].trim(), lines[4]);
}

#[tokio::test]
async fn a_program_that_crashes_leaves_no_core_and_cannot_allow_itself_one() {
    let children = Children::watch().unwrap();
    let directory = tempfile::tempdir().unwrap();
    // The soft limit, as root could raise the hard one; no CLI is root.
    let allow = "ulimit -S -c unlimited 2>/dev/null";
    let mut program = shell(&format!("grep 'core file' /proc/self/limits; {allow}; kill -ABRT $$"));
    program.directory = directory.path().to_owned();
    let child = children.spawn(&program).unwrap();
    let log = Arc::new(LogRing::new());
    Arc::clone(&log).fill(child.output.unwrap()).await;
    assert_eq!(child.exit.await.unwrap(), Exit::Signal(Signal::SIGABRT));
    let limit = log.last(1).remove(0);
    let limit: Vec<&str> = limit.split_whitespace().skip(4).collect();
    assert_eq!(limit, ["0", "0", "bytes"]);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn no_exit_is_lost_when_hundreds_end_at_once() {
    let children = Children::watch().unwrap();
    let mut exits = Vec::new();
    for number in 0..200 {
        let mut program = shell(&format!("exit {}", number % 7));
        program.output = Output::Null;
        exits.push((number % 7, children.spawn(&program).unwrap()));
    }
    for (code, child) in exits {
        let exit = tokio::time::timeout(Duration::from_secs(30), child.exit).await.unwrap().unwrap();
        assert_eq!(exit, Exit::Code(code));
        assert!(!waiting().contains_key(&child.pid));
    }
}

#[tokio::test]
async fn a_program_that_is_missing_is_refused_for_good() {
    let children = Children::watch().unwrap();
    let mut program = shell("");
    program.argv = vec!["/nowhere/program".into()];
    let error = children.spawn(&program).unwrap_err();
    assert!(error.is_permanent());
    assert_eq!(
        crate::console::chain(&error),
        "/nowhere/program cannot be started: No such file or directory (os error 2)"
    );
}

#[tokio::test]
async fn a_signal_reaches_the_whole_group() {
    let children = Children::watch().unwrap();
    let mut child = children.spawn(&shell("sleep 60 & sleep 60")).unwrap();
    children.signal(child.pid, Signal::SIGTERM);
    assert_eq!((&mut child.exit).await.unwrap(), Exit::Signal(Signal::SIGTERM));
    // The pipe ends when the last process of the group has closed it.
    let log = Arc::new(LogRing::new());
    tokio::time::timeout(Duration::from_secs(5), log.fill(child.output.unwrap())).await.unwrap();
}
