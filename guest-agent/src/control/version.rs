//! The first question of every call: can these two builds talk?

use anteroom_protocol::{
    ProtocolVersion,
    version::{Compatibility, HEADER},
};
use axum::{
    extract::Request,
    http::{HeaderMap, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::Refusal;

/// Refuses a caller whose major version differs, and one that does not say its version.
pub(super) async fn check(request: Request, next: Next) -> Response {
    match judge(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

fn judge(headers: &HeaderMap) -> Result<(), Refusal> {
    let said = headers.get(HEADER).ok_or_else(|| {
        Refusal::bad(format!("the header {HEADER}: {} is missing", ProtocolVersion::CURRENT))
    })?;
    let peer: ProtocolVersion = said
        .to_str()
        .map_err(|_| Refusal::bad(format!("the header {HEADER} is not text")))?
        .parse()
        .map_err(|error| Refusal::bad(format!("{error}")))?;
    let ours = ProtocolVersion::CURRENT;
    match ours.compatibility_with(peer) {
        Compatibility::Same | Compatibility::Compatible => Ok(()),
        Compatibility::PeerTooNew => Err(too_far(format!("this agent speaks {ours}, too old for {peer}"))),
        Compatibility::PeerTooOld => Err(too_far(format!("this agent speaks {ours}, too new for {peer}"))),
    }
}

fn too_far(error: String) -> Refusal {
    Refusal::new(StatusCode::UPGRADE_REQUIRED, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(version: Option<&str>) -> StatusCode {
        let mut headers = HeaderMap::new();
        if let Some(version) = version {
            headers.insert(HEADER, version.parse().unwrap());
        }
        match judge(&headers) {
            Ok(()) => StatusCode::OK,
            Err(refusal) => refusal.into_response().status(),
        }
    }

    #[test]
    fn another_minor_version_is_welcome_and_another_major_version_is_not() {
        let ProtocolVersion { major, minor } = ProtocolVersion::CURRENT;
        assert_eq!(status(Some(&format!("{major}.{}", minor + 1))), StatusCode::OK);
        assert_eq!(status(Some(&format!("{}.{minor}", major + 1))), StatusCode::UPGRADE_REQUIRED);
    }

    #[test]
    fn a_missing_or_senseless_version_is_a_bad_request() {
        assert_eq!(status(None), StatusCode::BAD_REQUEST);
        assert_eq!(status(Some("new")), StatusCode::BAD_REQUEST);
    }
}
