//! What people call a VM: its id or the beginning of it, the same of its session, or `@last`.

use anteroom_protocol::VmId;
use serde_json::Value;

use super::{
    client::Client,
    exit::{Exit, Problem},
    show,
};

/// The VM that was started last and lives.
const LAST: &str = "@last";
/// Phases of VMs that are gone.
const GONE: [&str; 3] = ["destroyed", "failed", "stopping"];

/// The VM's id.
///
/// # Errors
/// When no VM is called that, or more than one.
pub(super) async fn resolve(client: &Client, name: &str) -> Result<String, Problem> {
    match pick(&client.get("/api/vms").await?["vms"], name) {
        // The list has the newest ones; a whole id may be of an older one.
        Err(problem) if problem.exit == Exit::NotFound && name.parse::<VmId>().is_ok() => Ok(name.to_owned()),
        found => found,
    }
}

/// Every name of VMs that live and belong to somebody, and a word about whose it is.
pub(super) fn names(vms: &Value) -> impl Iterator<Item = (String, String)> {
    let living: Vec<&Value> = vms.as_array().into_iter().flatten().filter(is_somebodys).collect();
    let last = living.first().map(|vm| (LAST.to_owned(), format!("VM {}", show::text(vm, "id"))));
    let ids = living.into_iter().flat_map(|vm| {
        let (id, session) = (show::text(vm, "id"), show::text(vm, "session_id"));
        [(id.clone(), format!("of session {session}")), (session, format!("VM {id}"))]
    });
    last.into_iter().chain(ids)
}

fn is_somebodys(vm: &&Value) -> bool {
    !show::text(vm, "session_id").is_empty() && !GONE.contains(&show::text(vm, "phase").as_str())
}

/// Of a list with the newest first.
fn pick(vms: &Value, name: &str) -> Result<String, Problem> {
    if name == LAST {
        let last = vms.as_array().into_iter().flatten().find(is_somebodys);
        return last.map(|vm| show::text(vm, "id")).ok_or_else(|| {
            Problem::new(Exit::NotFound, "no VM lives: start one with `anteroom session start`")
        });
    }
    let by_session = vms.as_array().into_iter().flatten().filter(|vm| {
        let session = show::text(vm, "session_id");
        !session.is_empty() && session.starts_with(name)
    });
    match show::unique(vms, "id", name, "VM") {
        Err(problem) if problem.exit == Exit::NotFound => {
            let of_session: Value = by_session.cloned().collect();
            show::unique(&of_session, "id", "", "VM").map_err(|other| match other.exit {
                Exit::NotFound => problem,
                _ => other,
            })
        }
        found => found,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_vm_is_found_by_its_own_name_by_its_sessions_and_as_the_last_one() {
        let vms = json!([
            { "id": "aa01", "session_id": null, "phase": "ready" },
            { "id": "ab02", "session_id": "5e55", "phase": "failed" },
            { "id": "ab03", "session_id": "5e66", "phase": "ready" },
            { "id": "ab04", "session_id": "ab05", "phase": "ready" },
        ]);
        let found = |name: &str| pick(&vms, name).map_err(|problem| problem.exit);
        assert_eq!(
            found("@last").as_deref(),
            Ok("ab03"),
            "a spare is nobody's, and a VM that is gone is none"
        );
        assert_eq!(found("aa").as_deref(), Ok("aa01"));
        assert_eq!(found("5e66").as_deref(), Ok("ab03"));
        assert_eq!(found("ab05").as_deref(), Ok("ab04"));
        assert_eq!(found("5e"), Err(Exit::Usage), "two sessions");
        assert_eq!(found("ab0"), Err(Exit::Usage));
        assert_eq!(found("zz"), Err(Exit::NotFound));
        let names: Vec<String> = names(&vms).map(|(name, _)| name).collect();
        assert_eq!(names, ["@last", "ab03", "5e66", "ab04", "ab05"]);
        assert_eq!(pick(&json!([]), "@last").unwrap_err().exit, Exit::NotFound);
    }
}
