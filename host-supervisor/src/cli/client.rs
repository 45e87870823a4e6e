//! The command line's side of the HTTP API.

mod trust;

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{Stream, stream};
use reqwest::{
    Method, RequestBuilder, StatusCode, Upgraded,
    header::{CONNECTION, HeaderMap, UPGRADE},
};
use serde_json::Value;
use zeroize::Zeroizing;

use super::exit::{Exit, Problem};
use crate::{
    api::access,
    config::{Config, Environment},
    daemon,
    failure::{causes, root_cause},
    outbound,
};

/// Ending a VM in order is the slowest call, waiting for a change of status the longest.
const PATIENCE: Duration = Duration::from_secs(70);
/// More than any answer takes.
const LONGEST_STREAM: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long a daemon that is being replaced by another one may be away, and how often it is looked for.
const REPLACEMENT: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Why there is no stream.
#[derive(Debug)]
pub(super) enum UpgradeError {
    /// There may be one soon: the VM is starting.
    NotYet(Problem),
    Problem(Problem),
}

impl From<Problem> for UpgradeError {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<UpgradeError> for Problem {
    fn from(error: UpgradeError) -> Self {
        match error {
            UpgradeError::NotYet(problem) | UpgradeError::Problem(problem) => problem,
        }
    }
}

/// Speaks with one daemon.
#[derive(Debug, Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    base: String,
    key: Option<Zeroizing<String>>,
}

impl Client {
    /// `ANTEROOM_URL`, `ANTEROOM_CA` and `ANTEROOM_API_KEY`, else what the configuration says about the daemon of this machine.
    pub(super) fn new(config: &Config, environment: &Environment) -> Result<Self, Problem> {
        let told = environment.get("ANTEROOM_URL").cloned();
        let base = told.clone().unwrap_or_else(|| daemon::own_address(config));
        let key = match environment.get("ANTEROOM_API_KEY") {
            Some(key) => Some(Zeroizing::new(key.trim().to_owned())),
            None => access::key_of(&config.state_dir).map_err(|error| Problem::failed(causes(&error)))?,
        };
        let http = outbound::client(&base);
        let http = match (told, environment.get("ANTEROOM_CA"), &config.tls) {
            (Some(_), Some(path), _) if base.starts_with("https:") => trust::authorities(http, path)?,
            (None, _, Some(choices)) => trust::own(http, choices)?,
            _ => http,
        };
        let http = http.timeout(PATIENCE).build().map_err(|error| Problem::failed(causes(&error)))?;
        Ok(Self { http, base: base.trim_end_matches('/').to_owned(), key })
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, Problem> {
        self.json(Method::GET, path, None).await
    }

    /// As [`Client::get`], of a daemon that has answered already: it may be replaced by another one meanwhile, which goes on
    /// with what it has begun.
    pub(super) async fn get_through_a_restart(&self, path: &str) -> Result<Value, Problem> {
        let deadline = Instant::now() + REPLACEMENT;
        loop {
            match self.get(path).await {
                Err(problem) if problem.exit == Exit::Unreachable && Instant::now() < deadline => {
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                answer => return answer,
            }
        }
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, Problem> {
        self.json(Method::POST, path, Some(body)).await
    }

    pub(super) async fn delete(&self, path: &str) -> Result<Value, Problem> {
        self.json(Method::DELETE, path, None).await
    }

    pub(super) async fn text(&self, path: &str) -> Result<String, Problem> {
        self.call(Method::GET, path, None).await.map(|(_, text)| text)
    }

    /// And what a header of the answer says.
    pub(super) async fn text_with(
        &self,
        path: &str,
        header: &str,
    ) -> Result<(String, Option<String>), Problem> {
        let (headers, text) = self.call(Method::GET, path, None).await?;
        let said = headers.get(header).and_then(|value| value.to_str().ok());
        Ok((text, said.map(str::to_owned)))
    }

    /// A call whose answer comes piece by piece, for as long as it takes.
    pub(super) async fn stream(
        &self,
        path: &str,
        body: &Value,
    ) -> Result<impl Stream<Item = Result<Bytes, Problem>> + use<>, Problem> {
        let request = self.http.post(format!("{}{path}", self.base)).timeout(LONGEST_STREAM).json(body);
        let answer = self.with_key(request).send().await.map_err(|error| self.unreachable(&error))?;
        let status = answer.status();
        if !status.is_success() {
            let text = answer.text().await.map_err(|error| self.unreachable(&error))?;
            return Err(self.refusal(status, &text));
        }
        Ok(stream::unfold((self.clone(), answer), async |(client, mut answer)| {
            let piece = answer.chunk().await.map_err(|error| client.unreachable(&error)).transpose()?;
            Some((piece, (client, answer)))
        }))
    }

    /// A call that becomes a stream of bytes.
    pub(super) async fn upgrade(&self, path: &str, protocol: &str) -> Result<Upgraded, UpgradeError> {
        self.upgrade_with(path, protocol, HeaderMap::new()).await.map(|(stream, _)| stream)
    }

    /// The same with more headers, and those of the answer.
    pub(super) async fn upgrade_with(
        &self,
        path: &str,
        protocol: &str,
        more: HeaderMap,
    ) -> Result<(Upgraded, HeaderMap), UpgradeError> {
        let request = self.http.get(format!("{}{path}", self.base)).headers(more);
        let request = self.with_key(request).header(CONNECTION, "upgrade").header(UPGRADE, protocol);
        let mut answer = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = answer.status();
        if status == StatusCode::SWITCHING_PROTOCOLS {
            let headers = std::mem::take(answer.headers_mut());
            return Ok((answer.upgrade().await.map_err(|error| self.unreachable(&error))?, headers));
        }
        let text = answer.text().await.map_err(|error| self.unreachable(&error))?;
        let problem = self.refusal(status, &text);
        let body: Value = serde_json::from_str(&text).unwrap_or_default();
        if body["code"] == "vm_not_ready" {
            return Err(UpgradeError::NotYet(problem));
        }
        Err(UpgradeError::Problem(problem))
    }

    fn with_key(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.key {
            Some(key) => request.bearer_auth(&**key),
            None => request,
        }
    }

    async fn json(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Problem> {
        let (_, text) = self.call(method, path, body).await?;
        serde_json::from_str(&text)
            .map_err(|_| Problem::failed(format!("{} does not answer as a daemon of ours does", self.base)))
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(HeaderMap, String), Problem> {
        let mut request = self.with_key(self.http.request(method, format!("{}{path}", self.base)));
        if let Some(body) = body {
            request = request.json(body);
        }
        let mut answer = request.send().await.map_err(|error| self.unreachable(&error))?;
        let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
        let text = answer.text().await.map_err(|error| self.unreachable(&error))?;
        if status.is_success() { Ok((headers, text)) } else { Err(self.refusal(status, &text)) }
    }

    fn unreachable(&self, error: &reqwest::Error) -> Problem {
        let hint = "start one with `anteroom up`, or say with ANTEROOM_URL where it is";
        let cause = cause_of(error);
        Problem::new(Exit::Unreachable, format!("no daemon answers at {}: {cause}; {hint}", self.base))
    }

    fn refusal(&self, status: StatusCode, text: &str) -> Problem {
        let body: Value = serde_json::from_str(text).unwrap_or_default();
        let said = body["error"].as_str().map_or_else(|| format!("HTTP {status}"), str::to_owned);
        let exit = match status {
            StatusCode::NOT_FOUND | StatusCode::GONE => Exit::NotFound,
            status if status.is_client_error() => Exit::Refused,
            _ => Exit::Failed,
        };
        if status == StatusCode::UNAUTHORIZED {
            let hint = match self.key {
                Some(_) => {
                    "the key is not that daemon's; is ANTEROOM_STATE_DIR or ANTEROOM_API_KEY another's?"
                }
                None => "set ANTEROOM_API_KEY, or ANTEROOM_STATE_DIR to where the daemon keeps its api-key",
            };
            return Problem::new(exit, format!("{} wants an API key: {hint}", self.base));
        }
        let lines = body["failure"]["detail_lines"].as_array().into_iter().flatten();
        Problem::new(exit, said).with_lines(lines.filter_map(|line| line.as_str().map(str::to_owned)))
    }
}

/// reqwest repeats the address in every layer.
fn cause_of(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", PATIENCE.as_secs());
    }
    root_cause(error)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

    #[tokio::test]
    async fn a_daemon_that_is_replaced_between_two_answers_is_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let environment = Environment::from([
            ("HOME".to_owned(), "/nonexistent".to_owned()),
            ("ANTEROOM_URL".to_owned(), format!("http://{}", listener.local_addr().unwrap())),
            ("ANTEROOM_API_KEY".to_owned(), "k".to_owned()),
        ]);
        let config = Config::load(&crate::config::Layers::gather(&environment, None, &[]).unwrap()).unwrap();
        let client = Client::new(&config, &environment).unwrap();
        let daemons = tokio::spawn(async move {
            // The first hangs up in the middle of its answer.
            let (mut first, _) = listener.accept().await.unwrap();
            first.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{").await.unwrap();
            drop(first);
            let (mut second, _) = listener.accept().await.unwrap();
            let mut request = [0; 2048];
            let _ = second.read(&mut request).await.unwrap();
            second.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{\"who\":2}").await.unwrap();
            listener
        });
        assert_eq!(client.get_through_a_restart("/x").await.unwrap(), json!({ "who": 2 }));
        drop(daemons.await.unwrap());
        assert_eq!(client.get("/x").await.unwrap_err().exit, Exit::Unreachable, "at once");
    }
}
