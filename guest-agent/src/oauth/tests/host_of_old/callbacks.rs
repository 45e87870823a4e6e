//! What becomes of a callback that is handed to port 8080: where it goes, and whose answer the caller gets.

use super::{old::redirect, *};

#[tokio::test]
async fn a_callback_goes_to_the_port_and_path_of_the_newest_address_and_its_answer_comes_back() {
    let Some(old) = Old::usual().await else { return };
    assert_eq!(old.get("/auth/callback?code=c&state=s1").await.status, 409, "no address is known");
    old.shows_address(1).await;
    let (port, asked) = cli(&[page("200 OK", "You are signed in.")]).await;
    old.shows_address(port).await;
    for bad in ["state=s1", "code=c", "code=c&state=s2", ""] {
        assert_eq!(old.get(&format!("/auth/callback?{bad}")).await.status, 400, "{bad}");
    }
    let answer = old.get("/auth/callback?code=a%2Bb&state=s1&iss=x").await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "You are signed in."));
    assert_eq!(answer.header("content-type"), Some("text/html"));
    assert_eq!(asked.await.unwrap(), ["GET /cb?code=a%2Bb&state=s1&iss=x"]);
}

/// What the CLI says to a callback, and what the caller gets: status, `Location`, and words of the body.
struct Handed {
    callback: &'static str,
    query: &'static str,
    cli: Vec<String>,
    gets: (u16, Option<&'static str>, &'static str),
}

const OUT: &str = "https://provider.example/auth_success_tool?x=1";
const FAILURE: &str = "https://provider.example/auth_failure_tool";
const VERDICT: &str = "success_location = '/auth_success_tool|/success'";
const FOLLOWING: &str = "success_location = '/success'\nfollow_local_redirects = true";

#[tokio::test]
async fn the_caller_gets_the_answer_of_the_cli_and_never_a_success_that_is_none() {
    let inside = "http://localhost:9/success?id_token=planted";
    let good = "code=c&state=s1";
    let denied = "error=access_denied&state=s1";
    let taken = "\"success\":true";
    let not_taken = "\"error\":\"the command has not taken the callback\"";
    let not_signed_in = "\"error\":\"the provider has not signed the person in: access_denied\"";
    let row = |callback, query, cli: &[String], gets| Handed { callback, query, cli: cli.to_vec(), gets };
    let rows = [
        // It was taken.
        row(VERDICT, good, &[redirect(OUT)], (302, Some(OUT), taken)),
        row("", good, &[redirect(OUT)], (302, Some(OUT), taken)),
        row(VERDICT, good, &[redirect(inside)], (200, None, taken)),
        row(VERDICT, good, &[redirect("/success?id_token=planted")], (200, None, taken)),
        row(
            FOLLOWING,
            good,
            &[redirect("/success?id_token=planted"), page("200 OK", "All done.")],
            (200, None, "All done."),
        ),
        // The provider has refused, and the CLI says so, in its way or not at all.
        row(VERDICT, denied, &[page("400 Bad Request", "Denied.")], (400, None, "Denied.")),
        row("", denied, &[page("200 OK", "Denied.")], (400, None, "Denied.")),
        row("", denied, &[page("200 OK", "")], (400, None, not_signed_in)),
        row(VERDICT, denied, &[redirect(OUT)], (400, Some(OUT), not_signed_in)),
        row(VERDICT, denied, &[redirect(inside)], (400, None, not_signed_in)),
        // The CLI refuses.
        row("", good, &[page("403 Forbidden", "State mismatch")], (403, None, "State mismatch")),
        row("", good, &[page("500 Oh", "")], (500, None, not_taken)),
        row(VERDICT, good, &[page("200 OK", "No token.")], (400, None, "No token.")),
        row(VERDICT, good, &[redirect(FAILURE)], (400, Some(FAILURE), not_taken)),
        row(VERDICT, good, &[redirect("/failed?id_token=planted")], (400, None, not_taken)),
        row("", good, &["nonsense\r\n\r\n".to_owned()], (502, None, "answers no HTTP")),
    ];
    for (number, Handed { callback, query, cli: says, gets: (status, location, words) }) in
        rows.into_iter().enumerate()
    {
        let Some(old) = Old::signing_in(&definition("json", "token", callback)).await else { return };
        let (port, asked) = cli(&says).await;
        old.shows_address(port).await;
        let answer = old.get(&format!("/auth/callback?{query}")).await;
        assert_eq!(answer.status, status, "row {number}: {}", answer.text);
        assert_eq!(answer.header("location"), location, "row {number}");
        assert!(answer.text.contains(words), "row {number}: {}", answer.text);
        assert!(!format!("{}{}", answer.head, answer.text).contains("planted"), "row {number}");
        assert_eq!(asked.await.unwrap().len(), says.len(), "row {number}");
    }
}

#[tokio::test]
async fn a_callback_port_that_is_closed_is_named() {
    let Some(old) = Old::usual().await else { return };
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    old.shows_address(port).await;
    let answer = old.get("/auth/callback?code=c&state=s1").await;
    assert_eq!(answer.status, 502);
    assert_eq!(
        answer.body,
        json!({ "error": format!("the command's callback port {port} does not answer") })
    );
}
