//! The path of the object that stands for a call: caller and call can both work it out, so that the caller can listen to it
//! before it calls (`org.freedesktop.portal.Request`).

/// Where the portal is.
pub(super) const DESKTOP_PATH: &str = "/org/freedesktop/portal/desktop";
/// Long enough for every library's prefix with a random number.
const MAX_TOKEN_BYTES: usize = 255;

/// The last element of the path, which the caller may choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token(String);

impl Token {
    /// `None` when this cannot be an element of an object path (D-Bus specification, "Valid Object Paths").
    pub(super) fn new(text: &str) -> Option<Self> {
        let fits = (1..=MAX_TOKEN_BYTES).contains(&text.len());
        let valid = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        (fits && valid).then(|| Self(text.to_owned()))
    }

    /// For callers that do not choose.
    pub(super) fn unchosen() -> Self {
        Self("t".to_owned())
    }
}

/// The path for a call of the connection with the unique name `caller`.
pub(super) fn path(caller: &str, token: &Token) -> String {
    // A bus gives names like `:1.42`; whatever else it might put into one has no place in a path.
    let caller: String = caller
        .trim_start_matches(':')
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    format!("{DESKTOP_PATH}/request/{caller}/{}", token.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_names_caller_and_token() {
        let token = Token::new("gtk_17").unwrap();
        assert_eq!(path(":1.42", &token), "/org/freedesktop/portal/desktop/request/1_42/gtk_17");
        assert_eq!(path(":1.42-x", &Token::unchosen()), "/org/freedesktop/portal/desktop/request/1_42_x/t");
    }

    #[test]
    fn a_token_that_is_no_element_of_a_path_is_none() {
        for bad in ["", "a/b", "..", "a.b", "a-b", "a b", "ä", "a\0", "a\n"] {
            assert_eq!(Token::new(bad), None, "{bad:?}");
        }
        assert_eq!(Token::new(&"x".repeat(MAX_TOKEN_BYTES + 1)), None);
        assert!(Token::new(&"x".repeat(MAX_TOKEN_BYTES)).is_some());
    }
}
