//! The request to the model, and its answer as it comes: server-sent events with JSON in them.

use axum::body::Bytes;
use axum::http::{Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::cli::exchange::Issuer;
use crate::cli::prompt::PromptError;
use crate::cli::prompt::output::{Output, Told};
use crate::http::post_json;
use crate::secret::Secret;

const MODEL_PATH: &str = "/model";
/// Of one event.
const LONGEST_LINE_BYTES: usize = 2 * 1024 * 1024;

pub(crate) enum Asked {
    Answer(Answer),
    /// The access token is not taken.
    Refused,
}

pub(crate) struct Answer(Incoming);

pub(crate) async fn ask(issuer: Issuer, token: &Secret, text: &str) -> Result<Asked, PromptError> {
    let connection = TcpStream::connect(issuer.address())
        .await
        .map_err(|error| PromptError::Unreachable(issuer, error))?;
    let host = issuer.address().to_string();
    let response: Response<Incoming> =
        post_json(connection, &host, MODEL_PATH, token, &json!({ "prompt": text })).await?;
    match response.status() {
        StatusCode::OK => Ok(Asked::Answer(Answer(response.into_body()))),
        StatusCode::UNAUTHORIZED => Ok(Asked::Refused),
        status => Err(PromptError::Status(status)),
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Data {
    Text { text: String },
    Usage { usage: Value },
}

impl Answer {
    pub(crate) async fn tell(mut self, output: Output) -> Result<(), PromptError> {
        output.tell(Told::Start).map_err(PromptError::Output)?;
        let (mut lines, mut complete) = (Lines::default(), false);
        while let Some(frame) = self.0.frame().await {
            let frame = frame.map_err(|_| PromptError::BrokeOff)?;
            let Ok(piece) = frame.into_data() else { continue };
            for line in lines.after(&piece)? {
                let told = match line.strip_prefix("data: ").map(serde_json::from_str) {
                    // The end of an event, or a comment that keeps the connection alive.
                    None => continue,
                    Some(Err(_)) => return Err(PromptError::BrokeOff),
                    Some(Ok(Data::Text { text })) => Told::Text { text },
                    Some(Ok(Data::Usage { usage })) => {
                        complete = true;
                        Told::Usage { usage }
                    }
                };
                output.tell(told).map_err(PromptError::Output)?;
            }
        }
        if !complete {
            return Err(PromptError::BrokeOff);
        }
        output.tell(Told::End).map_err(PromptError::Output)
    }
}

/// Whole lines out of pieces.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    fn after(&mut self, piece: &Bytes) -> Result<Vec<String>, PromptError> {
        self.0.extend_from_slice(piece);
        let whole = self.0.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let lines: Vec<u8> = self.0.drain(..whole).collect();
        if self.0.len() > LONGEST_LINE_BYTES {
            return Err(PromptError::BrokeOff);
        }
        let lines = String::from_utf8(lines).map_err(|_| PromptError::BrokeOff)?;
        Ok(lines.lines().map(str::to_owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_may_come_in_pieces_and_several_in_one() {
        let mut lines = Lines::default();
        let mut after = |piece: &'static [u8]| lines.after(&Bytes::from_static(piece)).unwrap();
        assert_eq!(after(b"data: \xc3"), Vec::<String>::new());
        assert_eq!(after(b"\xa4\n\nda"), ["data: \u{e4}", ""]);
        assert_eq!(after(b"ta: b\r\n"), ["data: b"]);
    }

    #[test]
    fn a_line_without_an_end_is_not_kept_for_ever() {
        let mut lines = Lines::default();
        let piece = Bytes::from(vec![b'a'; LONGEST_LINE_BYTES + 1]);
        assert!(matches!(lines.after(&piece), Err(PromptError::BrokeOff)));
    }
}
