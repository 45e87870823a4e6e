//! `GET /api/vms/{id}/files`: a file of a VM, or a directory as a tar archive, as a download.
//!
//! ```text
//!  browser ◀══body══ daemon ◀══frames══ agent ◀── sh: a line about it, then its bytes
//! ```
//! What is downloaded is hostile: it is never shown as a page of ours, whatever is in it, and its name comes from whoever asks.

use std::io;

use anteroom_protocol::exec::ExecSpec;
use axum::{
    Json,
    body::Body,
    http::{
        StatusCode,
        header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{audit::Trail, body::InQuery, error::ApiError, exec::WayIn};
use crate::{
    agent::{Program, ProgramError, Run},
    vm::Visit,
};

/// Says what `$1` is, then writes it. A tilde is for people; exit code 44 is for what is not there.
const SEND: &str = r#"
case $1 in '~') set -- "$HOME" ;; '~/'*) set -- "$HOME/${1#??}" ;; esac
[ -e "$1" ] || { echo "$1: no such file or directory" >&2; exit 44; }
if [ -d "$1" ]; then
    path=$(realpath -- "$1") && cd -- "$path" && ls > /dev/null || exit 1
    echo directory
    exec tar --create --file=- --sparse --directory="$(dirname -- "$path")" -- "$(basename -- "$path")"
fi
[ -f "$1" ] || { echo "$1: neither a file nor a directory" >&2; exit 1; }
exec < "$1"
size=$(stat --dereference --format=%s -- "$1") || exit 1
echo "file $size"
exec head --bytes="$size"
"#;
const NOT_THERE: i32 = 44;
/// `file` and a number of 64 bits.
const MAX_HEADING_BYTES: usize = 32;

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "WantedFile")]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    path: String,
    /// Who reads it: the desktop's user when nobody is named.
    user: Option<String>,
    /// Only what it is: whoever opens a download otherwise learns of a mistake in no words at all.
    #[serde(default)]
    about: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct About {
    /// Under which it is downloaded.
    name: String,
    /// Of a file.
    bytes: Option<u64>,
}

pub(super) async fn fetch(
    WayIn { vm, tenant, agent }: WayIn,
    trail: Trail,
    InQuery(wanted): InQuery<Wanted>,
) -> Result<Response, ApiError> {
    let argv = ["sh", "-c", SEND, "fetch", &wanted.path].map(str::to_owned).to_vec();
    let spec = ExecSpec { argv, user: wanted.user.clone(), ..ExecSpec::default() };
    spec.check().map_err(|error| ApiError::bad_request("invalid_path", error.to_string()))?;
    tenant.touch();
    let user = wanted.user.as_deref().unwrap_or_default();
    tracing::info!(%vm, %tenant, user, "a file is fetched");
    let mut program = agent.run(Run::without_input(spec)).await?;
    let Some((heading, rest)) = heading(&mut program).await else { return Err(complaint(program).await) };
    let about = About::of(&wanted.path, &heading).ok_or_else(unintelligible)?;
    if wanted.about {
        return Ok(Json(about).into_response());
    }
    trail.note(StatusCode::OK, format!("reads {}", wanted.path.escape_debug())).await;
    let mut answer = Body::from_stream(bytes_of(program, rest, agent)).into_response();
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, axum::http::HeaderValue::from_static("application/octet-stream"));
    if let Ok(disposition) = disposition(&about.name).parse() {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    if let Some(bytes) = about.bytes {
        headers.insert(CONTENT_LENGTH, bytes.into());
    }
    Ok(answer)
}

/// The first line of what it writes, and what came with it. Nothing when there is none.
async fn heading(program: &mut Program) -> Option<(String, Bytes)> {
    let mut came = BytesMut::new();
    loop {
        came.extend_from_slice(&program.next().await?);
        let line = came.iter().take(MAX_HEADING_BYTES).position(|byte| *byte == b'\n');
        match line {
            Some(end) => {
                let line = came.split_to(end + 1);
                return Some((String::from_utf8_lossy(&line[..end]).into_owned(), came.freeze()));
            }
            None if came.len() >= MAX_HEADING_BYTES => return Some((String::new(), Bytes::new())),
            None => {}
        }
    }
}

impl About {
    fn of(path: &str, heading: &str) -> Option<Self> {
        let name = path.rsplit('/').find(|part| !part.is_empty() && !["~", ".", ".."].contains(part));
        let name = name.unwrap_or("files");
        match heading.split_once(' ') {
            None if heading == "directory" => Some(Self { name: format!("{name}.tar"), bytes: None }),
            Some(("file", bytes)) => Some(Self { name: name.to_owned(), bytes: Some(bytes.parse().ok()?) }),
            _ => None,
        }
    }
}

/// Why there is nothing to download, in the words of whoever has tried.
async fn complaint(program: Program) -> ApiError {
    match program.end().await {
        Ok(end) => {
            let cause = end.ended.cause.unwrap_or_default();
            let why = if end.complaint.is_empty() { cause } else { end.complaint };
            match end.ended.code {
                NOT_THERE => ApiError::not_found("no_such_file", why),
                _ => ApiError::bad_request("file_unreadable", why),
            }
        }
        Err(ProgramError::Refused(why)) => ApiError::bad_request("refused_by_vm", why),
        Err(error) => ApiError::internal("file_not_read", "the VM did not send the file", &error),
    }
}

fn unintelligible() -> ApiError {
    ApiError::new(StatusCode::BAD_GATEWAY, "file_not_read", "the VM does not say what it sends")
}

/// A program that fails breaks the download off: nobody must take half of a file for all of it. The VM stays awake meanwhile.
fn bytes_of(program: Program, rest: Bytes, visit: Visit) -> impl stream::Stream<Item = io::Result<Bytes>> {
    let first = (!rest.is_empty()).then_some(rest);
    stream::unfold((Some((program, visit)), first), |(program, first)| async move {
        let (mut program, visit) = program?;
        if let Some(bytes) = match first {
            Some(bytes) => Some(bytes),
            None => program.next().await,
        } {
            return Some((Ok(bytes), (Some((program, visit)), None)));
        }
        match program.end().await {
            Ok(end) if end.ended.code == 0 => None,
            Ok(end) => Some((Err(io::Error::other(end.complaint)), (None, None))),
            Err(error) => Some((Err(io::Error::other(error)), (None, None))),
        }
    })
}

/// RFC 6266: a name for everybody, and the real one for those who read RFC 8187.
fn disposition(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let ascii: String = name.chars().map(plain).collect();
    let encoded: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
    let encoded = encoded.replace('+', "%20").replace('*', "%2A");
    format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_is_called_as_what_was_asked_for() {
        let about =
            |path: &str, heading: &str| About::of(path, heading).map(|about| (about.name, about.bytes));
        assert_eq!(about("/var/log/syslog", "file 7"), Some(("syslog".to_owned(), Some(7))));
        assert_eq!(about("project/", "directory"), Some(("project.tar".to_owned(), None)));
        for nameless in ["~", ".", "/", "../.."] {
            assert_eq!(about(nameless, "directory"), Some(("files.tar".to_owned(), None)), "{nameless}");
        }
        for hostile in ["", "file", "file -1", "file 99999999999999999999999", "directory 1", "<html>"] {
            assert_eq!(about("x", hostile), None, "{hostile}");
        }
    }

    #[test]
    fn no_name_leaves_its_header() {
        assert_eq!(
            disposition("a \"b\"\r\n; c*ü.txt"),
            "attachment; filename=\"a__b_____c__.txt\"; filename*=UTF-8''a%20%22b%22%0D%0A%3B%20c%2A%C3%BC.txt"
        );
    }
}
