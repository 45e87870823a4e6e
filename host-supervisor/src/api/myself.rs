//! Who a caller is, for pages that show what it may do.

use axum::Json;
use schemars::JsonSchema;
use serde::Serialize;

use super::access::Caller;
use crate::store::Scope;

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Myself {
    /// Of the key.
    name: String,
    /// What it may do; of `admin`, which may do everything, all of them.
    scopes: Vec<Scope>,
    /// Of the daemon.
    version: &'static str,
}

/// `GET /api/me`
pub(super) async fn show(caller: Caller) -> Json<Myself> {
    let scopes = Scope::ALL.into_iter().filter(|scope| caller.may(*scope)).collect();
    Json(Myself { name: caller.name(), scopes, version: env!("CARGO_PKG_VERSION") })
}
