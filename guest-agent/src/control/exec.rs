//! `GET /exec`: programs that the host runs here.

use anteroom_protocol::exec::{ExecStatus, UPGRADE_EXEC};
use axum::{
    Json,
    extract::{Request, State},
    response::Response,
};

use super::{Control, Refusal, life::Use, upgrade};
use crate::exec;

pub(super) async fn open(State(control): State<Control>, mut request: Request) -> Result<Response, Refusal> {
    upgrade::expect(&request, UPGRADE_EXEC)?;
    let programs = control.programs()?.clone();
    control.0.life.begin(Use::Program)?;
    Ok(upgrade::take(&mut request, UPGRADE_EXEC, async move |host| exec::serve(host, &programs).await))
}

pub(super) async fn list(State(control): State<Control>) -> Result<Json<Vec<ExecStatus>>, Refusal> {
    Ok(Json(control.programs()?.statuses()))
}
