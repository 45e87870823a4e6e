//! The console in a real Chromium: live without a question asked twice, for keyboards, small screens and the dark, in every place
//! and with a thousand rows. The guests are played.

mod failing;
mod firefox;
mod vm;

use std::{sync::Arc, time::Duration};

use anteroom::{
    failure::Failure,
    store::{SessionPurpose, SessionRecord, SessionStatus, Store},
};
use anteroom_protocol::{EventBody, SessionId};
use anteroom_tests::{browser::Browser, skip};
use fantoccini::{Client, Locator, key::Key};
use reqwest::Method;
use serde_json::json;
use time::OffsetDateTime;
use tokio::time::{sleep, timeout};

use crate::{
    service::{PATIENCE, Service, answer},
    sign_in::complete,
    webhook,
};

const SESSIONS: usize = 1000;

async fn operator(service: &Service, path: &str) -> Option<Browser> {
    if let Some(missing) = Browser::missing_for_inspection() {
        skip("console", &format!("{missing} is missing (make test installs it)"));
        return None;
    }
    let browser = Browser::open().await.unwrap();
    browser.page.goto(&service.url(&format!("/console{path}#key={}", service.key))).await.unwrap();
    appears(&browser.page, "nav a").await;
    Some(browser)
}

async fn appears(page: &Client, selector: &str) {
    let found = page.wait().at_most(PATIENCE).for_element(Locator::Css(selector)).await;
    found.unwrap_or_else(|error| panic!("{selector}: {error}"));
}

/// Waits until an element like this says that.
async fn says(page: &Client, selector: &str, text: &str) {
    let script = "return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent)";
    let until = async {
        loop {
            let said = page.execute(script, vec![selector.into()]).await.unwrap();
            let texts = said.as_array().unwrap();
            if texts.iter().any(|said| said.as_str().unwrap().contains(text)) {
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    if timeout(PATIENCE, until).await.is_err() {
        let whole = page.execute("return document.body.innerText", vec![]).await.unwrap();
        panic!("{selector} does not say {text:?}:\n{}", whole.as_str().unwrap());
    }
}

/// Waits until that is so.
async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let wait = async {
        while !is_so().await {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("not so: {what}"));
}

async fn focused(page: &Client) -> String {
    page.active_element().await.unwrap().text().await.unwrap()
}

/// Goes to a place by its link.
async fn place(page: &Client, name: &str) {
    let link = format!("//nav//a[text()=\"{name}\"]");
    page.find(Locator::XPath(&link)).await.unwrap().click().await.unwrap();
    says(page, "h1", name).await;
}

async fn click(page: &Client, button: &str) {
    let button = format!("//button[normalize-space()=\"{button}\"]");
    let found = page.wait().at_most(PATIENCE).for_element(Locator::XPath(&button)).await;
    found.unwrap_or_else(|error| panic!("{button}: {error}")).click().await.unwrap();
}

async fn in_dialog(page: &Client, button: &str) {
    let button = format!("//dialog//button[normalize-space()=\"{button}\"]");
    page.find(Locator::XPath(&button)).await.unwrap().click().await.unwrap();
}

/// Writes that in the place of what is there.
async fn search(page: &Client, text: &str) {
    let all = format!("{}a{}{}", char::from(Key::Control), char::from(Key::Null), char::from(Key::Delete));
    page.find(Locator::Css("[type=search]")).await.unwrap().send_keys(&format!("{all}{text}")).await.unwrap();
}

/// Waits until the page has nothing of this kind any more.
async fn goes(page: &Client, selector: &str) {
    let until = async {
        while count(page, selector).await > 0 {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, until).await.unwrap_or_else(|_| panic!("{selector} stays"));
}

async fn count(page: &Client, selector: &str) -> u64 {
    let script = "return document.querySelectorAll(arguments[0]).length";
    page.execute(script, vec![selector.into()]).await.unwrap().as_u64().unwrap()
}

#[tokio::test]
async fn the_console_shows_what_happens_while_it_happens() {
    let service = Service::start().await;
    let Some(browser) = operator(&service, "/sessions").await else { return };
    let page = &browser.page;
    says(page, ".told", "Nobody has signed in yet").await;
    // What is put here stays as long as no other page is loaded.
    page.execute("window.thisPage = true", vec![]).await.unwrap();

    let (ann, guest) = service.session("ann").await;
    says(page, "tbody a", "ann").await;
    guest.tells(EventBody::DesktopReady);
    says(page, "tbody .badge", "ready").await;
    service.session("bob").await;
    says(page, "tbody a", "bob").await;
    search(page, "ann demo").await;
    says(page, ".filter [role=status]", "1 of 2").await;
    search(page, "").await;

    page.find(Locator::XPath("//tbody//a[text()=\"ann\"]")).await.unwrap().click().await.unwrap();
    says(page, "h1", "Sign-in of ann").await;
    says(page, ".moments", "the desktop is ready").await;
    guest.sign_in().await;
    complete(&service, &ann, &guest, "planted-access").await;
    says(page, "main .badge", "signed in").await;
    place(page, "Virtual machines").await;
    says(page, "tbody .badge", "gone").await;

    // Nothing is done without a question; Escape means no.
    place(page, "Sign-ins").await;
    page.find(Locator::XPath("//tbody//a[text()=\"bob\"]")).await.unwrap().click().await.unwrap();
    click(page, "Cancel").await;
    says(page, "dialog", "Cancel this sign-in?").await;
    page.active_element().await.unwrap().send_keys(&Key::Escape.to_string()).await.unwrap();
    goes(page, "dialog").await;
    click(page, "Cancel").await;
    in_dialog(page, "Cancel").await;
    says(page, "main .badge", "cancelled").await;
    click(page, "Delete").await;
    in_dialog(page, "Delete").await;
    says(page, "h1", "Sign-ins").await;
    says(page, ".filter [role=status]", "1").await;
    assert_eq!(count(page, "tbody tr").await, 1);
    assert_eq!(page.execute("return window.thisPage", vec![]).await.unwrap(), json!(true));
    page.back().await.unwrap();
    says(page, ".notice", "no such session").await;

    service.stop().await;
    says(page, ".notice", "The connection to Anteroom is interrupted").await;
    browser.close().await.unwrap();
}

#[tokio::test]
async fn a_key_is_made_shown_once_and_revoked() {
    let service = Service::start().await;
    let Some(browser) = operator(&service, "/keys").await else { return };
    let page = &browser.page;
    says(page, ".told", "only the local key").await;
    page.find(Locator::Css("form input:not([type])")).await.unwrap().send_keys("back end").await.unwrap();
    page.find(Locator::XPath("//label[contains(., \"vms\")]/input")).await.unwrap().click().await.unwrap();
    click(page, "Make the key").await;
    appears(page, ".secret").await;
    let text = page.find(Locator::Css(".secret")).await.unwrap().text().await.unwrap();
    says(page, "tbody td", "back end").await;
    browser.inspect("console-new-key").await.unwrap();
    let me = answer(service.request(Method::GET, "/api/me").bearer_auth(text.trim())).await;
    assert_eq!(me.body["scopes"], json!(["sessions", "vms"]), "{}", me.text);
    click(page, "I have it").await;
    assert_eq!(count(page, ".secret").await, 0);

    // What its holder sees is what it may do.
    page.delete_all_cookies().await.unwrap();
    page.goto(&service.url(&format!("/console#key={}", text.trim()))).await.unwrap();
    says(page, "nav a", "Virtual machines").await;
    assert_eq!(count(page, "nav a").await, 3, "overview, sign-ins, machines");
    page.goto(&service.url("/console/keys")).await.unwrap();
    says(page, "h1", "There is nothing here").await;

    page.delete_all_cookies().await.unwrap();
    page.goto(&service.url(&format!("/console/keys#key={}", service.key))).await.unwrap();
    appears(page, "tbody tr").await;
    click(page, "Revoke").await;
    in_dialog(page, "Revoke").await;
    says(page, "tbody .badge", "revoked").await;
    click(page, "Sign out").await;
    appears(page, "input[type=password]").await;
    assert_eq!(service.get("/api/me").await.body["name"], "local key", "the key itself is as good as before");
    browser.close().await.unwrap();
    service.stop().await;
}

/// Everything that a place can show is there: living, ended and failed ones, and a receiver that answers nothing.
#[tokio::test]
async fn nobody_is_shut_out_of_any_place() {
    // Nobody listens there.
    let service = webhook::service("http://127.0.0.1:9/events").await;
    let Some(browser) = operator(&service, "").await else { return };
    let page = &browser.page;
    says(page, ".meter", "of 4").await;
    browser.inspect("console-empty").await.unwrap();

    let (done, guest) = service.session("ann").await;
    guest.tells(EventBody::DesktopReady);
    guest.sign_in().await;
    complete(&service, &done, &guest, "planted-access").await;
    let (_, guest) = service.session("bob").await;
    guest.prints("Kernel panic - not syncing: VFS: Unable to mount root fs\n").await;
    guest.dies();
    let (living, guest) = service.session("carla").await;
    guest.tells(EventBody::DesktopReady);
    service.until(&living, "ready").await;
    service.post("/api/admin/keys", &json!({ "name": "back end", "scopes": ["sessions"] })).await;
    std::fs::create_dir_all(service.state.path().join("providers")).unwrap();
    std::fs::write(service.state.path().join("providers/broken.toml"), "id = 1").unwrap();

    for (name, there) in [
        ("Overview", ".failures li"),
        ("Sign-ins", "tbody tr"),
        ("Virtual machines", "tbody tr"),
        ("Prompts", ".told"),
        ("Providers", "tbody tr"),
        ("Snapshots and pool", ".facts"),
        ("API keys", "tbody tr"),
        ("Webhook", "tbody tr"),
        ("Audit log", "tbody tr"),
        ("Settings", "tbody tr"),
    ] {
        place(page, name).await;
        appears(page, there).await;
        let name = name.to_lowercase().replace(' ', "-");
        browser.inspect(&format!("console-{name}")).await.unwrap();
    }
    page.goto(&service.url(&format!("/console/sessions/{living}"))).await.unwrap();
    says(page, ".moments", "the desktop is ready").await;
    browser.inspect("console-session").await.unwrap();
    page.goto(&service.url(&format!("/console/vms/{}", guest.spec.id))).await.unwrap();
    appears(page, ".waterfall li").await;
    browser.inspect("console-vm").await.unwrap();
    click(page, "Destroy").await;
    browser.inspect("console-question").await.unwrap();
    browser.close().await.unwrap();
    service.stop().await;
}

#[tokio::test]
async fn a_thousand_sign_ins_are_searched_and_stay_live() {
    let state = Arc::new(tempfile::tempdir().unwrap());
    let store = Store::open(state.path()).await.unwrap();
    for number in 0..SESSIONS {
        let begun = record(number);
        store.session_create(&begun).await.unwrap();
        let status = if number % 7 == 0 { SessionStatus::Failed } else { SessionStatus::Completed };
        let failure = (number % 7 == 0).then(|| Failure::new("attempt_limit", "the CLI was denied access"));
        let ended = SessionRecord { status, failure, completed_at: Some(begun.created_at), ..begun };
        store.session_update(&ended).await.unwrap();
    }
    store.close().await;
    let service = Service::in_directory(state, &[]).await;
    let Some(browser) = operator(&service, "/sessions").await else { return };
    let page = &browser.page;
    says(page, ".filter [role=status]", "1000").await;
    says(page, ".more button", "Show 100 more of 900").await;
    browser.inspect("console-many").await.unwrap();
    search(page, "user-0777").await;
    says(page, ".filter [role=status]", "1 of 1000").await;
    search(page, "").await;
    service.session("somebody-new").await;
    says(page, "tbody tr:first-child a", "somebody-new").await;
    browser.close().await.unwrap();
    service.stop().await;
}

fn record(number: usize) -> SessionRecord {
    SessionRecord {
        id: SessionId::random(),
        user_id: format!("user-{number:04}"),
        provider: "demo".to_owned(),
        purpose: SessionPurpose::SignIn,
        status: SessionStatus::Initializing,
        vm_id: None,
        created_at: OffsetDateTime::now_utc() - time::Duration::minutes(number as i64 + 1),
        completed_at: None,
        failure: None,
    }
}
