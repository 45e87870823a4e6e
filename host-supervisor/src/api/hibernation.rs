//! Putting a VM to disk and waking it, for operators. Whoever needs a VM has it woken without asking for that.

use std::sync::Arc;

use anteroom_protocol::VmId;
use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Api,
    body::InPath,
    error::ApiError,
    seen::Acting,
    vm::{find, gone},
    words::VmWords,
};
use crate::session::SessionHandle;

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
    owner_of(&api, id, &acting).await?.vm().hibernate().await?;
    shown(&api, id).await
}

/// `POST /api/vms/{id}/wake`, answered when its agent does.
pub(super) async fn wake(
    State(api): State<Arc<Api>>,
    InPath(id): InPath<VmId>,
    acting: Acting,
) -> Result<Json<Shown>, ApiError> {
    let session = owner_of(&api, id, &acting).await?;
    let _visit = session.vm().visit().await?;
    session.touch();
    shown(&api, id).await
}

async fn owner_of(api: &Api, id: VmId, acting: &Acting) -> Result<SessionHandle, ApiError> {
    find(api, id).await?;
    if api.vms.spare(id).is_some() {
        let message = "this VM waits for whoever comes next, and stays awake for that";
        return Err(ApiError::conflict("vm_is_nobodys", message));
    }
    let session = api.sessions.living_with_vm(id).ok_or_else(gone)?;
    acting.may_see(&session.view().record.user_id)?;
    Ok(session)
}

async fn shown(api: &Api, id: VmId) -> Result<Json<Shown>, ApiError> {
    Ok(Json(Shown { vm: VmWords::of(find(api, id).await?) }))
}
