//! The pages in a real Chromium, in every phase of a sign-in: nobody is shut out, whether they see badly, have a small screen,
//! or no mouse. The guests are played, so that each phase lasts as long as it is looked at; pictures are kept of all of them.

use std::time::Duration;

use anteroom_protocol::EventBody;
use anteroom_tests::{
    browser::{Browser, Firefox},
    skip,
};
use fantoccini::{Client, Locator, key::Key};
use serde_json::{Value, json};

use crate::{
    codes::{self, device_page, failed, signing_in, user_code},
    service::{PATIENCE, Service},
    sign_in::{URL, complete, url_found},
};

/// A browser that has signed in; `None` where there is none.
async fn visitor(service: &Service) -> Option<Browser> {
    if let Some(missing) = Browser::missing_for_inspection() {
        skip("pages", &format!("{missing} is missing (make test installs it)"));
        return None;
    }
    let browser = Browser::open().await.unwrap();
    open(&browser.page, service, &format!("/#key={}", service.key), "[name=provider]").await;
    Some(browser)
}

/// Opens a page and waits for what shows that it is there.
async fn open(page: &Client, service: &Service, path: &str, there: &str) {
    page.goto(&service.url(path)).await.unwrap();
    appears(page, there).await;
}

async fn appears(page: &Client, selector: &str) {
    let found = page.wait().at_most(PATIENCE).for_element(Locator::Css(selector)).await;
    found.unwrap_or_else(|error| panic!("{selector}: {error}"));
}

async fn shows(page: &Client, text: &str) {
    let anywhere = format!("//*[contains(text(), \"{text}\")]");
    let found = page.wait().at_most(PATIENCE).for_element(Locator::XPath(&anywhere)).await;
    found.unwrap_or_else(|error| panic!("{text}: {error}"));
}

#[tokio::test]
async fn nobody_is_shut_out_of_the_page_of_a_sign_in() {
    let service = codes::service().await;
    let Some(browser) = visitor(&service).await else { return };
    let page = &browser.page;
    let (session, guest) = service.session("ann").await;
    open(page, &service, &format!("/session/{session}"), "body[data-status=vm_created]").await;
    browser.inspect("session-starting").await.unwrap();
    guest.tells(EventBody::DesktopReady);
    guest.sign_in().await;
    appears(page, "body[data-status=ready]").await;
    browser.inspect("session-desktop").await.unwrap();
    guest.tells(url_found(&session, URL));
    appears(page, "body[data-status=awaiting_user_auth]").await;
    browser.inspect("session-sign-in").await.unwrap();
    page.find(Locator::Css(".own-browser summary")).await.unwrap().click().await.unwrap();
    browser.inspect("session-own-browser").await.unwrap();
    page.find(Locator::Css(".cancel button")).await.unwrap().click().await.unwrap();
    browser.inspect("session-cancel").await.unwrap();
    page.find(Locator::Css("dialog button[autofocus]")).await.unwrap().click().await.unwrap();
    complete(&service, &session, &guest, "planted-access").await;
    appears(page, "body[data-status=completed] .ending").await;
    browser.inspect("session-completed").await.unwrap();

    let body = json!({ "userId": "ann", "provider": "coded", "launch": "device" });
    let (session, guest) = signing_in(&service, "/api/auth/start", &body).await;
    guest.tells(device_page(&session));
    guest.tells(user_code(&session, "ABCD-1234"));
    open(page, &service, &format!("/session/{session}"), ".device-code:not([hidden])").await;
    browser.inspect("session-device-code").await.unwrap();
    guest.tells(failed(&session));
    appears(page, "[role=alert]:not([hidden])").await;
    browser.inspect("session-attempt-failed").await.unwrap();
    guest.prints("the kernel says why\n").await;
    guest.dies();
    appears(page, "body[data-status=failed] .ending").await;
    browser.inspect("session-failed").await.unwrap();
    browser.close().await.unwrap();
    service.stop().await;
}

#[tokio::test]
async fn nobody_is_shut_out_of_the_other_pages() {
    let service = Service::start().await;
    let Some(browser) = visitor(&service).await else { return };
    let page = &browser.page;
    let (session, guest) = service.session("me").await;
    open(page, &service, "/", "[name=provider]").await;
    browser.inspect("start").await.unwrap();
    open(page, &service, "/session/7e3b9d3c-0d5e-4d57-8c3f-111111111111", ".ending").await;
    browser.inspect("session-missing").await.unwrap();
    guest.tells(EventBody::DesktopReady);
    open(page, &service, &format!("/session/{session}/terminal"), ".xterm-helper-textarea").await;
    browser.inspect("terminal").await.unwrap();
    let token = token(&service, &session).await;
    open(page, &service, &format!("/session/{session}?token={token}"), "body[data-status]").await;
    browser.inspect("embedded").await.unwrap();
    let frame = format!("/api/auth/session/{session}/novnc?token={token}");
    open(page, &service, &frame, ".desktop-surface").await;
    browser.inspect("embedded-desktop").await.unwrap();
    open(page, &service, "/api/docs", "details").await;
    browser.inspect("docs").await.unwrap();
    page.execute("document.querySelectorAll('details').forEach((one) => (one.open = true))", vec![])
        .await
        .unwrap();
    browser.inspect("docs-open").await.unwrap();
    page.delete_all_cookies().await.unwrap();
    open(page, &service, "/", "input[type=password], #key").await;
    browser.inspect("key").await.unwrap();
    browser.close().await.unwrap();
    service.stop().await;
}

async fn token(service: &Service, session: &str) -> String {
    let made = service.post(&format!("/api/auth/session/{session}/token"), &json!({})).await;
    made.body["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_sign_in_needs_no_mouse_and_no_movement() {
    let service = Service::start().await;
    let Some(browser) = visitor(&service).await else { return };
    let page = &browser.page;
    browser.media(&[("prefers-reduced-motion", "reduce")]).await.unwrap();

    // From the list of tools to the running sign-in.
    let demo = Locator::Css("[name=provider][value=demo]");
    page.find(demo).await.unwrap().send_keys(" ").await.unwrap();
    let user = page.find(Locator::Css("#user")).await.unwrap();
    user.clear().await.unwrap();
    user.send_keys("ann").await.unwrap();
    focus(page, "button[type=submit]").await;
    press(page, Key::Enter).await;
    appears(page, "body[data-status]").await;
    assert_eq!(running_animations(page).await, 0, "something moves");

    let id = page.current_url().await.unwrap().path_segments().unwrap().next_back().unwrap().to_owned();
    let guest = service.guest_of(&id).await;
    guest.tells(EventBody::DesktopReady);
    guest.sign_in().await;
    guest.tells(url_found(&id, URL));
    appears(page, ".sign-in-card:not([hidden])").await;
    page.execute("document.activeElement.blur(); window.scrollTo(0, 0)", vec![]).await.unwrap();

    // The address of the last page is handed over.
    focus(page, ".own-browser summary").await;
    press(page, Key::Enter).await;
    focus(page, ".pasted input").await;
    page.active_element().await.unwrap().send_keys("http://localhost:1/?code=x&state=y").await.unwrap();
    press(page, Key::Enter).await;
    shows(page, "did not take this answer").await;

    // And the question before the end leads both ways.
    focus(page, ".cancel > button").await;
    press(page, Key::Enter).await;
    appears(page, "dialog[open]").await;
    assert_eq!(focused(page).await, "Keep going");
    press(page, Key::Escape).await;
    assert_eq!(focused(page).await, "Cancel", "the focus is where it was");
    press(page, Key::Enter).await;
    focus(page, "dialog .danger").await;
    press(page, Key::Enter).await;
    appears(page, "body[data-status=cancelled] .ending").await;
    focus(page, ".ending a").await;
    press(page, Key::Enter).await;
    appears(page, "[name=provider]").await;
    browser.close().await.unwrap();
    service.stop().await;
}

#[tokio::test]
async fn a_sign_in_is_the_same_in_firefox() {
    if let Some(missing) = Firefox::missing().or_else(Browser::missing_for_inspection) {
        skip("firefox", &format!("{missing} is missing (make test installs it)"));
        return;
    }
    let service = Service::start().await;
    let mut firefox = Firefox::open().await.unwrap();
    firefox.goto(&service.url(&format!("/#key={}", service.key)), "[name=provider]").await.unwrap();
    firefox.inspect("firefox-start").await.unwrap();
    let (session, guest) = service.session("ann").await;
    let page = service.url(&format!("/session/{session}"));
    firefox.goto(&page, "body[data-status=vm_created]").await.unwrap();
    firefox.inspect("firefox-starting").await.unwrap();
    guest.tells(EventBody::DesktopReady);
    guest.sign_in().await;
    guest.tells(url_found(&session, URL));
    firefox.appears("body[data-status=awaiting_user_auth]").await.unwrap();
    firefox.inspect("firefox-sign-in").await.unwrap();
    complete(&service, &session, &guest, "planted-access").await;
    firefox.appears("body[data-status=completed] .ending").await.unwrap();
    firefox.inspect("firefox-completed").await.unwrap();
    firefox.close().await.unwrap();
    service.stop().await;
}

async fn press(page: &Client, key: Key) {
    page.active_element().await.unwrap().send_keys(&String::from(char::from(key))).await.unwrap();
}

/// Presses Tab until this has the focus, which has to be seen.
async fn focus(page: &Client, selector: &str) {
    for _ in 0..60 {
        press(page, Key::Tab).await;
        let script = "const here = document.activeElement; \
            return [here.matches(arguments[0]), getComputedStyle(here).outlineStyle !== 'none' || here.matches('iframe, canvas')]";
        let found = page.execute(script, vec![selector.into()]).await.unwrap();
        if found[0] == true {
            assert_eq!(found[1], true, "{selector} has the focus, and nobody sees it");
            return;
        }
    }
    let here = page.execute("return document.activeElement.outerHTML.slice(0, 300)", vec![]).await.unwrap();
    panic!("Tab does not lead to {selector}, but to {here}");
}

async fn focused(page: &Client) -> String {
    page.active_element().await.unwrap().text().await.unwrap()
}

async fn running_animations(page: &Client) -> Value {
    tokio::time::sleep(Duration::from_millis(100)).await;
    page.execute("return document.getAnimations().length", vec![]).await.unwrap()
}
