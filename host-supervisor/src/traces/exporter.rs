//! The way to the collector: OTLP's HTTP with protobuf, over the HTTP client that the daemon has. The batches are made by a thread
//! of the SDK's own; nobody waits for it.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{
    ExporterBuildError, Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use reqwest::{header::HeaderMap, redirect};
use tokio::runtime::Handle;

use crate::{
    config::{HeadersSource, OtlpChoices, OtlpHeaders},
    failure::root_cause,
    outbound,
    private_file::{self, PrivateFileError},
};

/// How long a collector may take for a batch.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much of an answer is read, in bytes.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum ExporterError {
    #[error("the setting otlp.headers_file")]
    File(#[from] PrivateFileError),
    #[error("the setting otlp.headers_file names {path}, which is not there")]
    NoFile { path: PathBuf },
    /// Without its text, which is a secret.
    #[error("the setting otlp.headers_file names {path}, which is no list of headers: {expected}")]
    NoHeaders { path: PathBuf, expected: String },
    #[error("the system's certificates")]
    Client(#[from] reqwest::Error),
    #[error("the setting otlp.endpoint")]
    Exporter(#[from] ExporterBuildError),
}

/// Sends to that collector, on the runtime that this is called on.
pub(super) fn open(choices: &OtlpChoices) -> Result<SpanExporter, ExporterError> {
    let headers = match &choices.headers {
        HeadersSource::Here(headers) => headers.clone(),
        HeadersSource::File(path) => from_file(path.clone())?,
    };
    let http = outbound::client(choices.endpoint.as_str())
        .timeout(PATIENCE)
        // A key for one address is not handed to another.
        .redirect(redirect::Policy::none())
        .build()?;
    let way = Way {
        http,
        headers: headers.into_map(),
        runtime: Handle::current(),
        is_closed: AtomicBool::new(false),
    };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(way)
        .with_endpoint(choices.endpoint.as_str())
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(PATIENCE);
    Ok(exporter.build()?)
}

fn from_file(path: PathBuf) -> Result<OtlpHeaders, ExporterError> {
    let Some(text) = private_file::read(&path)? else { return Err(ExporterError::NoFile { path }) };
    OtlpHeaders::parse(&text).map_err(|expected| ExporterError::NoHeaders { path, expected })
}

/// Says once that a collector does not answer, and once that it does again.
#[derive(Debug)]
struct Way {
    http: reqwest::Client,
    headers: HeaderMap,
    runtime: Handle,
    is_closed: AtomicBool,
}

#[async_trait]
impl HttpClient for Way {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let request = self
            .http
            .post(parts.uri.to_string())
            .headers(parts.headers)
            .headers(self.headers.clone())
            .body(body);
        let answered = self.runtime.spawn(async move {
            let mut response = request.send().await?;
            let (status, mut bytes) = (response.status(), Vec::new());
            while bytes.len() < MAX_ANSWER_BYTES
                && let Some(chunk) = response.chunk().await?
            {
                bytes.extend_from_slice(&chunk);
            }
            bytes.truncate(MAX_ANSWER_BYTES);
            Ok::<_, reqwest::Error>((status, bytes))
        });
        let answered = answered.await?;
        match &answered {
            Ok((status, _)) if status.is_success() => self.is_open(),
            Ok((status, _)) => self.has_closed(&format!("HTTP {status}")),
            Err(error) => self.has_closed(&root_cause(error)),
        }
        let (status, bytes) = answered.map_err(reqwest::Error::without_url)?;
        let mut response = Response::new(bytes.into());
        *response.status_mut() = status;
        Ok(response)
    }
}

impl Way {
    fn is_open(&self) {
        if self.is_closed.swap(false, Ordering::Relaxed) {
            tracing::info!("the collector takes traces again");
        }
    }

    fn has_closed(&self, cause: &str) {
        if !self.is_closed.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                cause,
                "the collector (otlp.endpoint) does not take traces; those of meanwhile are lost"
            );
        }
    }
}
