//! Whose VM it is: a session's, or a user's own. One that waits in the pool is nobody's.

use std::fmt;

use anteroom_protocol::VmId;

use super::{
    Api,
    error::ApiError,
    seen::Acting,
    vm::{find, gone},
};
use crate::{session::SessionHandle, vm::VmHandle};

#[derive(Debug, Clone)]
pub(super) enum Tenant {
    Session(SessionHandle),
    User(String),
}

impl Tenant {
    /// Somebody is there: an idle limit begins anew. That of a user's own VM goes by who is in it.
    pub(super) fn touch(&self) {
        match self {
            Self::Session(session) => session.touch(),
            Self::User(_) => {}
        }
    }

    /// Waits until there is no reason any more to be in it.
    pub(super) async fn over(&self) {
        match self {
            Self::Session(session) => session.over().await,
            Self::User(_) => std::future::pending().await,
        }
    }

    pub(super) fn session(&self) -> Option<&SessionHandle> {
        match self {
            Self::Session(session) => Some(session),
            Self::User(_) => None,
        }
    }

    pub(super) fn user(&self) -> String {
        match self {
            Self::Session(session) => session.view().record.user_id,
            Self::User(user) => user.clone(),
        }
    }
}

/// For the log: of a user nothing is said.
impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(session) => write!(f, "session {}", session.id()),
            Self::User(_) => f.write_str("its user"),
        }
    }
}

/// A VM that lives, and whose it is.
pub(super) fn living(api: &Api, id: VmId) -> Option<(VmHandle, Option<Tenant>)> {
    if let Some(session) = api.sessions.living_with_vm(id) {
        return Some((session.vm().clone(), Some(Tenant::Session(session))));
    }
    if let Some((user, vm)) = api.prompts.vm(id) {
        return Some((vm, Some(Tenant::User(user))));
    }
    Some((api.vms.spare(id)?, None))
}

/// One that somebody has, for whoever may do something in it.
///
/// # Errors
/// When there is no such VM, it is gone, nobody's, or another user's.
pub(super) async fn of_somebody(
    api: &Api,
    id: VmId,
    acting: &Acting,
) -> Result<(VmHandle, Tenant), ApiError> {
    find(api, id).await?;
    let (vm, tenant) = living(api, id).ok_or_else(gone)?;
    let tenant = tenant.ok_or_else(|| {
        let message = "this VM waits for whoever comes next, and nothing is done in it before";
        ApiError::conflict("vm_is_nobodys", message)
    })?;
    acting.may_see(&tenant.user())?;
    Ok((vm, tenant))
}
