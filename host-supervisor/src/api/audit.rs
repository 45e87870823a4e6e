//! Who did what: every call that changes something, opens a way into a VM or hands secrets out is written down, refused ones of
//! known callers among them. `GET /api/admin/audit` reads it.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{FromRequestParts, MatchedPath, Request, State},
    http::{Method, StatusCode, header::UPGRADE, request::Parts},
    middleware::Next,
    response::Response,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tokio::time::timeout;

use super::{
    Api,
    access::Caller,
    body::InQuery,
    error::ApiError,
    rate::Client,
    words::{TimeText, time_text},
};
use crate::{
    audit::Audit,
    request_id,
    store::{AuditEntry, AuditPage, AuditRecord},
};

/// What pages and their like send all the time; the session itself is written down when it begins and ends.
const TOO_OFTEN: [&str; 4] = [
    "/api/auth/session/{id}/heartbeat",
    "/api/vms/{id}/heartbeat",
    "/api/webrtc/session/{id}/candidate",
    "/api/login",
];
/// Reading these is an act.
const TELLING: [&str; 2] = ["/api/admin/vm/{id}/console", "/api/vms/{id}/services/{name}/log"];
/// Of one answer, in entries.
const MOST_LISTED: u32 = 1000;
const USUALLY_LISTED: u32 = 100;
const LONGEST_WAIT_S: u64 = 25;
/// Of a caller's word for a user, in characters.
const MOST_CHARS: usize = 256;

/// Marks an answer that holds what was captured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Disclosed;

/// A call of which the path does not say what it did; its handler writes that down.
#[derive(Debug, Clone)]
pub(super) struct Trail {
    audit: Audit,
    entry: AuditEntry,
}

impl Trail {
    /// Once it is known, with the status that the call has.
    pub(super) async fn note(&self, status: StatusCode, detail: String) {
        let (at, status) = (OffsetDateTime::now_utc(), status.as_u16());
        let entry = AuditEntry { at, status, detail: Some(detail), ..self.entry.clone() };
        self.audit.note(entry).await;
    }
}

impl FromRequestParts<Arc<Api>> for Trail {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, ApiError> {
        let caller = parts.extensions.get::<Caller>().ok_or_else(ApiError::unauthorized)?.to_string();
        Ok(Self { audit: api.audit.clone(), entry: AuditEntry { caller, ..begun(parts) } })
    }
}

/// When a call is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Worth {
    Nothing,
    Always,
    /// Its handler does it once it knows what is run.
    UnlessUpgraded,
    IfDisclosed,
}

impl Worth {
    fn of(parts: &Parts) -> Self {
        let route = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let looks = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
        match route {
            _ if TOO_OFTEN.contains(&route) => Self::Nothing,
            "/api/auth/session/{id}/credentials/status" => Self::IfDisclosed,
            "/api/vms/{id}/exec" => Self::UnlessUpgraded,
            _ if !looks || parts.headers.contains_key(UPGRADE) || TELLING.contains(&route) => Self::Always,
            _ => Self::Nothing,
        }
    }

    fn holds_for(self, response: &Response) -> bool {
        match self {
            Self::Nothing => false,
            Self::Always => true,
            Self::UnlessUpgraded => response.status() != StatusCode::SWITCHING_PROTOCOLS,
            Self::IfDisclosed => response.extensions().get::<Disclosed>().is_some(),
        }
    }
}

/// Writes down what was done, as far as it counts and the caller is known.
pub(super) async fn note(State(audit): State<Audit>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let worth = Worth::of(&parts);
    let entry = (worth != Worth::Nothing).then(|| begun(&parts));
    let response = next.run(Request::from_parts(parts, body)).await;
    if let Some(entry) = entry.filter(|_| worth.holds_for(&response))
        && let Some(caller) = response.extensions().get::<Caller>()
    {
        let (caller, status) = (caller.to_string(), response.status().as_u16());
        audit.note(AuditEntry { caller, status, ..entry }).await;
    }
    response
}

/// What the request says by itself.
fn begun(parts: &Parts) -> AuditEntry {
    let route = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let client = parts.extensions.get::<Client>().map(|Client(address)| address.to_string());
    let acting = parts.headers.get("x-user-id");
    let acting =
        acting.map(|user| String::from_utf8_lossy(user.as_bytes()).chars().take(MOST_CHARS).collect());
    AuditEntry {
        at: OffsetDateTime::now_utc(),
        caller: String::new(),
        acting,
        client: client.unwrap_or_default(),
        action: format!("{} {route}", parts.method),
        target: parts.uri.path().to_owned(),
        detail: None,
        status: 0,
        request_id: request_id::current().map(|id| id.to_string()).unwrap_or_default(),
    }
}

/// `?after=N&limit=M&wait=S`: entries with higher numbers, as soon as there are some, after S seconds at the latest; without
/// `after` the newest.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    after: Option<i64>,
    #[schemars(range(min = 0, max = u32::MAX))]
    limit: Option<u32>,
    /// In seconds.
    #[serde(default)]
    wait: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuditEntry")]
#[serde(rename_all = "camelCase")]
struct Words {
    number: i64,
    #[schemars(with = "TimeText")]
    #[serde(serialize_with = "time_text::serialize")]
    at: OffsetDateTime,
    caller: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    acting_for: Option<String>,
    client: String,
    action: String,
    target: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    status: u16,
    request_id: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuditEntries")]
pub(super) struct Entries {
    entries: Vec<Words>,
}

impl From<AuditRecord> for Words {
    fn from(AuditRecord { number, entry }: AuditRecord) -> Self {
        let AuditEntry { at, caller, acting, client, action, target, detail, status, request_id } = entry;
        Self { number, at, caller, acting_for: acting, client, action, target, detail, status, request_id }
    }
}

pub(super) async fn list(
    State(api): State<Arc<Api>>,
    InQuery(wanted): InQuery<Wanted>,
) -> Result<Json<Entries>, ApiError> {
    let page = wanted.after.map_or(AuditPage::Newest, AuditPage::After);
    let most = wanted.limit.unwrap_or(USUALLY_LISTED).clamp(1, MOST_LISTED);
    let mut written = api.audit.written();
    let wait = Duration::from_secs(wanted.wait.min(LONGEST_WAIT_S));
    let found = timeout(wait, async {
        loop {
            written.borrow_and_update();
            let found = api.store.audit_page(page, most).await;
            if found.as_ref().is_ok_and(Vec::is_empty) && written.changed().await.is_ok() {
                continue;
            }
            return found;
        }
    });
    let records = match found.await {
        Ok(found) => found?,
        Err(_) => api.store.audit_page(page, most).await?,
    };
    Ok(Json(Entries { entries: records.into_iter().map(Words::from).collect() }))
}
