//! `anteroom logs`: what the services of a VM have said last.

use std::{io::Write as _, time::Duration};

use anteroom_protocol::agent::LOG_LINES_HEADER;

use super::{
    args::LogsArguments,
    client::Client,
    exit::{Exit, Problem},
    show, vm_name,
};
use crate::agent::log_news;

/// How long an answer without news is waited for. The guest keeps 400 lines.
const WAIT_S: u64 = 25;
/// How often somebody who follows looks for news where the guest's agent is older than waiting for them.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

pub(super) async fn run(arguments: &LogsArguments, client: &Client) -> Result<Exit, Problem> {
    let vm = vm_name::resolve(client, &arguments.vm).await?;
    let Some(service) = &arguments.service else {
        let shown = client.get(&format!("/api/vms/{vm}")).await?;
        for service in shown["vm"]["services"].as_array().into_iter().flatten() {
            show::line(show::text(service, "name"));
        }
        return Ok(Exit::Ok);
    };
    let name: String = form_urlencoded::byte_serialize(service.as_bytes()).collect();
    let path = format!("/api/vms/{vm}/services/{name}/log");
    let (mut before, mut lines) = client.text_with(&path, LOG_LINES_HEADER).await?;
    say(&before);
    if !arguments.follow {
        return Ok(Exit::Ok);
    }
    loop {
        let query = match &lines {
            Some(known) => format!("?known={known}&wait={WAIT_S}"),
            None => {
                tokio::time::sleep(LOOK_AGAIN).await;
                String::new()
            }
        };
        let (now, count) = client.text_with(&format!("{path}{query}"), LOG_LINES_HEADER).await?;
        say(log_news(&before, &now));
        (before, lines) = (now, count);
    }
}

/// A reader that has gone away ends this, as it ends every program that writes.
fn say(text: &str) {
    let mut out = std::io::stdout();
    if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}
