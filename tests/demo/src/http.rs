//! One HTTP/1.1 request over a connection that somebody else made, plain or TLS.
//!
//! Not a browser: no redirects, no cookies, no connection pool. What comes back is bounded in size and in time, because
//! the peer is not trusted.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Request, Response, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::secret::Secret;

/// The media type of every form, both ways.
pub const FORM: &str = "application/x-www-form-urlencoded";

const LARGEST_BODY_BYTES: usize = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("the request for {0} cannot be written down")]
    Request(String, #[source] axum::http::Error),
    #[error("the connection broke")]
    Connection(#[from] hyper::Error),
    #[error("the body broke off or is larger than {LARGEST_BODY_BYTES} bytes")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("no answer within {} s", PATIENCE.as_secs())]
    Silence,
}

/// GET `path` (with its query) from `host`.
///
/// # Errors
/// When no complete answer arrives in time; a status that means failure is an answer.
pub async fn get<T>(connection: T, host: &str, path: &str) -> Result<Response<Bytes>, HttpError>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let request = Request::get(path).header(header::HOST, host).body(Full::default());
    send(connection, request.map_err(|error| HttpError::Request(host.to_owned(), error))?).await
}

/// POST the `fields` as a form.
///
/// # Errors
/// As [`get`].
pub async fn post_form<T>(
    connection: T,
    host: &str,
    path: &str,
    fields: &[(&str, &str)],
) -> Result<Response<Bytes>, HttpError>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = Request::post(path)
        .header(header::HOST, host)
        .header(header::CONTENT_TYPE, FORM)
        .body(Full::from(form));
    send(connection, request.map_err(|error| HttpError::Request(host.to_owned(), error))?).await
}

/// POST JSON as the bearer of a token. Only the head of the answer is waited for: its body comes as the server sends it.
///
/// # Errors
/// When no answer begins in time.
pub async fn post_json<T>(
    connection: T,
    host: &str,
    path: &str,
    token: &Secret,
    body: &Value,
) -> Result<Response<Incoming>, HttpError>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let request = Request::post(path)
        .header(header::HOST, host)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, format!("Bearer {}", token.reveal()))
        .body(Full::from(body.to_string()));
    let request = request.map_err(|error| HttpError::Request(host.to_owned(), error))?;
    tokio::time::timeout(PATIENCE, begin(connection, request)).await.map_err(|_| HttpError::Silence)?
}

async fn send<T>(connection: T, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, HttpError>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    tokio::time::timeout(PATIENCE, async {
        let (head, body) = begin(connection, request).await?.into_parts();
        let body = Limited::new(body, LARGEST_BODY_BYTES).collect().await.map_err(HttpError::Body)?;
        Ok(Response::from_parts(head, body.to_bytes()))
    })
    .await
    .map_err(|_| HttpError::Silence)?
}

async fn begin<T>(connection: T, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, HttpError>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, driver) = handshake(TokioIo::new(connection)).await?;
    // Ends by itself when `sender` and the answer are dropped; its error is also the error of the request.
    tokio::spawn(driver);
    Ok(sender.send_request(request).await?)
}

#[cfg(test)]
mod tests;
