//! `anteroom events`: what was seen of a VM and of its session, as it happens.

mod told;

use std::io::Write as _;

use serde_json::{Value, json};

use super::{
    args::EventsArguments,
    client::Client,
    exit::{Exit, Problem},
    show, vm_name,
};
use told::Told;

/// How long one question about news may be open, in seconds.
const WATCH_S: u64 = 20;

pub(super) async fn run(arguments: &EventsArguments, client: &Client) -> Result<Exit, Problem> {
    let vm = vm_name::resolve(client, &arguments.vm).await?;
    let mut told = Told::default();
    let mut path = format!("/api/vms/{vm}/events");
    let mut answer = client.get(&path).await?;
    loop {
        for event in told.news(&answer["events"]) {
            if !say(event, arguments.json) {
                return Ok(Exit::Ok);
            }
        }
        if !arguments.follow || answer["over"] == true {
            return Ok(Exit::Ok);
        }
        let known = answer["events"].as_array().map_or(0, Vec::len);
        path = format!("/api/vms/{vm}/events?known={known}&wait={WATCH_S}");
        answer = client.get_through_a_restart(&path).await?;
    }
}

/// Whether there is still somebody who reads.
fn say(event: &Value, as_json: bool) -> bool {
    let [at, of, text] = ["at", "of", "text"].map(|field| show::text(event, field));
    let line = if as_json {
        json!({ "at": at, "of": of, "text": text }).to_string()
    } else {
        format!("{at}  {of:<8}{text}")
    };
    let mut out = std::io::stdout();
    writeln!(out, "{line}").and_then(|()| out.flush()).is_ok()
}
