use super::*;

async fn all(outbox: &Outbox) -> Vec<String> {
    outbox.close();
    let mut texts = Vec::new();
    while let Some(text) = outbox.next().await {
        texts.push(text);
    }
    texts
}

#[tokio::test]
async fn the_greeting_comes_first_and_of_the_rest_the_newest() {
    let outbox = Outbox::default();
    outbox.cursor("old cursor".into());
    outbox.control("old control".into());
    outbox.cursor("cursor".into());
    outbox.hello("hello".into());
    outbox.control("control".into());
    assert_eq!(all(&outbox).await, ["hello", "control", "cursor"]);
}

#[tokio::test]
async fn refusals_are_bounded_and_not_repeated() {
    let outbox = Outbox::default();
    for number in 0..1000 {
        outbox.refused("the same".into());
        outbox.refused(format!("another {number}"));
    }
    assert_eq!(all(&outbox).await.len(), MAX_REFUSALS);
}

#[tokio::test]
async fn who_waits_is_woken() {
    let outbox = Arc::new(Outbox::default());
    let waiting = tokio::spawn({
        let outbox = Arc::clone(&outbox);
        async move { outbox.next().await }
    });
    tokio::task::yield_now().await;
    outbox.size("size".into());
    assert_eq!(waiting.await.unwrap().as_deref(), Some("size"));
}
