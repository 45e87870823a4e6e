//! Codes that a person pastes: what is typed into the terminal for them is one word and Enter.

use anteroom_protocol::provider::{Manual, ManualPage};

use crate::input::Input;

/// Longest text that a person may paste, and what the template may add.
const MAX_TYPED_BYTES: usize = 8 * 1024;

pub(crate) fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let template = *input.choice(&["{code}", "{code}#{state}", "{code}&state={state}"]);
    let page = ManualPage { host: "platform.example".into(), path: "/oauth/code/callback".into() };
    let has_page = *input.choice(&[true, false]);
    let manual = Manual { prompt: "code".into(), template: template.into(), page: has_page.then_some(page) };
    let (Ok(state), Ok(pasted)) = (str::from_utf8(input.line()), str::from_utf8(input.rest())) else {
        return;
    };
    let state = (!state.is_empty()).then_some(state);

    let typed = match manual.typed(pasted, state) {
        Ok(typed) => typed,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let typed = typed.expose_str().expect("text");
    let code = typed.strip_suffix('\r').expect("Enter at the end");
    assert!(!code.is_empty() && !code.contains(|c: char| c.is_control() || c.is_whitespace()), "{typed:?}");
    assert!(code.len() <= MAX_TYPED_BYTES + state.map_or(0, str::len) + template.len());
    if let (Some(state), true) = (state, template.contains("{state}")) {
        assert!(code.ends_with(state), "{typed:?} is not of this sign-in");
    }
}
