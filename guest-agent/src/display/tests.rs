//! Against a real X server, window manager and terminal; the report says so when this machine has none of them.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::time::timeout;

use super::*;

const CLASS: &str = "anteroom-test-window";

/// A program that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `None` when this machine has no such program.
fn run(program: &str, arguments: &[&str], display: &str) -> Option<Running> {
    let mut command = Command::new(program);
    command.args(arguments).env("DISPLAY", display).stdout(Stdio::null()).stderr(Stdio::null());
    match command.spawn() {
        Ok(child) => Some(Running(child)),
        Err(error) => {
            eprintln!("SKIPPED: {program} cannot be started here: {error}");
            None
        }
    }
}

/// An X server on a display of its own, and its socket.
async fn screen(number: u32) -> Option<(Running, String, PathBuf)> {
    let display = format!(":{number}");
    let socket = PathBuf::from(format!("/tmp/.X11-unix/X{number}"));
    // On a machine that has had no X server yet, as the servers make it themselves.
    let directory = socket.parent()?;
    if fs::create_dir(directory).is_ok() {
        fs::set_permissions(directory, fs::Permissions::from_mode(0o1777)).unwrap();
    }
    let arguments = [&display, "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-noreset"];
    let server = run("Xvfb", &arguments, &display)?;
    soon(crate::appear::wait(&socket)).await.unwrap();
    while accepts(&socket).await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Some((server, display, socket))
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), future).await.expect("it takes too long")
}

fn terminal(display: &str, script: &str) -> Option<Running> {
    run("xterm", &["-name", CLASS, "-e", "sh", "-c", script], display)
}

#[tokio::test]
async fn a_window_manager_and_a_terminal_are_noticed_in_their_order() {
    let Some((_server, display, socket)) = screen(91).await else { return };
    let short = Duration::from_millis(200);
    assert!(timeout(short, has_window_manager(&socket)).await.is_err());
    let Some(_manager) = run("openbox", &["--sm-disable"], &display) else { return };
    soon(has_window_manager(&socket)).await.unwrap();
    assert!(timeout(short, has_window(&socket, CLASS)).await.is_err());
    let Some(_terminal) = terminal(&display, "sleep 60") else { return };
    soon(has_window(&socket, CLASS)).await.unwrap();
}

#[tokio::test]
async fn an_empty_terminal_is_not_painted_and_one_with_text_is() {
    let Some((_server, display, socket)) = screen(92).await else { return };
    let go = tempfile::tempdir().unwrap();
    let file = go.path().join("go");
    let script = format!("while ! test -e {}; do sleep 0.05; done; seq 100; sleep 60", file.display());
    let Some(_terminal) = terminal(&display, &script) else { return };
    soon(has_window(&socket, CLASS)).await.unwrap();
    assert!(timeout(Duration::from_millis(500), is_painted(&socket, CLASS)).await.is_err());
    fs::write(&file, "").unwrap();
    soon(is_painted(&socket, CLASS)).await.unwrap();
}

#[tokio::test]
async fn an_observer_ends_with_the_server() {
    let Some((server, _display, socket)) = screen(93).await else { return };
    let observer = tokio::spawn(async move { has_window(&socket, CLASS).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(server);
    assert!(soon(observer).await.unwrap().is_err());
}

#[tokio::test]
async fn a_screen_is_given_a_size() {
    let Some((_server, display, socket)) = screen(94).await else { return };
    let (connection, number) = RustConnection::connect(Some(&display)).unwrap();
    let root = connection.setup().roots[number].root;
    for (width, height) in [(1000, 700), (1000, 700), (640, 800)] {
        resize(&socket, width, height).await.unwrap();
        assert_eq!(size::now(&connection, root).unwrap(), size::Size { width, height });
    }
}
