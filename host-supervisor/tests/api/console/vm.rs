//! One VM in the console: what changes in it is there at once, and what a service says is read where the reader is.

use anteroom_protocol::{EventBody, agent::ServiceState};
use anteroom_tests::{artefact, browser::Look};
use fantoccini::{Client, Locator};
use serde_json::json;

use super::{click, count, focused, operator, place, says, until};
use crate::{service::Service, vm_live::service_is};

const SCROLLED: &str = "const box = document.querySelector('.followed .log'); \
    return [box.scrollTop === 0, box.scrollHeight - box.scrollTop - box.clientHeight < 2]";

/// Whether a log is at its beginning, and at its end.
async fn scrolled(page: &Client) -> (bool, bool) {
    let found = page.execute(SCROLLED, vec![]).await.unwrap();
    (found[0] == true, found[1] == true)
}

#[tokio::test]
async fn a_vm_is_live_and_the_log_of_a_service_goes_on_where_the_reader_is() {
    let service = Service::start().await;
    let (session, guest) = service.session("ann").await;
    guest.tells(service_is("x11vnc", ServiceState::Starting));
    let Some(browser) = operator(&service, &format!("/vms/{}", guest.spec.id)).await else { return };
    let page = &browser.page;
    page.execute("window.thisPage = true", vec![]).await.unwrap();
    says(page, ".services .badge", "starting").await;
    guest.tells(service_is("x11vnc", ServiceState::Ready));
    says(page, ".services .badge", "ready").await;
    guest.tells(EventBody::Mark { name: "desktop-painted".into() });
    says(page, ".waterfall", "desktop painted").await;
    guest.tells(EventBody::DesktopReady);
    service.until(&session, "ready").await;

    // From its last lines on, and at the end of them.
    for line in 0..100 {
        guest.chatter.says("x11vnc", &format!("line {line}"));
    }
    click(page, "Log x11vnc").await;
    says(page, ".followed .log", "line 99\n").await;
    until("it begins at the end", async || scrolled(page).await == (false, true)).await;
    guest.chatter.says("x11vnc", "line 100");
    says(page, ".followed .log", "line 100\n").await;
    until("it stays at the end", async || scrolled(page).await == (false, true)).await;
    browser.inspect("console-vm-log").await.unwrap();

    // Who reads further up is left there, and goes back with one button.
    page.execute("document.querySelector('.followed .log').scrollTop = 0", vec![]).await.unwrap();
    says(page, ".followed button", "To the newest lines").await;
    guest.chatter.says("x11vnc", "line 101");
    says(page, ".followed .log", "line 101\n").await;
    assert_eq!(scrolled(page).await, (true, false));
    browser.inspect("console-vm-log-read").await.unwrap();
    browser.look(Look::narrow(true)).await.unwrap();
    page.execute("document.querySelector('.followed').scrollIntoView()", vec![]).await.unwrap();
    browser.screenshot(&artefact("console-vm-log-read-close.png")).await.unwrap();
    browser.look(Look::wide(false)).await.unwrap();
    click(page, "To the newest lines").await;
    until("it is at the end again", async || scrolled(page).await == (false, true)).await;
    assert!(focused(page).await.contains("line 101"), "the focus is in the log");
    let log = page.find(Locator::Css(".followed .log")).await.unwrap().text().await.unwrap();
    let lines: Vec<String> = (0..=101).map(|line| format!("line {line}")).collect();
    assert_eq!(log.lines().collect::<Vec<_>>(), lines, "every line once");

    // Another service's log takes its place; it was never asked for twice, and nobody listens when the place is left.
    guest.tells(service_is("xvfb", ServiceState::Ready));
    guest.chatter.says("xvfb", "another one");
    click(page, "Log xvfb").await;
    says(page, ".followed .log", "another one").await;
    assert_eq!(count(page, ".followed").await, 1);
    until("one is listened to", async || guest.chatter.listeners() == 1).await;
    let polls = "return performance.getEntriesByType('resource').filter(({ name }) => /known=|wait=/.test(name)).length";
    assert_eq!(page.execute(polls, vec![]).await.unwrap(), json!(0));
    place(page, "Overview").await;
    until("nobody listens", async || guest.chatter.listeners() == 0).await;

    page.back().await.unwrap();
    says(page, ".services .badge", "ready").await;
    guest.dies();
    says(page, "main .badge", "failed").await;
    assert_eq!(count(page, ".services").await, 0, "a VM that is gone runs nothing");
    assert_eq!(page.execute("return window.thisPage", vec![]).await.unwrap(), json!(true));
    browser.close().await.unwrap();
    service.stop().await;
}
