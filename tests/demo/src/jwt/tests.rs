use serde_json::json;

use super::{JwtError, claims, unsigned};
use crate::secret::Secret;

#[test]
fn what_was_written_is_read_back() {
    let written = json!({ "email": "demo@example.org", "exp": 17 }).as_object().unwrap().clone();
    assert_eq!(claims(&unsigned(&written)), Ok(written));
}

#[test]
fn no_part_is_empty() {
    let token = unsigned(&Default::default());
    let parts: Vec<&str> = token.reveal().split('.').collect();
    assert_eq!(parts.len(), 3);
    assert!(parts.iter().all(|part| !part.is_empty()), "real CLIs refuse an empty part");
}

#[test]
fn what_has_not_the_shape_is_refused() {
    for text in ["", "a.b", "a.e30.", ".e30.c", "a.e30.c.d", "a.*.c"] {
        assert_eq!(claims(&Secret::new(text)), Err(JwtError::Shape), "{text}");
    }
}

#[test]
fn claims_that_are_no_object_are_refused() {
    // "[]" and "{" in base64url.
    for text in ["a.W10.c", "a.ew.c"] {
        assert_eq!(claims(&Secret::new(text)), Err(JwtError::Claims), "{text}");
    }
}
