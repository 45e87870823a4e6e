//! `anteroom prompt`: a user's CLI is asked something, and its answer shown as it comes.

use std::{
    io::{self, IsTerminal as _, Read as _, Write as _},
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use serde_json::{Value, json};

use super::{
    args::PromptArguments,
    client::Client,
    exit::{Exit, Problem},
};
use crate::prompt::NewPrompt;

/// As shells have it for SIGINT.
const INTERRUPTED: u8 = 130;
/// Of one event, in bytes: a line of the CLI and some words of ours.
const MAX_EVENT_BYTES: usize = 4 * 1024 * 1024;

pub(super) async fn run(arguments: &PromptArguments, client: &Client) -> Result<Exit, Problem> {
    let body = body(arguments)?;
    let answer = client.stream("/api/prompts/execute", &body).await?;
    let mut telling = Telling { json: arguments.json, id: None, ends_line: true };
    let followed = async {
        let mut events = Events { from: Box::pin(answer), begun: BytesMut::new() };
        while let Some(event) = events.next().await? {
            if let Some(exit) = telling.tell(&event)? {
                return Ok(exit);
            }
        }
        Err(Problem::failed("the daemon has hung up before the end"))
    };
    tokio::select! {
        // Whoever leaves has the prompt cancelled.
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            Ok(Exit::Program(INTERRUPTED))
        }
        exit = followed => exit,
    }
}

fn body(arguments: &PromptArguments) -> Result<Value, Problem> {
    let usage = |message: String| Problem::new(Exit::Usage, message);
    let prompt = match arguments.prompt.as_deref() {
        Some(prompt) if prompt != "-" => prompt.to_owned(),
        _ => {
            let mut text = String::new();
            io::stdin().take(NewPrompt::MAX_TEXT_BYTES as u64 + 1).read_to_string(&mut text)?;
            text
        }
    };
    let files = arguments.files.iter().map(|path| file(path)).collect::<Result<Vec<_>, Problem>>()?;
    let limit = arguments.timeout.map(|limit| u64::try_from(limit.as_millis()));
    let limit = limit.transpose().map_err(|_| usage("that time is too long".to_owned()))?;
    let mut body = json!({
        "userId": arguments.user,
        "provider": arguments.provider,
        "prompt": prompt,
        "files": files,
        "options": { "model": arguments.model, "timeLimitMs": limit },
    });
    if let Some(directory) = &arguments.cwd {
        body["cwd"] = json!(directory);
    }
    Ok(body)
}

fn file(path: &Path) -> Result<Value, Problem> {
    let said = |error: String| Problem::new(Exit::Usage, format!("{}: {error}", path.display()));
    let name =
        path.file_name().and_then(|name| name.to_str()).ok_or_else(|| said("it has no name".to_owned()))?;
    let contents = std::fs::read(path).map_err(|error| said(error.to_string()))?;
    Ok(json!({ "path": name, "contents": STANDARD.encode(contents), "encoding": "base64" }))
}

/// What people see of the events.
struct Telling {
    json: bool,
    id: Option<String>,
    /// Whether the last thing that was written ends its line.
    ends_line: bool,
}

impl Telling {
    /// Returns the exit code with the last one.
    fn tell(&mut self, event: &str) -> Result<Option<Exit>, Problem> {
        let value: Value = serde_json::from_str(event)
            .map_err(|_| Problem::failed("the daemon does not answer as one of ours does"))?;
        if self.json {
            writeln!(io::stdout(), "{event}")?;
        }
        match value["type"].as_str() {
            Some("connected") => self.id = value["promptId"].as_str().map(str::to_owned),
            Some("status") => self.note(&value),
            Some("chunk") => self.write(value["text"].as_str().unwrap_or_default())?,
            Some("done") => return self.done(&value).map(Some),
            Some("error") => return Err(self.error(&value)?),
            _ => {}
        }
        Ok(None)
    }

    /// For whoever waits at a terminal.
    fn note(&self, value: &Value) {
        let words = match value["status"].as_str() {
            Some("starting") => "the VM starts or wakes, and gets the credentials",
            Some("running") => "the CLI runs",
            _ => return,
        };
        if !self.json && io::stderr().is_terminal() {
            eprintln!("anteroom: {words}");
        }
    }

    fn write(&mut self, text: &str) -> Result<(), Problem> {
        if self.json || text.is_empty() {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()?;
        self.ends_line = text.ends_with('\n');
        Ok(())
    }

    fn done(&mut self, value: &Value) -> Result<Exit, Problem> {
        self.end_line()?;
        if let Some(complaint) = value["complaint"].as_str().filter(|_| !self.json) {
            eprintln!("{complaint}");
        }
        match value["exitCode"].as_i64().and_then(|code| u8::try_from(code).ok()) {
            Some(0) => Ok(Exit::Ok),
            Some(code) => Ok(Exit::Program(code)),
            None => Ok(Exit::Failed),
        }
    }

    fn error(&mut self, value: &Value) -> Result<Problem, Problem> {
        self.end_line()?;
        let message = value["message"].as_str().unwrap_or("the prompt has failed");
        let lines = value["detailLines"].as_array().into_iter().flatten();
        let lines = lines.filter_map(|line| line.as_str().map(str::to_owned));
        Ok(Problem::failed(message).with_lines(lines))
    }

    fn end_line(&mut self) -> io::Result<()> {
        if self.ends_line || self.json {
            return Ok(());
        }
        self.ends_line = true;
        writeln!(io::stdout())
    }
}

/// Server-sent events, of which only the data counts here: a line of JSON each.
struct Events<S> {
    from: S,
    begun: BytesMut,
}

impl<S: Stream<Item = Result<Bytes, Problem>> + Unpin> Events<S> {
    async fn next(&mut self) -> Result<Option<String>, Problem> {
        loop {
            while let Some(end) = self.begun.iter().position(|byte| *byte == b'\n') {
                let line = self.begun.split_to(end + 1);
                let line = String::from_utf8_lossy(&line);
                if let Some(data) = line.strip_prefix("data:") {
                    return Ok(Some(data.trim().to_owned()));
                }
            }
            if self.begun.len() > MAX_EVENT_BYTES {
                return Err(Problem::failed("the daemon sends an event without an end"));
            }
            match self.from.next().await {
                Some(piece) => self.begun.extend_from_slice(&piece?),
                None => return Ok(None),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    #[tokio::test]
    async fn events_are_whole_however_they_come_and_nothing_else_is_one() {
        let pieces = ["id: 1\nda", "ta: {\"a\":1}\n\n:", "\n\nid: 2\ndata: {}\n", "\n"];
        let pieces = pieces.map(|piece| Ok(Bytes::from_static(piece.as_bytes())));
        let mut events = Events { from: stream::iter(pieces), begun: BytesMut::new() };
        assert_eq!(events.next().await.unwrap().as_deref(), Some("{\"a\":1}"));
        assert_eq!(events.next().await.unwrap().as_deref(), Some("{}"));
        assert_eq!(events.next().await.unwrap(), None);
    }

    #[test]
    fn the_clis_exit_code_is_ours_and_an_error_is_told_with_its_lines() {
        let mut telling = Telling { json: false, id: None, ends_line: true };
        assert_eq!(telling.tell(r#"{"type":"connected","promptId":"p"}"#).unwrap(), None);
        assert_eq!(telling.id.as_deref(), Some("p"));
        assert_eq!(telling.tell(r#"{"type":"done","exitCode":3}"#).unwrap(), Some(Exit::Program(3)));
        let error =
            telling.tell(r#"{"type":"error","code":"c","message":"no","detailLines":["why"]}"#).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.detail_lines), ("no", vec!["why".to_owned()]));
    }
}
