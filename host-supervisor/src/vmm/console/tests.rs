use std::time::Duration;

use tokio::io::DuplexStream;

use super::*;

struct Scene {
    directory: tempfile::TempDir,
    guest: Option<DuplexStream>,
    console: Arc<Console>,
}

impl Scene {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (guest, host) = tokio::io::duplex(4096);
        let console = Console::capture(host, directory.path()).await.unwrap();
        Self { directory, guest: Some(guest), console }
    }

    async fn write(&mut self, text: &str) {
        self.guest.as_mut().unwrap().write_all(text.as_bytes()).await.unwrap();
    }

    async fn end(&mut self) -> String {
        self.guest = None;
        self.console.ended().await;
        std::fs::read_to_string(self.directory.path().join(Console::FILE_NAME)).unwrap()
    }
}

#[tokio::test]
async fn the_file_holds_what_the_guest_wrote_byte_for_byte() {
    let mut scene = Scene::new().await;
    scene.write("[    0.1] one\r\n[    0.2] two\r\nlogin: ").await;
    assert_eq!(scene.end().await, "[    0.1] one\r\n[    0.2] two\r\nlogin: ");
    assert_eq!(scene.console.tail(), ["[    0.1] one", "[    0.2] two", "login:"]);
}

#[tokio::test]
async fn of_a_flood_the_beginning_and_the_end_are_kept_and_the_gap_is_told() {
    let mut scene = Scene::new().await;
    let mut total = 0;
    for n in 0..60_000 {
        let line = format!("babble {n}\n");
        total += line.len();
        scene.write(&line).await;
    }
    let log = scene.end().await;
    assert!(log.len() < HEAD_BYTES + LIMIT_OF_TAIL, "{} bytes", log.len());
    assert!(log.starts_with("babble 0\nbabble 1\n"));
    assert!(log.ends_with("babble 59998\nbabble 59999\n"));
    let (head, rest) = log.split_once("\n[... ").unwrap();
    let (count, tail) = rest.split_once(" bytes of the console are left out here ...]\n").unwrap();
    assert_eq!(head.len() + count.parse::<usize>().unwrap() + tail.len(), total, "nothing is lost unnoticed");
    assert_eq!(scene.console.tail().len(), Console::TAIL_LINES);
}

const LIMIT_OF_TAIL: usize = Console::TAIL_LINES * 1001 + 100;

#[tokio::test]
async fn a_line_without_end_does_not_grow_without_bound() {
    let mut scene = Scene::new().await;
    for _ in 0..100 {
        scene.write(&"x".repeat(1000)).await;
    }
    scene.end().await;
    assert_eq!(scene.console.tail().len(), 100);
}

#[tokio::test]
async fn a_watcher_is_told_at_once_and_told_when_the_console_ends_without_it() {
    let mut scene = Scene::new().await;
    let console = Arc::clone(&scene.console);
    let watcher = tokio::spawn(async move { console.wait_for(|line| line.contains("boots")).await });
    scene.write("[ 1.0] this machine ").await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert!(!watcher.is_finished());
    scene.write("boots\n").await;
    assert_eq!(watcher.await.unwrap().as_deref(), Some("[ 1.0] this machine boots"));
    // What has been said already is found too.
    assert!(scene.console.wait_for(|line| line.contains("machine")).await.is_some());
    scene.end().await;
    assert_eq!(scene.console.wait_for(|line| line.contains("never said")).await, None);
}

#[tokio::test]
async fn a_log_is_read_with_its_beginning_and_its_end_only() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(Console::FILE_NAME), "abcdefghij").unwrap();
    let read = async |limit| read_log(directory.path(), limit).await.unwrap();
    assert_eq!(read(5).await, "abcdefghij");
    assert_eq!(read(100).await, "abcdefghij");
    assert_eq!(read(7).await, "abcdefghij");
    assert_eq!(read(2).await, "ab\n[... 6 bytes of the console are left out here ...]\nij");
}

#[tokio::test(start_paused = true)]
async fn a_console_is_quiet_when_no_line_has_come_for_a_while_or_none_will_come() {
    let mut scene = Scene::new().await;
    let (console, begin) = (Arc::clone(&scene.console), tokio::time::Instant::now());
    let quiet = tokio::spawn(async move {
        console.quiet_for(Duration::from_millis(50)).await;
        begin.elapsed()
    });
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(30)).await;
        scene.write("a line\n").await;
    }
    let elapsed = quiet.await.unwrap();
    assert!((170..230).contains(&elapsed.as_millis()), "{elapsed:?}");
    scene.end().await;
    let ended = tokio::time::Instant::now();
    scene.console.quiet_for(Duration::from_secs(3600)).await;
    assert!(ended.elapsed() < Duration::from_secs(1));
}
