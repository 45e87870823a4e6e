use anteroom_protocol::SessionId;
use futures_util::StreamExt;

use super::*;

fn mark(name: &str) -> EventBody {
    EventBody::Mark { name: name.into() }
}

fn captured() -> EventBody {
    EventBody::CredentialsCaptured { session: SessionId::random(), generation: 1 }
}

#[test]
fn what_was_acknowledged_is_forgotten_when_room_is_needed_and_not_before() {
    let mut kept = Kept::new(3);
    kept.push(captured(), 0);
    kept.push(EventBody::DesktopReady, 0);
    kept.push(mark("c"), 0);
    kept.acknowledge(2);
    assert_eq!(kept.first_after(0).map(|event| event.number), Some(1));
    kept.push(mark("d"), 0);
    kept.push(mark("e"), 0);
    assert_eq!(kept.first_after(0).map(|event| event.number), Some(3));
    kept.push(mark("f"), 0);
    assert_eq!(
        kept.first_after(0).map(|event| event.number),
        Some(4),
        "a mark, for want of anything acknowledged"
    );
}

#[test]
fn an_overflow_drops_the_oldest_mark_and_never_a_capture() {
    let mut kept = Kept::new(3);
    kept.push(captured(), 0);
    kept.push(EventBody::DesktopReady, 0);
    kept.push(mark("oldest mark"), 0);
    kept.push(mark("newer mark"), 0);
    let numbers = |kept: &Kept| kept.events.iter().map(|event| event.number).collect::<Vec<_>>();
    assert_eq!(numbers(&kept), [1, 2, 4]);
    kept.push(EventBody::DesktopReady, 0);
    assert_eq!(numbers(&kept), [1, 2, 5]);
    kept.push(EventBody::DesktopReady, 0);
    assert_eq!(numbers(&kept), [1, 5, 6]);
}

#[test]
fn a_reader_that_is_behind_a_gap_goes_on_after_it() {
    let mut kept = Kept::new(2);
    for name in ["a", "b", "c", "d"] {
        kept.push(mark(name), 0);
    }
    assert_eq!(kept.first_after(0).map(|event| event.number), Some(3));
    assert_eq!(kept.first_after(4).map(|event| event.number), None);
}

#[tokio::test]
async fn a_follower_gets_the_past_and_then_what_happens() {
    let journal = Arc::new(Journal::new());
    journal.publish(mark("past"));
    let mut follower = Box::pin(Arc::clone(&journal).follow(0));
    assert_eq!(follower.next().await.map(|event| event.number), Some(1));
    let publisher = tokio::spawn({
        let journal = Arc::clone(&journal);
        async move { journal.publish(mark("now")) }
    });
    assert_eq!(follower.next().await.map(|event| event.number), Some(2));
    publisher.await.unwrap();
}

#[tokio::test]
async fn a_journal_knows_when_its_last_follower_has_gone() {
    let journal = Arc::new(Journal::new());
    journal.unfollowed().await;
    let follower = Box::pin(Arc::clone(&journal).follow(0));
    let gone = tokio::spawn({
        let journal = Arc::clone(&journal);
        async move { journal.unfollowed().await }
    });
    journal.followed().await;
    tokio::task::yield_now().await;
    assert!(!gone.is_finished());
    drop(follower);
    gone.await.unwrap();
}

#[tokio::test]
async fn a_journal_that_begins_anew_counts_from_one_and_ends_for_its_followers() {
    let journal = Arc::new(Journal::new());
    journal.publish(captured());
    journal.acknowledge(1);
    let mut late = Box::pin(Arc::clone(&journal).follow(0));
    let mut waiting = Box::pin(Arc::clone(&journal).follow(1));
    let end = tokio::spawn(async move { waiting.next().await });
    tokio::task::yield_now().await;
    journal.begin_anew();
    journal.publish(mark("new"));
    let ended = tokio::time::timeout(std::time::Duration::from_secs(20), end).await;
    assert!(ended.expect("the follower is told of the end").unwrap().is_none());
    assert!(late.next().await.is_none(), "the old story is not told in the new one's words");
    drop(late);
    journal.unfollowed().await;
    let first = Box::pin(Arc::clone(&journal).follow(0)).next().await.unwrap();
    assert!(first.number == 1 && matches!(first.body, EventBody::Mark { name } if name == "new"));
}
