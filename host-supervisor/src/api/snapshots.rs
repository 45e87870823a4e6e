//! What VMs begin with, for operators: golden snapshots, and VMs that wait for somebody.

use std::sync::Arc;

use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;

use super::{
    Api,
    error::ApiError,
    seen::Acting,
    words::{TimeText, time_text},
};
use crate::{
    blocking,
    failure::causes,
    snapshots::{Manifest, ShelfError, Snapshot},
};

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Snapshot")]
#[serde(rename_all = "camelCase")]
struct Words {
    key: String,
    /// Of the image.
    profile: String,
    #[schemars(with = "TimeText")]
    #[serde(serialize_with = "time_text::serialize")]
    made_at: OffsetDateTime,
    /// From the request of its VM to the last digest, in milliseconds.
    build_ms: u64,
    /// On the disk.
    stored_bytes: u64,
    /// What it fits: VMM, processor, image, shape.
    conditions: Value,
}

impl From<Manifest> for Words {
    fn from(manifest: Manifest) -> Self {
        let stored_bytes = manifest.stored_bytes();
        let Manifest { key, profile, made_at, build_ms, conditions, .. } = manifest;
        Self { key: key.as_str().to_owned(), profile, made_at, build_ms, stored_bytes, conditions }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Snapshots {
    /// Whether VMs begin with them.
    used: bool,
    /// Newest first.
    snapshots: Vec<Words>,
    /// Why the others cannot be read.
    problems: Vec<String>,
    pool: Pool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Pool {
    /// VMs that wait for somebody.
    ready: usize,
}

/// `GET /api/admin/snapshots`
pub(super) async fn list(State(api): State<Arc<Api>>, acting: Acting) -> Result<Json<Snapshots>, ApiError> {
    acting.must_be_nobody()?;
    let shelf = api.vms.shelf();
    let used = shelf.is_some();
    let found = match shelf {
        Some(shelf) => blocking::run(move || shelf.list()).await?,
        None => Vec::new(),
    };
    let (mut snapshots, mut problems) = (Vec::new(), Vec::new());
    for snapshot in found {
        match snapshot {
            Ok(Snapshot { manifest, .. }) => snapshots.push(manifest.into()),
            Err(error) => problems.push(causes(&error)),
        }
    }
    Ok(Json(Snapshots { used, snapshots, problems, pool: Pool { ready: api.vms.spares() } }))
}

impl From<ShelfError> for ApiError {
    fn from(error: ShelfError) -> Self {
        Self::internal("snapshots_unread", "the snapshots cannot be read", &error)
    }
}
