//! `anteroom provider test`: a sign-in of which nothing is kept, told step by step.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::wrong;
use crate::{
    cli::{
        client::Client,
        exit::{Exit, Problem},
        show,
    },
    failure::causes,
    providers,
};

/// How long one question about news may be open, in seconds.
const WATCH_S: u64 = 20;

/// Starts the trial, prints what is seen, and ends it whatever happens.
pub(super) async fn run(
    client: &Client,
    provider: &str,
    launch: Option<&str>,
    timeout: Duration,
) -> Result<Exit, Problem> {
    let mut body = asked_for(provider)?;
    if let Some(launch) = launch {
        body["launch"] = json!(launch);
    }
    let started = client.post("/api/providers/test", &body).await?;
    let trial = Trial { client, session: show::text(&started, "sessionId"), since: Instant::now() };
    show::line(format_args!("session  {}", trial.session));
    show::line(format_args!("desktop  {}\n", show::text(&started, "novncURL")));
    let outcome = tokio::select! {
        outcome = trial.watch(timeout) => outcome,
        _ = tokio::signal::ctrl_c() => Err(Problem::failed("the test was stopped")),
    };
    // With its VM; there are no credentials of it.
    client.delete(&format!("/api/auth/session/{}", trial.session)).await?;
    outcome
}

/// A file is checked here first, where its mistakes can be shown with their lines.
fn asked_for(provider: &str) -> Result<Value, Problem> {
    let path = Path::new(provider);
    if !provider.contains('/') && path.extension().is_none_or(|extension| extension != "toml") {
        return Ok(json!({ "provider": provider }));
    }
    providers::read(path).map_err(|problem| wrong(path, &problem))?;
    let text = std::fs::read_to_string(path).map_err(|error| Problem::failed(causes(&error)))?;
    Ok(json!({ "definition": text }))
}

struct Trial<'a> {
    client: &'a Client,
    session: String,
    since: Instant,
}

impl Trial<'_> {
    async fn watch(&self, timeout: Duration) -> Result<Exit, Problem> {
        let mut known = 0;
        loop {
            let path = format!("/api/auth/session/{}/history?after={known}&wait={WATCH_S}", self.session);
            let news = match self.client.get(&path).await {
                // It has ended between two questions. What came of it is kept longer than what was seen of it.
                Err(problem) if problem.exit == Exit::NotFound => return self.verdict().await,
                news => news?,
            };
            let moments = news["history"].as_array().map(Vec::as_slice).unwrap_or_default();
            for moment in moments {
                self.tell(&show::text(moment, "text"));
            }
            known += moments.len();
            if news["over"] == true && moments.is_empty() {
                return self.verdict().await;
            }
            if self.since.elapsed() > timeout {
                let message = format!("not signed in after {} s", timeout.as_secs());
                return Err(Problem::new(Exit::OtherEnd, message));
            }
            if !moments.is_empty() {
                self.tell_what_to_do().await?;
            }
        }
    }

    fn tell(&self, text: &str) {
        show::line(format_args!("{:>6.1} s  {text}", self.since.elapsed().as_secs_f64()));
    }

    /// A code of the moment is for the person who tries.
    async fn tell_what_to_do(&self) -> Result<(), Problem> {
        let session = self.session().await?;
        if let Some(code) = session["device"]["user_code"].as_str() {
            show::line(format_args!("          enter {code} at {}", show::text(&session, "oauth_url")));
        }
        if session["attempt_failure"].is_object() {
            show::line(format_args!("          try again: anteroom session retry {}", self.session));
        }
        if session["asks_for_code"] == true {
            show::line(format_args!("          paste it: anteroom session code {}", self.session));
        }
        Ok(())
    }

    async fn verdict(&self) -> Result<Exit, Problem> {
        let session = self.session().await?;
        let provider = show::text(&session, "provider");
        if session["status"] == "completed" {
            show::line(format_args!("\n{provider}: signed in and captured; nothing was kept of it"));
            return Ok(Exit::Ok);
        }
        let lines = session["failure"]["detail_lines"].as_array().into_iter().flatten();
        let lines = lines.filter_map(|line| line.as_str().map(str::to_owned)).collect::<Vec<_>>();
        let message = format!("{provider}: {}", show::text(&session, "error"));
        Err(Problem::new(Exit::OtherEnd, message).with_lines(lines))
    }

    async fn session(&self) -> Result<Value, Problem> {
        Ok(self.client.get(&format!("/api/auth/session/{}", self.session)).await?["session"].take())
    }
}
