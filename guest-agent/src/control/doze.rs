//! `POST /doze` and `PUT /wake`: the machine is put to disk, and goes on from there later. It stays the same machine.
//!
//! Its memory is read by nobody meanwhile, but the host's disk outlives many things; what the kernel draws at random afterwards
//! owes nothing to it. Programs that keep generators of their own go on with them, which is no harm: no other machine has the same.

use anteroom_protocol::agent::{Hello, Wake};
use axum::{Json, extract::State, http::StatusCode};

use super::{Control, Refusal, app, clock, freeze};
use crate::{console, init::entropy};

/// `POST /doze`. Nothing stops: the machine does not know when it is put to disk. What is in memory only is written down, so that
/// the disk is whole should the memory ever be lost, and the host is looked for from now on.
pub(super) async fn doze(State(control): State<Control>) -> Result<StatusCode, Refusal> {
    freeze::write_down().await?;
    let parts = &*control.0;
    parts.life.doze();
    parts.journal.dismiss();
    tracing::info!("about to be put to disk");
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /wake`
pub(super) async fn wake(
    State(control): State<Control>,
    Json(wake): Json<Wake>,
) -> Result<Json<Hello>, Refusal> {
    freeze::check_entropy(&wake.entropy)?;
    clock::set_to(wake.clock)?;
    entropy::renew(&wake.entropy).map_err(|error| Refusal::broken(console::chain(&error)))?;
    control.0.life.wake();
    tracing::info!("awake again");
    Ok(Json(app::hello(&control)))
}
