//! The portal as programs see it: the real agent, started by a real session bus, with the oauth role's hook stood in for.
#![expect(clippy::unwrap_used, reason = "only tests are in here")]
#![expect(
    clippy::disallowed_types,
    reason = "the agent is another process here, and reaps nothing of this one"
)]

mod session_bus;

use std::{collections::HashMap, fs::File, process::Stdio};

use session_bus::{BUS_NAME, Desk, OPEN_URI, PORTAL, REQUEST};
use zbus::{Fd, Variant};

const PAGE: &str = "https://id.example/authorize?state=s3cr3t&code_challenge=c1";

#[tokio::test]
async fn a_program_that_asks_the_portal_gets_its_page_once_and_is_told() {
    let Some(mut desk) = Desk::start().await else { return };
    let mut program = desk.program().await;
    assert!(!program.portal_runs().await, "it runs although nobody has asked");
    let handle = program.open(PAGE, &[("handle_token", "tok_1".into())]).await.unwrap();
    let name = program.bus.unique_name().unwrap().trim_start_matches(':').replace('.', "_");
    assert_eq!(handle.as_str(), format!("/org/freedesktop/portal/desktop/request/{name}/tok_1"));
    assert_eq!(program.response().await, (handle.to_string(), 0));
    assert_eq!(desk.asked_so_far(), [PAGE]);
    let gone = program.call(handle.as_str(), REQUEST, "Close", &()).await.unwrap_err();
    assert_eq!(gone, "org.freedesktop.DBus.Error.UnknownObject");
}

#[tokio::test]
async fn a_page_that_the_hook_refuses_is_answered_with_2_and_its_address_is_not_logged() {
    let Some(mut desk) = Desk::start().await else { return };
    let mut program = desk.program().await;
    let handle = program.open("https://refused.example/?state=s3cr3t", &[]).await.unwrap();
    assert_eq!(program.response().await, (handle.to_string(), 2));
    desk.stop_hook().await;
    let handle = program.open(PAGE, &[]).await.unwrap();
    assert_eq!(program.response().await, (handle.to_string(), 2));
    let log = desk.log();
    assert_eq!(log.matches("a page is not opened").count(), 2, "{log}");
    assert!(!log.contains("s3cr3t") && !log.contains(".example"), "{log}");
}

#[tokio::test]
async fn what_is_no_page_of_the_web_and_what_is_no_token_is_refused_at_once() {
    let Some(mut desk) = Desk::start().await else { return };
    let program = desk.program().await;
    let long = format!("https://a.example/{}", "x".repeat(8 * 1024));
    for uri in ["file:///etc/passwd", "javascript:alert(1)", "--headless", "", "https://a/\n", &long] {
        let refused = program.open(uri, &[]).await.unwrap_err();
        assert_eq!(refused, "org.freedesktop.portal.Error.InvalidArgument", "{uri}");
    }
    for token in ["", "a/b", "..", "a-b", &"x".repeat(256)] {
        let refused = program.open(PAGE, &[("handle_token", token.into())]).await.unwrap_err();
        assert_eq!(refused, "org.freedesktop.portal.Error.InvalidArgument", "{token}");
    }
    let refused = program.open(PAGE, &[("handle_token", 7u32.into())]).await.unwrap_err();
    assert_eq!(refused, "org.freedesktop.portal.Error.InvalidArgument");
    assert!(desk.asked_so_far().is_empty());
}

#[tokio::test]
async fn options_that_mean_nothing_here_are_left_alone() {
    let Some(mut desk) = Desk::start().await else { return };
    let mut program = desk.program().await;
    let options = [("ask", true.into()), ("writable", false.into()), ("activation_token", "a b".into())];
    let handle = program.open(PAGE, &options).await.unwrap();
    assert_eq!(program.response().await, (handle.to_string(), 0));
    assert_eq!(desk.asked_so_far(), [PAGE]);
}

#[tokio::test]
async fn files_and_directories_are_refused() {
    let Some(desk) = Desk::start().await else { return };
    let program = desk.program().await;
    let null = File::open("/dev/null").unwrap();
    let body = ("", Fd::from(&null), HashMap::<&str, Variant<'_>>::new());
    for method in ["OpenFile", "OpenDirectory"] {
        let refused = program.call(PORTAL, OPEN_URI, method, &body).await.unwrap_err();
        assert_eq!(refused, "org.freedesktop.portal.Error.NotAllowed", "{method}");
    }
}

#[tokio::test]
async fn a_request_that_its_caller_closes_gets_no_response() {
    let Some(mut desk) = Desk::start().await else { return };
    let mut program = desk.program().await;
    let held = program.open("https://held.example/", &[]).await.unwrap();
    assert_eq!(desk.asked().await, "https://held.example/");
    let stranger = desk.program().await;
    let refused = stranger.call(held.as_str(), REQUEST, "Close", &()).await.unwrap_err();
    assert_eq!(refused, "org.freedesktop.DBus.Error.AccessDenied");
    program.call(held.as_str(), REQUEST, "Close", &()).await.unwrap();
    let next = program.open(PAGE, &[("handle_token", "next".into())]).await.unwrap();
    assert_eq!(program.response().await, (next.to_string(), 0), "the closed one comes first, if it comes");
    let gone = program.call(held.as_str(), REQUEST, "Close", &()).await.unwrap_err();
    assert_eq!(gone, "org.freedesktop.DBus.Error.UnknownObject", "it waits for the hook all the same");
}

#[tokio::test]
async fn two_calls_with_one_token_are_told_apart() {
    let Some(desk) = Desk::start().await else { return };
    let mut program = desk.program().await;
    let token = [("handle_token", Variant::from("same"))];
    let held = program.open("https://held.example/", &token).await.unwrap();
    let second = program.open(PAGE, &token).await.unwrap();
    assert!(second.as_str().starts_with(&format!("{held}/")), "{second}");
    assert_eq!(program.response().await, (second.to_string(), 0));
    desk.let_go();
    assert_eq!(program.response().await, (held.to_string(), 0));
}

#[tokio::test]
async fn a_flood_of_calls_is_refused_and_passes() {
    let Some(desk) = Desk::start().await else { return };
    let mut program = desk.program().await;
    for _ in 0..16 {
        program.open("https://held.example/", &[]).await.unwrap();
    }
    let refused = program.open(PAGE, &[]).await.unwrap_err();
    assert_eq!(refused, "org.freedesktop.portal.Error.Failed");
    desk.let_go();
    for _ in 0..16 {
        assert_eq!(program.response().await.1, 0);
    }
    let handle = program.open(PAGE, &[]).await.unwrap();
    assert_eq!(program.response().await, (handle.to_string(), 0));
}

#[tokio::test]
async fn other_parts_of_the_portal_are_said_not_to_be_there() {
    let Some(desk) = Desk::start().await else { return };
    let program = desk.program().await;
    let setting = ("org.freedesktop.appearance", "color-scheme");
    let settings = "org.freedesktop.portal.Settings";
    let properties = "org.freedesktop.DBus.Properties";
    let unknown_interface = "org.freedesktop.DBus.Error.UnknownInterface";
    assert_eq!(program.call(PORTAL, settings, "ReadOne", &setting).await.unwrap_err(), unknown_interface);
    let version = ("org.freedesktop.portal.FileChooser", "version");
    assert_eq!(program.call(PORTAL, properties, "Get", &version).await.unwrap_err(), unknown_interface);
    let all = "org.freedesktop.portal.Secret";
    assert_eq!(program.call(PORTAL, properties, "GetAll", &all).await.unwrap_err(), unknown_interface);
    let unknown_method = program.call(PORTAL, OPEN_URI, "OpenMind", &()).await.unwrap_err();
    assert_eq!(unknown_method, "org.freedesktop.DBus.Error.UnknownMethod");
    let unknown_object = program.call("/org/other", OPEN_URI, "OpenURI", &()).await.unwrap_err();
    assert_eq!(unknown_object, "org.freedesktop.DBus.Error.UnknownObject");
}

#[tokio::test]
async fn it_says_which_version_it_is_and_what_it_opens() {
    let Some(desk) = Desk::start().await else { return };
    let program = desk.program().await;
    let asked = (OPEN_URI, "version");
    let version = program.call(PORTAL, "org.freedesktop.DBus.Properties", "Get", &asked).await.unwrap();
    assert_eq!(version.body().deserialize::<Variant<'_>>().unwrap(), Variant::from(5u32));
    for (scheme, expected) in [("https", true), ("HTTP", true), ("file", false), ("", false)] {
        let body = (scheme, HashMap::<&str, Variant<'_>>::new());
        let answer = program.call(PORTAL, OPEN_URI, "SchemeSupported", &body).await.unwrap();
        assert_eq!(answer.body().deserialize::<bool>().unwrap(), expected, "{scheme:?}");
    }
}

#[tokio::test]
async fn a_caller_that_ends_at_once_still_gets_its_page() {
    let Some(mut desk) = Desk::start().await else { return };
    {
        let program = desk.program().await;
        program.open(PAGE, &[]).await.unwrap();
    }
    assert_eq!(desk.asked().await, PAGE);
}

#[tokio::test]
async fn gdbus_opens_a_page() {
    let Some(mut desk) = Desk::start().await else { return };
    let call = tokio::process::Command::new("gdbus")
        .args(["call", "--session", "--dest", BUS_NAME, "--object-path", PORTAL])
        .args(["--method", "org.freedesktop.portal.OpenURI.OpenURI", "", PAGE, "{'handle_token': <'g1'>}"])
        .env("DBUS_SESSION_BUS_ADDRESS", desk.address())
        .stdin(Stdio::null())
        .output()
        .await;
    let Ok(output) = call else {
        eprintln!("SKIPPED: gdbus is missing (./setup.sh test installs it)");
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.starts_with("(objectpath '/org/freedesktop/portal/desktop/request/"), "{said}");
    assert!(said.trim_end().ends_with("/g1',)"), "{said}");
    assert_eq!(desk.asked().await, PAGE);
}

#[tokio::test]
async fn it_ends_with_its_bus() {
    let Some(mut desk) = Desk::start().await else { return };
    let program = desk.program().await;
    program.call(PORTAL, "org.freedesktop.DBus.Peer", "Ping", &()).await.unwrap();
    let portal = program.portal().await;
    desk.stop_bus().await;
    portal.ended();
}
