//! How things look on the wire: field names and words that callers rely on.

use std::{borrow::Cow, collections::BTreeMap};

use anteroom_protocol::{SessionId, VmId, desk::Directions, provider::UrlKind};
use axum::Json;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    failure::Failure,
    net::{Network, UserNetwork},
    session::{SessionView, UserCode},
    store::{SessionRecord, SessionStatus, VmKind, VmRecord, VmStatus},
    vm::VmHandle,
};

// Milliseconds and UTC: `2026-11-22T07:19:56.123Z`.
time::serde::format_description!(
    iso_ms,
    OffsetDateTime,
    "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
);

pub(super) mod time_text {
    pub(in crate::api) use super::iso_ms::{option, serialize};
}

/// A time as it is written: ISO 8601, in UTC, with milliseconds.
#[derive(Debug)]
pub(super) struct TimeText;

impl JsonSchema for TimeText {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }

    fn inline_schema() -> bool {
        true
    }
}

/// It is done, and there is nothing more to say.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Done {
    success: bool,
}

impl Done {
    pub(super) fn json() -> Json<Self> {
        Json(Self { success: true })
    }
}

/// A session as callers see it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Session")]
pub(super) struct SessionWords {
    #[schemars(with = "Uuid")]
    session_id: SessionId,
    user_id: String,
    provider: String,
    status: SessionStatus,
    #[schemars(with = "Option<Uuid>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    vm_id: Option<VmId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vm_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    novnc_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    oauth_url: Option<String>,
    /// Of a living session: how the CLI was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    launch: Option<String>,
    /// How the person comes back from the sign-in page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    oauth_kind: Option<UrlKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<DeviceWords>,
    /// The terminal asks for a code of the page.
    #[schemars(default)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    asks_for_code: bool,
    #[schemars(with = "TimeText")]
    #[serde(serialize_with = "time_text::serialize")]
    created_at: OffsetDateTime,
    #[schemars(with = "Option<TimeText>")]
    #[serde(serialize_with = "time_text::option::serialize", skip_serializing_if = "Option::is_none")]
    completed_at: Option<OffsetDateTime>,
    /// The failure's message alone, as the original had it.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    /// Why the last attempt to sign in failed, while the session waits for another.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt_failure: Option<Failure>,
    /// While the VM waits to be launched: how many launches come before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    starts_ahead: Option<usize>,
    /// Of a living session: where its VM stands, as `phase` of the VM.
    #[serde(skip_serializing_if = "Option::is_none")]
    vm_status: Option<VmStatus>,
    /// Of a living session: to be asked for news with.
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u64>,
    /// Of a living session: which ways text may travel between the clipboards of desktop and person.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<BTreeMap<String, bool>>")]
    clipboard: Option<Directions>,
}

impl SessionWords {
    /// Of a session that has ended.
    pub(super) fn ended(record: SessionRecord) -> Self {
        Self {
            session_id: record.id,
            user_id: record.user_id,
            provider: record.provider,
            status: record.status,
            vm_id: record.vm_id,
            vm_ip: None,
            novnc_url: None,
            oauth_url: None,
            launch: None,
            oauth_kind: None,
            device: None,
            asks_for_code: false,
            created_at: record.created_at,
            completed_at: record.completed_at,
            error: record.failure.as_ref().map(|failure| failure.message.clone()),
            failure: record.failure,
            attempt_failure: None,
            starts_ahead: None,
            vm_status: None,
            revision: None,
            clipboard: None,
        }
    }

    /// Of a session that lives: with the ways to its desktop and its sign-in page.
    pub(super) fn living(
        view: SessionView,
        vm_ip: Option<String>,
        novnc_url: String,
        clipboard: Directions,
    ) -> Self {
        let SessionView { record, launch, attempt, attempt_failure, starts_ahead, vm_status, revision } =
            view;
        Self {
            vm_ip,
            novnc_url: Some(novnc_url),
            oauth_kind: attempt.url.as_ref().map(|found| found.kind),
            oauth_url: attempt.url.and_then(|found| found.url.expose_str().map(str::to_owned)),
            launch: Some(launch),
            device: attempt.user_code.and_then(DeviceWords::of),
            asks_for_code: attempt.asks_for_code,
            attempt_failure,
            starts_ahead,
            vm_status: Some(vm_status),
            revision: Some(revision),
            clipboard: Some(clipboard),
            ..Self::ended(record)
        }
    }
}

/// A code to type into the sign-in page.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DeviceCode")]
pub(super) struct DeviceWords {
    user_code: String,
    #[schemars(with = "TimeText")]
    #[serde(serialize_with = "time_text::serialize")]
    expires_at: OffsetDateTime,
}

impl DeviceWords {
    fn of(code: UserCode) -> Option<Self> {
        Some(Self { user_code: code.code.expose_str()?.to_owned(), expires_at: code.expires_at })
    }
}

/// A VM as callers see it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Vm")]
pub(super) struct VmWords {
    #[schemars(with = "Uuid")]
    id: VmId,
    #[serde(rename = "type")]
    kind: VmKind,
    status: &'static str,
    /// What exactly it is doing; `status` has only the words that older callers know.
    phase: VmStatus,
    #[schemars(with = "Option<Uuid>")]
    session_id: Option<SessionId>,
    /// Whose own it is, of a VM without a desktop.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    vcpus: u8,
    memory_mib: u32,
    image_digest: String,
    #[schemars(with = "TimeText")]
    #[serde(serialize_with = "time_text::serialize")]
    created_at: OffsetDateTime,
    #[schemars(with = "Option<TimeText>")]
    #[serde(serialize_with = "time_text::option::serialize", skip_serializing_if = "Option::is_none")]
    ended_at: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
}

impl VmWords {
    pub(super) fn of(record: VmRecord) -> Self {
        Self {
            id: record.id,
            kind: record.kind,
            status: vm_word(record.status),
            phase: record.status,
            session_id: record.session_id,
            user_id: record.user_id,
            vcpus: record.vcpus,
            memory_mib: record.memory_mib,
            image_digest: record.image_digest,
            created_at: record.created_at,
            ended_at: record.ended_at,
            error: record.failure.as_ref().map(|failure| failure.message.clone()),
            failure: record.failure,
        }
    }
}

/// The words of the original: `creating`, `running`, `hibernated`, `stopping`, `stopped`, `failed`, `destroyed`.
pub(super) fn vm_word(status: VmStatus) -> &'static str {
    match status {
        VmStatus::Creating | VmStatus::Booting => "creating",
        VmStatus::Running | VmStatus::Ready => "running",
        VmStatus::Hibernating | VmStatus::Hibernated | VmStatus::Waking => "hibernated",
        VmStatus::Stopping => "stopping",
        VmStatus::Failed => "failed",
        VmStatus::Destroyed => "destroyed",
    }
}

/// The guest's own address, once it has one: on the host's network, where the host can reach it, or in the VMM's own
/// network, where nobody else can.
pub(super) fn vm_ip(configured: &Network, vm: &VmHandle) -> Option<String> {
    let on_the_host = vm.state().borrow().address;
    on_the_host.map(|address| address.to_string()).or_else(|| match configured {
        Network::User(_) => Some(UserNetwork::GUEST.to_string()),
        Network::None | Network::Tap(_) => None,
    })
}
