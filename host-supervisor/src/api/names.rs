//! What each call is called in the description, where it is the name of a method of the clients that are generated. It stays when
//! the call's address becomes another.

/// The name of each call: `get` one thing, `list` many, `follow` what goes on; otherwise what it does.
#[rustfmt::skip]
const NAMES: &[(&str, &str)] = &[
    ("GET /health", "getHealth"),
    ("GET /health/ready", "getReadiness"),
    ("GET /api/auth/health", "getAuthHealth"),
    ("POST /api/login", "logIn"),
    ("POST /api/logout", "logOut"),
    ("GET /api/me", "getMyself"),
    ("GET /api/live", "followChanges"),
    ("GET /api/auth/session/{id}", "getSession"),
    ("GET /api/auth/session/{id}/oauth-url", "getSignInUrl"),
    ("GET /api/auth/session/{id}/vnc", "openDesktop"),
    ("GET /api/auth/session/{id}/events", "followSession"),
    ("DELETE /api/webrtc/session/{id}", "deleteViewer"),
    ("POST /api/webrtc/session/{id}/offer", "sendOffer"),
    ("GET /api/webrtc/session/{id}/answer", "getAnswer"),
    ("POST /api/webrtc/session/{id}/candidate", "sendCandidate"),
    ("GET /api/webrtc/session/{id}/candidates/vm", "listVmCandidates"),
    ("GET /api/webrtc/session/{id}/ice-servers", "listSessionIceServers"),
    ("POST /api/webrtc/session/{id}/whep", "createPlayer"),
    ("OPTIONS /api/webrtc/session/{id}/whep", "getPlayerOptions"),
    ("PATCH /api/webrtc/session/{id}/whep/{peer}", "updatePlayer"),
    ("DELETE /api/webrtc/session/{id}/whep/{peer}", "deletePlayer"),
    ("POST /api/auth/session/{id}/open-url", "openUrl"),
    ("POST /api/auth/session/{id}/callback", "sendCallback"),
    ("POST /api/auth/session/{id}/code", "sendCode"),
    ("POST /api/auth/session/{id}/retry", "retrySignIn"),
    ("POST /api/auth/session/{id}/heartbeat", "keepSession"),
    ("POST /api/auth/start", "startSession"),
    ("POST /api/auth/rotate", "rotateCredentials"),
    ("GET /api/auth/sessions", "listSessions"),
    ("GET /api/auth/sessions/{user}", "listSessionsOfUser"),
    ("DELETE /api/auth/session/{id}", "deleteSession"),
    ("GET /api/auth/session/{id}/vm", "getVmOfSession"),
    ("POST /api/auth/session/{id}/token", "createToken"),
    ("GET /api/auth/session/{id}/history", "getHistory"),
    ("POST /api/auth/session/{id}/cancel", "cancelSession"),
    ("GET /api/auth/credentials/{user}", "listCredentials"),
    ("DELETE /api/auth/credentials/{user}/{provider}", "deleteCredentials"),
    ("GET /api/auth/validate/{user}/{provider}", "validateCredentials"),
    ("GET /api/providers", "listProviders"),
    ("GET /api/webrtc/ice-servers", "listIceServers"),
    ("GET /api/auth/session/{id}/credentials/status", "getCredentials"),
    ("GET /api/prompts", "listPrompts"),
    ("GET /api/prompts/{id}", "getPrompt"),
    ("POST /api/prompts/{id}/cancel", "cancelPrompt"),
    ("POST /api/prompts/execute", "executePrompt"),
    ("GET /api/prompts/{id}/events", "followPrompt"),
    ("GET /api/vms", "listVms"),
    ("GET /api/vms/statistics/summary", "getVmStatistics"),
    ("GET /api/vms/{id}", "getVm"),
    ("DELETE /api/vms/{id}", "deleteVm"),
    ("POST /api/vms/{id}/heartbeat", "keepVm"),
    ("GET /api/vms/{id}/events", "listVmEvents"),
    ("GET /api/vms/{id}/live", "followVm"),
    ("POST /api/vms/{id}/hibernate", "hibernateVm"),
    ("POST /api/vms/{id}/wake", "wakeVm"),
    ("GET /api/vms/{id}/diagnostics", "diagnoseVm"),
    ("GET /api/vms/{id}/services/{name}/log", "getServiceLog"),
    ("GET /api/admin/vm/{id}/console", "getConsole"),
    ("GET /api/vms/{id}/exec", "openProgram"),
    ("GET /api/vms/{id}/files", "downloadFile"),
    ("GET /api/vms/{id}/programs", "listPrograms"),
    ("GET /api/vms/{id}/ports/{port}", "openPort"),
    ("GET /api/vms/{id}/reverse/{port}", "listenOnPort"),
    ("GET /api/vms/{id}/reverse/{port}/{number}", "acceptConnection"),
    ("GET /metrics", "getMetrics"),
    ("POST /api/providers/test", "testProvider"),
    ("GET /api/image", "getImage"),
    ("POST /api/webhook/test", "testWebhook"),
    ("GET /api/webhook/deliveries", "listDeliveries"),
    ("GET /api/webrtc/stats", "getViewerStatistics"),
    ("GET /api/admin/keys", "listKeys"),
    ("POST /api/admin/keys", "createKey"),
    ("DELETE /api/admin/keys/{id}", "deleteKey"),
    ("GET /api/admin/system/stats", "getSystemStatistics"),
    ("GET /api/admin/health/system", "getSystemHealth"),
    ("POST /api/admin/cleanup/orphaned-resources", "cleanUp"),
    ("GET /api/admin/audit", "listAudit"),
    ("GET /api/admin/providers", "listDefinitions"),
    ("GET /api/admin/settings", "listSettings"),
    ("GET /api/admin/snapshots", "listSnapshots"),
];

/// `None` of a call that was forgotten here.
pub(super) fn name_of(method: &str, path: &str) -> Option<&'static str> {
    let named = |(call, _): &&(&str, &str)| call.split_once(' ') == Some((method, path));
    NAMES.iter().find(named).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::NAMES;

    #[test]
    fn every_name_is_of_one_call_that_there_is() {
        let names: BTreeSet<&str> = NAMES.iter().map(|(_, name)| *name).collect();
        assert_eq!(names.len(), NAMES.len(), "two calls have one name");
        let routes = include_str!("routes.rs");
        for (call, name) in NAMES {
            let (method, path) = call.split_once(' ').unwrap();
            assert!(routes.contains(&format!("\"{path}\"")), "{name}: nothing is at {path}");
            assert!(routes.contains(&format!("{}_with(", method.to_lowercase())), "{name}: {method}");
        }
    }
}
