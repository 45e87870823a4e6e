use std::time::Duration;

use super::{CAPACITY, Event, Log};

fn denied(sign_in: u64) -> Event {
    Event::Denied { sign_in }
}

#[tokio::test]
async fn events_are_numbered_and_read_on_from_any_number() {
    let log = Log::default();
    for sign_in in 1..=3 {
        log.record(denied(sign_in));
    }
    assert_eq!(log.after(0).await, (3, vec![denied(1), denied(2), denied(3)]));
    assert_eq!(log.after(2).await, (3, vec![denied(3)]));
}

#[tokio::test(start_paused = true)]
async fn a_reader_who_has_seen_everything_waits_for_the_next() {
    let log = Log::default();
    log.record(denied(1));
    assert!(tokio::time::timeout(Duration::from_secs(1), log.after(1)).await.is_err());
    let reader = tokio::spawn({
        let log = log.clone();
        async move { log.wait_for(|event| *event == denied(2)).await }
    });
    tokio::task::yield_now().await;
    log.record(denied(2));
    assert_eq!(reader.await.unwrap(), denied(2));
}

#[tokio::test]
async fn old_events_are_forgotten_and_the_numbers_go_on() {
    let log = Log::default();
    let many = CAPACITY as u64 + 10;
    for sign_in in 1..=many {
        log.record(denied(sign_in));
    }
    assert_eq!(log.events().len(), CAPACITY);
    assert_eq!(log.after(0).await.1.first(), Some(&denied(11)));
    assert_eq!(log.after(many - 1).await, (many, vec![denied(many)]));
}

#[test]
fn a_line_cannot_be_forged_by_a_path() {
    let event = Event::NotFound { method: "GET".to_owned(), path: "/a\nsign-in 1: authorized".to_owned() };
    assert_eq!(event.to_string().lines().count(), 1);
}
