//! `GET /memory`: what the guest has left, and what the agent's own roles use of it.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fs, path::Path};

use anteroom_protocol::agent::Memory;
use axum::{Json, http::StatusCode};

use super::Refusal;
use crate::proc_field;

/// Roles whose memory is worth knowing.
const ROLES: [&str; 4] = ["oauth", "portal", "stream", "terminal"];

/// `GET /memory`
pub(super) async fn show() -> Result<Json<Memory>, Refusal> {
    let text = fs::read_to_string("/proc/meminfo").map_err(|error| {
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, format!("/proc/meminfo cannot be read: {error}"))
    })?;
    Ok(Json(Memory {
        total_kib: proc_field::kib(&text, "MemTotal").unwrap_or(0),
        available_kib: proc_field::kib(&text, "MemAvailable").unwrap_or(0),
        roles_kib: roles(Path::new("/proc")),
    }))
}

/// The resident set of each role, found by its command line. A process that ends meanwhile is left out.
fn roles(proc: &Path) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(proc).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().filter(|name| name.bytes().all(|b| b.is_ascii_digit())) else {
            continue;
        };
        let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let Some(role) = role_of(pid, &command) else { continue };
        let status = fs::read_to_string(entry.path().join("status")).unwrap_or_default();
        if let Some(kib) = proc_field::kib(&status, "VmRSS") {
            *found.entry(role.to_owned()).or_default() += kib;
        }
    }
    found
}

/// `command` as in `/proc/PID/cmdline`: arguments, each with a zero byte behind it.
fn role_of(pid: &str, command: &[u8]) -> Option<&'static str> {
    if pid == "1" {
        return Some("init");
    }
    let mut arguments = command.split(|byte| *byte == 0);
    if !arguments.next()?.ends_with(b"/anteroom-agent") {
        return None;
    }
    let role = arguments.next()?;
    ROLES.into_iter().find(|known| known.as_bytes() == role)
}
