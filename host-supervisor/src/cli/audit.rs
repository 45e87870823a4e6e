//! `anteroom audit`: who did what.

use serde_json::Value;

use super::{
    args::AuditArguments,
    client::Client,
    exit::{Exit, Problem},
    show,
};

/// How long one question about news may be open, in seconds.
const WATCH_S: u64 = 20;

pub(super) async fn run(arguments: &AuditArguments, client: &Client) -> Result<Exit, Problem> {
    let path = format!("/api/admin/audit?limit={}", arguments.lines);
    let mut known = print(&client.get(&path).await?, arguments.json)?.unwrap_or(0);
    if !arguments.follow {
        return Ok(Exit::Ok);
    }
    loop {
        let path = format!("/api/admin/audit?after={known}&wait={WATCH_S}");
        known = print(&client.get_through_a_restart(&path).await?, arguments.json)?.unwrap_or(known);
    }
}

/// Prints the entries, and returns the last one's number.
fn print(answer: &Value, json: bool) -> Result<Option<i64>, Problem> {
    let entries = answer["entries"].as_array().map(Vec::as_slice).unwrap_or_default();
    for entry in entries {
        if json {
            show::line(entry);
        } else {
            show::line(in_words(entry));
        }
    }
    Ok(entries.last().and_then(|entry| entry["number"].as_i64()))
}

fn in_words(entry: &Value) -> String {
    let text = |field: &str| show::text(entry, field);
    let method = text("action").split(' ').next().unwrap_or_default().to_owned();
    let acting =
        entry["actingFor"].as_str().map(|_| format!(" for {}", text("actingFor"))).unwrap_or_default();
    let detail = entry["detail"].as_str().map(|_| format!(": {}", text("detail"))).unwrap_or_default();
    let (at, caller, client, target) = (text("at"), text("caller"), text("client"), text("target"));
    format!("{at}  {}  {caller}{acting} from {client}  {method} {target}{detail}", entry["status"])
}
