//! Starting a session: to sign in, to replace what is stored, or to try a definition.

use std::sync::Arc;

use anteroom_protocol::{ProviderDefinition, SessionId};
use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Api,
    body::{Strict, UserId},
    error::{ApiError, finished},
    idempotency::{Earlier, Idempotency},
    seen::{Acting, Base, Seen},
    webrtc::{self, Description},
    words::vm_ip,
};
use crate::{media::sdp::Offer, session::NewSession, store::SessionPurpose, traces};

/// In whose name a definition is tried.
const TESTER: &str = "anteroom-provider-test";

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(rename = "NewSession")]
pub(super) struct Start {
    user_id: UserId,
    provider: String,
    /// One of the definition's ways to start.
    launch: Option<String>,
    /// Answered as soon as there is somebody who can; `GET /api/webrtc/session/{id}/answer` tells.
    #[serde(default)]
    webrtc_offer: Option<Description>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(rename = "NewRotation")]
pub(super) struct Rotate {
    user_id: UserId,
    provider: String,
    launch: Option<String>,
}

/// A provider that there is, or the text of a definition.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(rename = "NewTrial")]
pub(super) struct Test {
    provider: Option<String>,
    definition: Option<String>,
    launch: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Started {
    success: bool,
    #[schemars(with = "Uuid")]
    session_id: SessionId,
    provider: String,
    #[serde(rename = "novncURL")]
    novnc_url: String,
    #[serde(rename = "browserIP")]
    browser_ip: Option<String>,
}

pub(super) async fn start(
    State(api): State<Arc<Api>>,
    base: Base,
    acting: Acting,
    idempotency: Idempotency,
    Strict(body): Strict<Start>,
) -> Result<Json<Started>, ApiError> {
    acting.may_see(body.user_id.as_str())?;
    let offer = body.webrtc_offer.map(Description::into_offer).transpose()?;
    let new = asked(offered(&api, &body.provider)?, body.launch, body.user_id, SessionPurpose::SignIn)?;
    once(&api, &base, &idempotency, new, offer).await
}

pub(super) async fn rotate(
    State(api): State<Arc<Api>>,
    base: Base,
    acting: Acting,
    idempotency: Idempotency,
    Strict(body): Strict<Rotate>,
) -> Result<Json<Started>, ApiError> {
    acting.may_see(body.user_id.as_str())?;
    let new = asked(offered(&api, &body.provider)?, body.launch, body.user_id, SessionPurpose::Rotate)?;
    once(&api, &base, &idempotency, new, None).await
}

/// A sign-in of which nothing is kept. A definition is a command, though only one in a VM: nobody may hand one in for a
/// user.
pub(super) async fn test(
    State(api): State<Arc<Api>>,
    base: Base,
    acting: Acting,
    Strict(body): Strict<Test>,
) -> Result<Json<Started>, ApiError> {
    acting.must_be_nobody()?;
    let definition = match (&body.provider, &body.definition) {
        (Some(provider), None) => offered(&api, provider)?,
        (None, Some(text)) => handed_in(&api, text)?,
        _ => {
            let message = "one of provider and definition is needed";
            return Err(ApiError::bad_request("invalid_body", message));
        }
    };
    let user = UserId::try_from(TESTER.to_owned());
    let user = user.map_err(|message| ApiError::bad_request("invalid_user_id", message))?;
    begin(&api, &base, asked(definition, body.launch, user, SessionPurpose::Test)?, None).await
}

pub(super) fn offered(api: &Api, provider: &str) -> Result<ProviderDefinition, ApiError> {
    let definition = api.providers.find(provider).ok_or_else(|| unknown_provider(api, provider))?;
    Ok(ProviderDefinition::clone(&definition))
}

fn handed_in(api: &Api, text: &str) -> Result<ProviderDefinition, ApiError> {
    let definition = ProviderDefinition::parse(text)
        .map_err(|error| ApiError::bad_request("invalid_definition", error.to_string()))?;
    let missing: Vec<String> = api.providers.missing(&definition).into_iter().collect();
    if missing.is_empty() {
        return Ok(definition);
    }
    let message = format!("the image {} has no {}", api.image.profile, missing.join(", "));
    Err(ApiError::bad_request("program_missing", message).with("missing", missing))
}

fn asked(
    provider: ProviderDefinition,
    launch: Option<String>,
    user_id: UserId,
    purpose: SessionPurpose,
) -> Result<NewSession, ApiError> {
    let launch = launch.unwrap_or_else(|| ProviderDefinition::DEFAULT_LAUNCH.to_owned());
    if !provider.launch.contains_key(&launch) {
        let shown: String = launch.chars().take(40).collect();
        let valid: Vec<&str> = provider.launch.keys().map(String::as_str).collect();
        let message =
            format!("{} is not started by a launch {shown:?}; there are: {}", provider.id, valid.join(", "));
        return Err(ApiError::bad_request("unknown_launch", message).with("validLaunches", valid));
    }
    Ok(NewSession { user_id: user_id.into_string(), provider, launch, purpose })
}

/// Begins, unless this call is the repetition of one that has.
async fn once(
    api: &Api,
    base: &Base,
    idempotency: &Idempotency,
    new: NewSession,
    offer: Option<Offer>,
) -> Result<Json<Started>, ApiError> {
    let purpose = if new.purpose == SessionPurpose::Rotate { "rotate" } else { "start" };
    let asked = [purpose, &new.user_id, &new.provider.id, &new.launch].map(str::to_owned);
    let asked = asked.each_ref().map(String::as_str);
    let turn = match idempotency.earlier(api, &asked).await? {
        Earlier::Started(session) => return again(api, base, session).await,
        Earlier::Nothing(turn) => turn,
    };
    let started = begin(api, base, new, offer).await?;
    idempotency.remember(api, &asked, started.session_id).await?;
    drop(turn);
    Ok(started)
}

/// The answer of a call that has been made before.
async fn again(api: &Api, base: &Base, session: SessionId) -> Result<Json<Started>, ApiError> {
    let seen = Seen::find(api, session).await?;
    let record = seen.record();
    Ok(Json(Started {
        success: true,
        session_id: session,
        provider: record.provider.clone(),
        novnc_url: base.desktop(api, session, record.created_at),
        browser_ip: seen.living().and_then(|living| vm_ip(&api.sessions.settings().vm.network, living.vm())),
    }))
}

async fn begin(
    api: &Api,
    base: &Base,
    new: NewSession,
    offer: Option<Offer>,
) -> Result<Json<Started>, ApiError> {
    let provider = new.provider.id.clone();
    // In a task of its own: a caller that hangs up must not leave half a session.
    let sessions = api.sessions.clone();
    let session =
        finished(tokio::spawn(traces::during(
            traces::current(),
            async move { Ok(sessions.start(new).await?) },
        )))
        .await?;
    if let Some(offer) = offer {
        webrtc::offer_at_start(api, &session, offer).await;
    }
    Ok(Json(Started {
        success: true,
        session_id: session.id(),
        provider,
        novnc_url: base.desktop(api, session.id(), session.view().record.created_at),
        browser_ip: vm_ip(&api.sessions.settings().vm.network, session.vm()),
    }))
}

pub(super) fn unknown_provider(api: &Api, provider: &str) -> ApiError {
    let shown: String = provider.chars().take(40).collect();
    let offered = api.providers.offered();
    let valid: Vec<&str> = offered.iter().map(|definition| definition.id.as_str()).collect();
    let message = format!("there is no provider {shown:?}; there are: {}", valid.join(", "));
    ApiError::bad_request("unknown_provider", message).with("validProviders", valid)
}
