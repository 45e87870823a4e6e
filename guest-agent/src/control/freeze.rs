//! `POST /freeze` and `PUT /resume`: a guest is made ready to be copied, and a copy becomes a machine of its own.
//!
//! What a copy needs to have of its own, and why, is in [`crate::init::resume`].

use std::{path::Path, time::Duration};

use anteroom_protocol::{
    EventBody, Secret,
    agent::{Hello, Resume},
    timeline::mark,
};
use axum::{Json, extract::State, http::StatusCode};
use tokio::time::timeout;

use super::{Control, Refusal, app, clock, life::Resumption, sockets};
use crate::{
    account::{Account, DESKTOP},
    boottime, console, init,
};

/// How long the late services get to become ready; the last of them is Python's, on a processor that may be emulated.
const PATIENCE: Duration = Duration::from_secs(120);
/// What the browser's first start makes in the home directory (`--user-data-dir` of /usr/lib/anteroom/browser).
const BROWSER_PROFILE: &str = ".config/anteroom-browser";

/// `POST /freeze`. What is in memory only is written down, so that the copied disk is as good as after an orderly end. The
/// page cache stays: each copy would have to read the same programs again.
pub(super) async fn freeze(State(control): State<Control>) -> Result<StatusCode, Refusal> {
    let life = &control.0.life;
    life.may_freeze()?;
    let supervisor = control.supervisor().map_err(|_| Refusal::conflict("the root is not mounted yet"))?;
    match timeout(PATIENCE, supervisor.wait_settled()).await {
        Ok(Ok(())) => {}
        Ok(Err(failed)) => return Err(Refusal::conflict(format!("the service {failed} has failed"))),
        Err(_) => {
            let late = supervisor.unsettled().join(", ");
            return Err(Refusal::conflict(format!("these services are not ready: {late}")));
        }
    }
    if browser_has_run() {
        return Err(Refusal::conflict("a browser has run in this machine: it cannot be copied any more"));
    }
    match sockets::outside_connection() {
        Ok(None) => {}
        Ok(Some(peer)) => return Err(Refusal::conflict(format!("there is a connection with {peer}"))),
        Err(error) => return Err(Refusal::broken(format!("the connections cannot be listed: {error}"))),
    }
    write_down().await?;
    life.freeze()?;
    // Each copy has to knock, and that it does only while nobody follows.
    control.0.journal.dismiss();
    tracing::info!("frozen: ready to be copied");
    Ok(StatusCode::NO_CONTENT)
}

/// What is in memory only, to the disk.
pub(super) async fn write_down() -> Result<(), Refusal> {
    let written = tokio::task::spawn_blocking(nix::unistd::sync).await;
    written.map_err(|error| Refusal::broken(format!("the disk cannot be written: {error}")))
}

pub(super) fn check_entropy(entropy: &Secret) -> Result<(), Refusal> {
    let (given, wanted) = (entropy.len(), Resume::ENTROPY_BYTES);
    if wanted.contains(&given) {
        return Ok(());
    }
    let (least, most) = (wanted.start(), wanted.end());
    Err(Refusal::bad(format!("entropy has {given} bytes: expected {least} to {most}")))
}

fn browser_has_run() -> bool {
    Account::named(DESKTOP).is_ok_and(|account| Path::new(&account.home).join(BROWSER_PROFILE).exists())
}

/// `PUT /resume`
pub(super) async fn resume(
    State(control): State<Control>,
    Json(resume): Json<Resume>,
) -> Result<Json<Hello>, Refusal> {
    let came_ns = boottime::now_ns();
    check_entropy(&resume.entropy)?;
    // A host that hangs up leaves no machine behind that is neither the one nor the other.
    tokio::spawn(become_own(control, resume, came_ns))
        .await
        .unwrap_or_else(|error| Err(Refusal::broken(format!("nobody finished the resume: {error}"))))
}

async fn become_own(control: Control, resume: Resume, came_ns: u64) -> Result<Json<Hello>, Refusal> {
    let parts = &*control.0;
    let _alone = parts.resuming.lock().await;
    let resumption = parts.life.may_resume(resume.vm)?;
    clock::set_to(resume.clock)?;
    let resumed = init::resume::resume(&resume, resumption == Resumption::Again)
        .await
        .map_err(|error| Refusal::broken(console::chain(&error)))?;
    if resumption == Resumption::First {
        parts.life.resumed(resume.vm);
        tell(&control, came_ns, resumed).await;
    }
    Ok(Json(app::hello(&control)))
}

/// The story of this machine, from its beginning; what there is already comes first.
async fn tell(control: &Control, came_ns: u64, resumed: init::resume::Resumed) {
    let (journal, timeline) = (&control.0.journal, &control.0.timeline);
    let painted = timeline.has(mark::DESKTOP_PAINTED);
    journal.begin_anew();
    timeline.begin_anew();
    timeline.mark_at(mark::RESUMED, came_ns);
    match resumed.network {
        Ok(true) => timeline.mark(mark::NETWORK_CONFIGURED),
        Ok(false) => {}
        Err(error) => {
            let cause = console::chain(&error);
            tracing::error!("no network: {cause}");
            journal.publish(EventBody::NetworkFailed { cause });
        }
    }
    if let Ok(supervisor) = control.supervisor() {
        supervisor.tell_again().await;
    }
    if painted {
        timeline.mark(mark::DESKTOP_PAINTED);
    }
}
