//! What goes wrong, as an operator sees it in the console, and what there is to do about it: an attempt to sign in that fails, events
//! that the receiver does not take, a daemon that is slow or gone.

use std::time::Duration;

use anteroom_protocol::EventBody;
use anteroom_tests::browser::Browser;
use axum::{Router, http::StatusCode};
use fantoccini::{Locator, key::Key};
use serde_json::json;
use tokio::net::TcpListener;

use super::{appears, click, count, focused, operator, place, says, until};
use crate::{
    codes::{self, failed, signing_in},
    service::Service,
    sign_in::complete,
    webhook,
};

#[tokio::test]
async fn an_attempt_that_fails_is_seen_at_once_and_tried_again_from_the_console() {
    let service = codes::service().await;
    let Some(browser) = operator(&service, "/sessions").await else { return };
    let page = &browser.page;
    let body = json!({ "userId": "ann", "provider": "coded" });
    let (session, guest) = signing_in(&service, "/api/auth/start", &body).await;
    says(page, "tbody .badge", "ready").await;
    assert_eq!(count(page, "tbody td[data-label=Cause] > div").await, 0);

    // The list knows of it although the session goes on.
    guest.tells(failed(&session));
    says(page, "tbody td[data-label=Cause]", "code 1").await;
    click(page, "Failed").await;
    says(page, ".filter [role=status]", "1 in all").await;
    page.find(Locator::Css("tbody a")).await.unwrap().click().await.unwrap();
    says(page, ".notice-error", "code 1").await;
    says(page, "main", "the virtual machine is still there").await;
    page.find(Locator::Css(".notice-error summary")).await.unwrap().click().await.unwrap();
    says(page, ".notice-error .log", "the code has expired").await;
    browser.inspect("console-attempt-failed").await.unwrap();

    // With the keyboard alone; the focus does not get lost with what was pressed.
    tab_to(&browser, "Try again").await;
    page.active_element().await.unwrap().send_keys(&Key::Enter.to_string()).await.unwrap();
    until("the attempt is over", async || count(page, ".notice-error").await == 0).await;
    assert_eq!(guest.attempts(), 1, "the CLI was started again, in the same VM");
    until("the focus is kept", async || focused(page).await == "Sign-in of ann").await;
    assert_eq!(count(page, ".badge-bad").await, 0);

    // What cannot be tried any more says so.
    guest.tells(failed(&session));
    says(page, ".notice-error", "code 1").await;
    let again = page.find(Locator::XPath("//button[.='Try again']")).await.unwrap();
    guest.dies();
    says(page, "main .badge", "failed").await;
    assert!(again.click().await.is_err(), "nothing is offered that cannot be done");
    browser.close().await.unwrap();
    service.stop().await;
}

/// Presses Tab until this button has the focus.
async fn tab_to(browser: &Browser, button: &str) {
    let page = &browser.page;
    for _ in 0..40 {
        page.active_element().await.unwrap().send_keys(&Key::Tab.to_string()).await.unwrap();
        if focused(page).await == button {
            return;
        }
    }
    panic!("Tab does not lead to {button}");
}

#[tokio::test]
async fn an_event_that_is_not_taken_is_seen_with_the_answer_and_delivered_by_itself_later() {
    let (url, events) = webhook::receiver().await;
    let service = webhook::service(&url).await;
    let Some(browser) = operator(&service, "/webhook").await else { return };
    let page = &browser.page;
    says(page, ".told", "Nothing was told yet").await;
    let (session, guest) = service.session("ann").await;
    complete(&service, &session, &guest, "planted-hook").await;
    says(page, "td[data-label=Status]", "to be delivered").await;
    says(page, "td[data-label=Tries]", "1").await;
    says(page, "td[data-label=\"Last answer\"]", "HTTP 500").await;
    says(page, "td[data-label=\"Next try in\"]", "second").await;
    browser.inspect("console-delivery-fails").await.unwrap();

    // Whether the receiver is there at all is asked by hand.
    click(page, "Send a test event").await;
    says(page, ".act [role=status]", "Not delivered: HTTP 500").await;
    says(page, "td[data-label=Status]", "delivered").await;
    says(page, "td[data-label=Tries]", "2").await;
    assert!(events.lock().unwrap().iter().any(|(_, event)| event["type"] == "webhook.test"));
    let shown = page.execute("return document.body.innerText", vec![]).await.unwrap();
    assert!(!shown.as_str().unwrap().contains("planted-hook"), "a secret is shown");
    browser.close().await.unwrap();
    service.stop().await;
}

#[tokio::test]
async fn an_event_that_is_refused_for_good_is_among_the_failed_ones() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let gone = Router::new().fallback(async || (StatusCode::GONE, "nobody wants this"));
    tokio::spawn(async move { axum::serve(listener, gone).await });
    let service = webhook::service(&url).await;
    let Some(browser) = operator(&service, "/webhook").await else { return };
    let page = &browser.page;
    let (session, guest) = service.session("ann").await;
    complete(&service, &session, &guest, "planted-hook").await;
    says(page, "td .badge", "failed").await;
    click(page, "To be delivered").await;
    says(page, ".told", "Nothing here fits").await;
    click(page, "Failed").await;
    says(page, "td[data-label=\"Last answer\"]", "HTTP 410").await;
    assert_eq!(count(page, "td[data-label=\"Next try in\"] > div").await, 0, "there is no other try");
    browser.inspect("console-delivery-failed").await.unwrap();
    // From the delivery to what it is about.
    page.find(Locator::Css("tbody a")).await.unwrap().click().await.unwrap();
    says(page, "h1", "Sign-in of ann").await;
    browser.close().await.unwrap();
    service.stop().await;
}

#[tokio::test]
async fn a_daemon_that_is_slow_or_gone_is_told_apart_from_an_empty_list() {
    let service = Service::start().await;
    let Some(browser) = operator(&service, "").await else { return };
    let page = &browser.page;
    says(page, ".meter", "of 4").await;
    browser.answers_take(Duration::from_secs(60)).await.unwrap();
    place(page, "API keys").await;
    says(page, ".told", "Loading…").await;
    browser.inspect("console-loading").await.unwrap();
    browser.answers_take(Duration::ZERO).await.unwrap();

    let (_, guest) = service.session("ann").await;
    guest.tells(EventBody::DesktopReady);
    place(page, "Virtual machines").await;
    appears(page, "tbody tr").await;
    service.stop().await;
    says(page, ".notice-quiet", "What is shown may be old").await;
    assert!(count(page, "tbody tr").await > 0, "what was known is still there");
    place(page, "Settings").await;
    says(page, ".notice-error", "Anteroom does not answer").await;
    says(page, ".notice-error button", "Try again").await;
    browser.inspect("console-error").await.unwrap();
    browser.close().await.unwrap();
}
