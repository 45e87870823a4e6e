//! `anteroom session`: start, list, show, help along, remove.

use std::{
    io::{BufRead as _, IsTerminal as _, Read as _, stdin},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use url::Url;
use zeroize::Zeroizing;

use super::{
    args::{SessionCommand, StartArguments},
    client::Client,
    exit::{Exit, Problem},
    show::{self, Progress},
};
use crate::store::SessionStatus;

/// How long one question about a change of status may be open, in seconds.
const WATCH_S: u64 = 20;
/// Of a pasted line, in bytes.
const MAX_PASTED_BYTES: u64 = 16 * 1024;
/// How long a VM may take to go after its session has ended.
const GOING: Duration = Duration::from_secs(30);

pub(super) async fn run(command: &SessionCommand, client: &Client) -> Result<Exit, Problem> {
    match command {
        SessionCommand::Start(arguments) => start(arguments, client).await,
        SessionCommand::Ls { user, json } => list(user.as_deref(), *json, client).await,
        SessionCommand::Show { id, json } => {
            let session = find(client, id).await?;
            if *json {
                show::json(&session)?
            } else {
                print(&session)
            }
            Ok(Exit::Ok)
        }
        SessionCommand::Retry { id } => {
            let session = show::text(&find(client, id).await?, "session_id");
            client.post(&format!("/api/auth/session/{session}/retry"), &json!({})).await?;
            show::line(format_args!("session {session}: the CLI signs in again"));
            Ok(Exit::Ok)
        }
        SessionCommand::Code { id } => {
            let session = show::text(&find(client, id).await?, "session_id");
            show::line(hand_over(client, &session, &pasted()?).await?);
            Ok(Exit::Ok)
        }
        SessionCommand::Rm { ids } => {
            for id in ids {
                let session = show::text(&find(client, id).await?, "session_id");
                client.delete(&format!("/api/auth/session/{session}")).await?;
                show::line(format_args!("session {session} removed"));
            }
            Ok(Exit::Ok)
        }
    }
}

/// What a person pastes: never an argument, which everybody on the machine can read.
fn pasted() -> Result<Zeroizing<String>, Problem> {
    if stdin().is_terminal() {
        eprint!("Paste the code, or the address of the last page, and press Enter: ");
    }
    let mut line = Zeroizing::new(String::new());
    stdin().lock().take(MAX_PASTED_BYTES).read_line(&mut line)?;
    if line.trim().is_empty() {
        return Err(Problem::new(Exit::Usage, "nothing was pasted: the code is read from standard input"));
    }
    Ok(line)
}

/// An address of a page that failed goes to the CLI's own port, everything else into the terminal.
async fn hand_over(client: &Client, session: &str, pasted: &str) -> Result<&'static str, Problem> {
    let pasted = pasted.trim();
    if is_loopback(pasted) {
        client.post(&format!("/api/auth/session/{session}/callback"), &json!({ "url": pasted })).await?;
        return Ok("the CLI has taken the answer");
    }
    client.post(&format!("/api/auth/session/{session}/code"), &json!({ "code": pasted })).await?;
    Ok("the code is typed; the session says what the CLI makes of it")
}

fn is_loopback(pasted: &str) -> bool {
    Url::parse(pasted).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
    })
}

async fn start(arguments: &StartArguments, client: &Client) -> Result<Exit, Problem> {
    let path = if arguments.rotate { "/api/auth/rotate" } else { "/api/auth/start" };
    let mut body = json!({ "userId": arguments.user, "provider": arguments.provider });
    if let Some(launch) = &arguments.launch {
        body["launch"] = json!(launch);
    }
    let id = show::text(&client.post(path, &body).await?, "sessionId");
    let mut session = fetch(client, &id).await?;
    let mut exit = Exit::Ok;
    if let Some(wanted) = arguments.wait {
        if !arguments.json {
            show::line(format_args!("session  {id}"));
            show::line(format_args!("desktop  {}", show::text(&session, "novnc_url")));
        }
        session = wait(client, session, wanted, arguments.timeout).await?;
        exit = outcome(status_of(&session)?, wanted);
    }
    if arguments.json {
        show::json(&session)?
    } else {
        print(&session)
    }
    Ok(exit)
}

/// Waits for the status, a later one, or the end; after the end until the VM is gone as well.
async fn wait(
    client: &Client,
    mut session: Value,
    wanted: SessionStatus,
    timeout: Duration,
) -> Result<Value, Problem> {
    let (started, mut progress, mut said) = (Instant::now(), Progress::new(), String::new());
    let id = show::text(&session, "session_id");
    loop {
        let status = status_of(&session)?;
        let code = session["device"]["user_code"].as_str();
        let now = match (session["attempt_failure"]["message"].as_str(), code) {
            (Some(cause), _) => format!("{cause}; try again: anteroom session retry {id}"),
            (None, Some(_)) => {
                let page = show::text(&session, "oauth_url");
                format!("enter {} at {page}", show::text(&session["device"], "user_code"))
            }
            (None, None) => match show::waits(&session) {
                Some(waits) => format!("the VM waits {waits}"),
                None => status.in_words().to_owned(),
            },
        };
        if said != now {
            progress.say(&format!("{}  {now}", elapsed(started)));
            said = now;
        }
        if status.is_final() {
            progress.say(&format!("{}  the VM is being removed", elapsed(started)));
            vm_gone(client, &show::text(&session, "vm_id")).await?;
            return Ok(session);
        }
        if status >= wanted {
            return Ok(session);
        }
        let left = timeout.saturating_sub(started.elapsed()).as_secs();
        if left == 0 {
            drop(progress);
            let message = format!(
                "session {id} is still {} after {} s; it goes on",
                status.as_str(),
                timeout.as_secs()
            );
            return Err(Problem::new(Exit::OtherEnd, message));
        }
        let revision = session["revision"].as_u64().unwrap_or_default();
        let path = format!("/api/auth/session/{id}?revision={revision}&wait={}", left.min(WATCH_S));
        session = client.get_through_a_restart(&path).await?["session"].take();
    }
}

async fn vm_gone(client: &Client, vm: &str) -> Result<(), Problem> {
    let deadline = Instant::now() + GOING;
    loop {
        let vm_now = client.get_through_a_restart(&format!("/api/vms/{vm}")).await?["vm"].take();
        if matches!(vm_now["status"].as_str(), Some("destroyed" | "failed")) {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(Problem::failed(format!("the session has ended, but its VM {vm} is still there")));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn outcome(status: SessionStatus, wanted: SessionStatus) -> Exit {
    let passed = status == SessionStatus::Completed && wanted <= SessionStatus::Completed;
    let reached = !status.is_final() && status >= wanted;
    if status == wanted || passed || reached { Exit::Ok } else { Exit::OtherEnd }
}

async fn list(user: Option<&str>, json: bool, client: &Client) -> Result<Exit, Problem> {
    let path = match user {
        Some(user) => {
            let user: String = form_urlencoded::byte_serialize(user.as_bytes()).collect();
            format!("/api/auth/sessions/{}", user.replace('+', "%20"))
        }
        None => "/api/auth/sessions".to_owned(),
    };
    let sessions = client.get(&path).await?["sessions"].take();
    if json {
        show::json(&sessions)?;
        return Ok(Exit::Ok);
    }
    let mut table = show::table(&["SESSION", "USER", "PROVIDER", "STATUS", "STARTED", "CAUSE"]);
    for session in sessions.as_array().into_iter().flatten() {
        table.add_row([
            show::text(session, "session_id"),
            show::text(session, "user_id"),
            show::text(session, "provider"),
            show::text(session, "status"),
            show::ago(session, "created_at"),
            show::clipped(&show::text(session, "error")),
        ]);
    }
    show::line(table);
    Ok(Exit::Ok)
}

fn print(session: &Value) {
    let fields = [
        ("session", "session_id"),
        ("user", "user_id"),
        ("provider", "provider"),
        ("status", "status"),
        ("VM", "vm_id"),
        ("started", "created_at"),
        ("ended", "completed_at"),
        ("desktop", "novnc_url"),
        ("sign-in", "oauth_url"),
        ("cause", "error"),
    ];
    for (name, field) in fields {
        let value = show::text(session, field);
        if !value.is_empty() {
            show::line(format_args!("{name:<9}{value}"));
        }
    }
    if let Some(waits) = show::waits(session) {
        show::line(format_args!("{:<9}{waits}", "waits"));
    }
    let code = show::text(&session["device"], "user_code");
    if !code.is_empty() {
        show::line(format_args!("code     {code}"));
    }
    if session["asks_for_code"] == true {
        let id = show::text(session, "session_id");
        show::line(format_args!("         a code of the page is asked for: anteroom session code {id}"));
    }
    let attempt = &session["attempt_failure"];
    if let Some(cause) = attempt["message"].as_str() {
        show::line(format_args!("failed   {cause}"));
        show::line("         the VM is still there: sign in again with `anteroom session retry`");
    }
    let details = [&session["failure"], attempt].map(|failure| failure["detail_lines"].as_array());
    for detail in details.into_iter().flatten().flatten() {
        show::line(format_args!("         {}", detail.as_str().unwrap_or_default()));
    }
}

/// By its whole id, or by a beginning that only one has.
async fn find(client: &Client, id: &str) -> Result<Value, Problem> {
    if id.parse::<anteroom_protocol::SessionId>().is_ok() {
        return fetch(client, id).await;
    }
    let sessions = client.get("/api/auth/sessions").await?["sessions"].take();
    let found = show::unique(&sessions, "session_id", id, "session")?;
    fetch(client, &found).await
}

async fn fetch(client: &Client, id: &str) -> Result<Value, Problem> {
    Ok(client.get(&format!("/api/auth/session/{id}")).await?["session"].take())
}

fn status_of(session: &Value) -> Result<SessionStatus, Problem> {
    serde_json::from_value(session["status"].clone()).map_err(|_| {
        Problem::failed(format!("the daemon speaks of a status {} that is not known here", session["status"]))
    })
}

fn elapsed(since: Instant) -> String {
    format!("{:>4} s", since.elapsed().as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use SessionStatus::{AwaitingUserAuth, Cancelled, Completed, Failed, Ready, VmCreated};

    #[test]
    fn only_an_address_of_loopback_goes_to_a_port() {
        assert!(is_loopback("http://localhost:1455/auth/callback?code=c&state=s"));
        assert!(is_loopback("http://127.0.0.1:40001/cb") && is_loopback("http://[::1]:1/"));
        for other in ["c0de#st4te", "https://platform.example/oauth/code/callback?code=c", "localhost:1", ""]
        {
            assert!(!is_loopback(other), "{other}");
        }
    }

    #[test]
    fn a_wait_is_met_by_the_status_or_a_later_one_but_not_by_another_end() {
        for (status, wanted) in
            [(Ready, Ready), (AwaitingUserAuth, Ready), (Completed, Ready), (Failed, Failed)]
        {
            assert_eq!(outcome(status, wanted), Exit::Ok, "{status:?} for {wanted:?}");
        }
        for (status, wanted) in
            [(Failed, Ready), (Cancelled, Completed), (Completed, Failed), (VmCreated, Ready)]
        {
            assert_eq!(outcome(status, wanted), Exit::OtherEnd, "{status:?} for {wanted:?}");
        }
    }
}
