//! Putting a VM to disk and waking it, for operators. Whoever needs a VM has it woken without asking for that.

use std::sync::Arc;

use anteroom_protocol::VmId;
use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Api, body::InPath, error::ApiError, seen::Acting, tenant::of_somebody, vm::find, words::VmWords,
};

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PlainVm")]
pub(super) struct Shown {
    vm: VmWords,
}

/// `POST /api/vms/{id}/hibernate`, answered when it is on the disk.
pub(super) async fn hibernate(
    State(api): State<Arc<Api>>,
    InPath(id): InPath<VmId>,
    acting: Acting,
) -> Result<Json<Shown>, ApiError> {
    of_somebody(&api, id, &acting).await?.0.hibernate().await?;
    shown(&api, id).await
}

/// `POST /api/vms/{id}/wake`, answered when its agent does.
pub(super) async fn wake(
    State(api): State<Arc<Api>>,
    InPath(id): InPath<VmId>,
    acting: Acting,
) -> Result<Json<Shown>, ApiError> {
    let (vm, tenant) = of_somebody(&api, id, &acting).await?;
    let _visit = vm.visit().await?;
    tenant.touch();
    shown(&api, id).await
}

async fn shown(api: &Api, id: VmId) -> Result<Json<Shown>, ApiError> {
    Ok(Json(Shown { vm: VmWords::of(find(api, id).await?) }))
}
