//! Prompts over HTTP: what is asked of a user's CLI, and its answer as server-sent events (HTML Living Standard, section 9.2).
//!
//! An event's id is its number; whoever comes again with it as `Last-Event-ID` gets what came after it. After the last one the
//! stream ends, and whoever comes again then is told with 204 that nothing will come.

use std::{sync::Arc, time::Duration};

use anteroom_protocol::{ProviderDefinition, Secret, VmId};
use axum::{
    Json,
    extract::{FromRequestParts, State},
    http::{HeaderMap, StatusCode, request::Parts},
    response::{IntoResponse as _, Response, sse::Event},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use tokio::sync::watch;
use uuid::Uuid;

use super::{
    Api,
    body::{InPath, InQuery, Strict, UserId, unknown_prompt},
    error::{ApiError, finished},
    event_stream::{Seat, Source, answered},
    page::Wanted,
    seen::Acting,
    start::offered,
    words::{Done, TimeText, time_text},
};
use crate::{
    failure::Failure,
    prompt::{ExecuteError, NewPrompt, NoVm, PromptFile, PromptHandle, Told},
    store::{PromptId, PromptRecord, PromptStatus},
    traces,
};

/// Largest body of [`execute`], in bytes: prompt and files, as base64 or with every character escaped.
pub(super) const MAX_BODY_BYTES: usize = 2 * (NewPrompt::MAX_TEXT_BYTES + NewPrompt::MAX_FILES_BYTES);

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(rename = "Ask")]
pub(super) struct Execute {
    user_id: UserId,
    provider: String,
    /// Given to the CLI by standard input.
    prompt: String,
    /// Where the CLI works: absolute, or below the home directory; made when it is not there. `work` when nobody says it.
    cwd: Option<String>,
    /// Put there before.
    #[serde(default)]
    files: Vec<File>,
    #[serde(default)]
    options: Options,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PromptFile")]
struct File {
    /// Below the directory in which the CLI works, or absolute.
    path: String,
    /// Text, or base64 with `encoding`.
    contents: String,
    #[serde(default)]
    encoding: Encoding,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Encoding {
    #[default]
    Utf8,
    Base64,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
#[schemars(rename = "PromptOptions")]
struct Options {
    /// By the name that the CLI knows it by.
    model: Option<String>,
    /// The longest time that the CLI may take, in milliseconds; at most what the operator allows.
    time_limit_ms: Option<u64>,
    /// What becomes of the prompt when nobody reads this answer any more.
    when_left: WhenLeft,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum WhenLeft {
    /// It is cancelled.
    #[default]
    Cancel,
    /// It goes on; its events can be read by its id.
    Continue,
}

impl Execute {
    fn into_new(self, provider: ProviderDefinition) -> Result<(NewPrompt, WhenLeft), ApiError> {
        let refuse = |message: String| Err(ApiError::bad_request("invalid_prompt", message));
        if self.prompt.trim().is_empty() {
            return refuse("the prompt is empty".to_owned());
        }
        if self.prompt.len() > NewPrompt::MAX_TEXT_BYTES {
            return refuse(format!("the prompt has more than {} bytes", NewPrompt::MAX_TEXT_BYTES));
        }
        if self.files.len() > NewPrompt::MAX_FILES {
            return refuse(format!("there are more than {} files", NewPrompt::MAX_FILES));
        }
        let is_path = |path: &str| {
            !path.is_empty() && path.len() <= NewPrompt::MAX_PATH_BYTES && !path.contains(char::is_control)
        };
        if let Some(bad) =
            self.cwd.iter().chain(self.files.iter().map(|file| &file.path)).find(|path| !is_path(path))
        {
            let shown: String = bad.chars().take(100).collect();
            return refuse(format!("{shown:?} is no path"));
        }
        if let Some(model) = &self.options.model
            && (model.is_empty()
                || model.len() > 200
                || model.starts_with('-')
                || model.contains(char::is_control))
        {
            return refuse("the model's name is empty, too long, or no name".to_owned());
        }
        if self.options.model.is_some()
            && provider.prompt.as_ref().is_some_and(|prompt| prompt.model_argv.is_empty())
        {
            return refuse(format!("{} is not asked for a model by its name", provider.id));
        }
        let files = self.files.into_iter().map(File::read).collect::<Result<Vec<_>, ApiError>>()?;
        if files.iter().map(|file| file.contents.len()).sum::<usize>() > NewPrompt::MAX_FILES_BYTES {
            return refuse(format!("the files have more than {} bytes together", NewPrompt::MAX_FILES_BYTES));
        }
        let new = NewPrompt {
            user_id: self.user_id.into_string(),
            provider,
            text: Secret::new(self.prompt),
            directory: self.cwd,
            files,
            model: self.options.model,
            limit: self.options.time_limit_ms.map(Duration::from_millis),
        };
        Ok((new, self.options.when_left))
    }
}

impl File {
    fn read(self) -> Result<PromptFile, ApiError> {
        let contents = match self.encoding {
            Encoding::Utf8 => Secret::new(self.contents),
            Encoding::Base64 => Secret::new(STANDARD.decode(self.contents).map_err(|_| {
                ApiError::bad_request(
                    "invalid_prompt",
                    format!("the contents of {:?} are no base64", self.path),
                )
            })?),
        };
        Ok(PromptFile { path: self.path, contents })
    }
}

/// `POST /api/prompts/execute`
pub(super) async fn execute(
    State(api): State<Arc<Api>>,
    acting: Acting,
    Strict(body): Strict<Execute>,
) -> Result<Response, ApiError> {
    acting.may_see(body.user_id.as_str())?;
    let definition = offered(&api, &body.provider)?;
    if definition.prompt.is_none() {
        let message = format!("{} takes no prompts: its definition has no table [prompt]", definition.id);
        return Err(ApiError::bad_request("no_prompts", message));
    }
    if let Some(reason) = api.prompts.missing() {
        let message = format!("prompts cannot be run here: {reason}");
        return Err(ApiError::unavailable("no_cli_image", message, 60));
    }
    let (new, when_left) = body.into_new(definition)?;
    let seat = Seat::take(&api)?;
    // In a task of its own: a caller that hangs up must not leave half a prompt.
    let prompts = api.prompts.clone();
    let prompt =
        finished(tokio::spawn(traces::during(
            traces::current(),
            async move { Ok(prompts.execute(new).await?) },
        )))
        .await?;
    let left = (when_left == WhenLeft::Cancel).then(|| CancelWhenLeft(prompt.clone()));
    Ok(answered(Reading { told: prompt.told(), last: 0, _left: left }, seat))
}

/// `GET /api/prompts/{id}/events`
pub(super) async fn events(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    SeenPrompt { record, handle }: SeenPrompt,
) -> Result<Response, ApiError> {
    let Some(handle) = handle else {
        let message = "what the prompt has told is not kept any more";
        return Err(ApiError::gone("events_gone", message).with("status", record.status));
    };
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0);
    let told = handle.told();
    let nothing_follows = {
        let told = told.borrow();
        told.is_over() && told.event(last + 1).is_none()
    };
    if nothing_follows {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok(answered(Reading { told, last, _left: None }, Seat::take(&api)?))
}

/// `POST /api/prompts/{id}/cancel`, answered when it is over.
pub(super) async fn cancel(SeenPrompt { handle, .. }: SeenPrompt) -> Json<Done> {
    if let Some(handle) = handle {
        handle.cancel();
        let _ = handle.told().wait_for(Told::is_over).await;
    }
    Done::json()
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Prompt")]
#[serde(rename_all = "camelCase")]
pub(super) struct PromptWords {
    id: PromptId,
    user_id: String,
    provider: String,
    status: PromptStatus,
    #[schemars(with = "Option<Uuid>")]
    vm_id: Option<VmId>,
    #[schemars(with = "TimeText")]
    #[serde(serialize_with = "time_text::serialize")]
    created_at: OffsetDateTime,
    #[schemars(with = "Option<TimeText>")]
    #[serde(serialize_with = "time_text::option::serialize", skip_serializing_if = "Option::is_none")]
    ended_at: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    /// In the CLI's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
}

impl From<PromptRecord> for PromptWords {
    fn from(record: PromptRecord) -> Self {
        let PromptRecord {
            id,
            user_id,
            provider,
            vm_id,
            status,
            created_at,
            ended_at,
            exit_code,
            failure,
            usage,
        } = record;
        Self { id, user_id, provider, status, vm_id, created_at, ended_at, exit_code, usage, failure }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ShownPrompt")]
pub(super) struct Shown {
    prompt: PromptWords,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Prompts")]
pub(super) struct List {
    prompts: Vec<PromptWords>,
    /// What to go on after.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<PromptId>,
}

pub(super) async fn show(SeenPrompt { record, .. }: SeenPrompt) -> Json<Shown> {
    Json(Shown { prompt: record.into() })
}

/// Everybody's, or those of the user in whose name the call is made.
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    acting: Acting,
    InQuery(wanted): InQuery<Wanted>,
) -> Result<Json<List>, ApiError> {
    let mut records = api.store.prompt_list(acting.user(), wanted.page()).await?;
    let next = wanted.cut(&mut records, |record| record.id);
    Ok(Json(List { prompts: records.into_iter().map(PromptWords::from).collect(), next }))
}

/// The prompt in the path, when the caller may see it; as a handler's argument.
#[derive(Debug)]
pub(super) struct SeenPrompt {
    record: PromptRecord,
    /// As long as what it has told is kept.
    handle: Option<PromptHandle>,
}

impl FromRequestParts<Arc<Api>> for SeenPrompt {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, ApiError> {
        let acting = Acting::from_request_parts(parts, api).await?;
        let InPath(id) = InPath::<PromptId>::from_request_parts(parts, api).await?;
        let handle = api.prompts.find(id);
        let record = match &handle {
            Some(handle) => handle.record(),
            None => api.store.prompt_get(id).await?.ok_or_else(unknown_prompt)?,
        };
        acting.may_see(&record.user_id)?;
        Ok(Self { record, handle })
    }
}

/// Cancels the prompt when nobody reads its answer any more.
struct CancelWhenLeft(PromptHandle);

impl Drop for CancelWhenLeft {
    fn drop(&mut self) {
        // Of one that is over nothing is left to cancel.
        self.0.cancel();
    }
}

struct Reading {
    told: watch::Receiver<Told>,
    last: usize,
    _left: Option<CancelWhenLeft>,
}

impl Source for Reading {
    async fn next(&mut self) -> Option<Event> {
        let next = self.last + 1;
        let event = {
            let told = self.told.wait_for(|told| told.is_over() || told.event(next).is_some()).await.ok()?;
            told.event(next)?
        };
        self.last = next;
        Some(Event::default().id(next.to_string()).data(&*event))
    }
}

impl From<ExecuteError> for ApiError {
    fn from(error: ExecuteError) -> Self {
        const RETRY_AFTER_S: u64 = 30;
        let message = error.to_string();
        match error {
            ExecuteError::Waiting { waiting } => {
                Self::too_many("user_prompt_limit", message, RETRY_AFTER_S).with("limit", waiting)
            }
            ExecuteError::Stopping => Self::unavailable("stopping", message, 5),
            ExecuteError::Vm(NoVm::Full(refusal)) => refusal.into(),
            ExecuteError::Vm(NoVm::NoVisit(error)) => error.into(),
            ExecuteError::Vm(NoVm::NoImage(_)) => Self::unavailable("no_cli_image", message, 60),
            ExecuteError::Store(error) => error.into(),
        }
    }
}
