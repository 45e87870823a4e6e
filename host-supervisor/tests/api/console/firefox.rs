//! The console in a real Firefox: every place is there, live, and shuts nobody out.

use anteroom_protocol::EventBody;
use anteroom_tests::{
    browser::{Browser, Firefox},
    skip,
};

use crate::webhook;

/// Places by their addresses, and what there is in each.
const PLACES: [(&str, &str); 10] = [
    ("", ".meter"),
    ("/sessions", "tbody tr"),
    ("/vms", "tbody tr"),
    ("/prompts", ".told"),
    ("/providers", "tbody tr"),
    ("/snapshots", ".facts"),
    ("/keys", ".told, tbody tr"),
    ("/webhook", ".told, tbody tr"),
    ("/audit", "tbody tr"),
    ("/settings", "tbody tr"),
];

#[tokio::test]
async fn every_place_is_the_same_in_firefox() {
    if let Some(missing) = Firefox::missing().or_else(Browser::missing_for_inspection) {
        skip("firefox_console", &format!("{missing} is missing (make test installs it)"));
        return;
    }
    // Nobody listens there.
    let service = webhook::service("http://127.0.0.1:9/events").await;
    let (session, guest) = service.session("ann").await;
    let mut firefox = Firefox::open().await.unwrap();
    firefox.goto(&service.url(&format!("/#key={}", service.key)), "[name=provider]").await.unwrap();
    for (path, there) in PLACES {
        firefox.goto(&service.url(&format!("/console{path}")), there).await.unwrap();
        let name = format!("firefox-console{}", path.replace('/', "-"));
        firefox.inspect(&name).await.unwrap();
    }
    firefox.goto(&service.url(&format!("/console/vms/{}", guest.spec.id)), ".waterfall li").await.unwrap();
    firefox.inspect("firefox-console-vm").await.unwrap();
    firefox.goto(&service.url(&format!("/console/sessions/{session}")), ".moments").await.unwrap();
    guest.tells(EventBody::DesktopReady);
    // Told by the server, and not asked for.
    firefox.says(".moments", "the desktop is ready").await.unwrap();
    firefox.inspect("firefox-console-session").await.unwrap();
    firefox.close().await.unwrap();
    service.stop().await;
}
