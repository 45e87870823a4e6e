//! Codes that a person carries between the sign-in page and the terminal: from the terminal to the page (`[device]`, RFC
//! 8628) or from the page to the terminal (`[manual]`).

use serde::{Deserialize, Serialize};
use url::Url;

use super::{compile, mistake::Mistakes};
use crate::Secret;

/// Longest pasted code or address, in bytes.
const MAX_PASTED_BYTES: usize = 8 * 1024;
/// Longest lifetime of a user code, in seconds: a day.
const MAX_LIFETIME_S: u32 = 24 * 60 * 60;
const CODE: &str = "{code}";
const STATE: &str = "{state}";

/// The terminal shows a code, which the person types into the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// A regular expression over the terminal's text; its only group, or the whole of it, is the code.
    pub user_code: String,
    /// How long the code is good for, in seconds, 1 to 86 400 (`expires_in` of RFC 8628 section 3.2).
    #[serde(default = "quarter_of_an_hour")]
    pub lifetime_s: u32,
}

/// The page shows a code, which the terminal asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manual {
    /// A regular expression: what the terminal shows when it asks for the code.
    pub prompt: String,
    /// What is typed: `{code}`, or `{code}` and `{state}` with something between them.
    #[serde(default = "code_alone")]
    pub template: String,
    /// The page that shows the code has it in the query of its own address, so that a person may paste that as well.
    pub page: Option<ManualPage>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManualPage {
    pub host: String,
    pub path: String,
}

/// Why what a person has pasted is not typed. Never holds any of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PastedCodeError {
    #[error("nothing was pasted")]
    Empty,
    #[error("the code has more than {MAX_PASTED_BYTES} bytes")]
    TooLong,
    #[error("this is no code: there are spaces or control characters in it")]
    NoCode,
    #[error("this is only a part of the code: copy all that the page shows")]
    Incomplete,
    #[error("this is not the address of the page that shows the code")]
    OtherPage,
    #[error("the page gave no code, but an error: sign in again")]
    Denied,
    #[error("the code belongs to another sign-in: its state differs")]
    OtherState,
}

impl Manual {
    /// What to type for a code, or for the address of the page that shows it. `state` is that of the sign-in address, if
    /// it is known: a code of another sign-in is refused, because some CLIs end at it.
    ///
    /// # Errors
    /// With what the person can do about it.
    pub fn typed(&self, pasted: &str, state: Option<&str>) -> Result<Secret, PastedCodeError> {
        let pasted = pasted.trim();
        match pasted {
            "" => return Err(PastedCodeError::Empty),
            _ if pasted.len() > MAX_PASTED_BYTES => return Err(PastedCodeError::TooLong),
            _ => {}
        }
        let (code, said) = if pasted.starts_with("http://") || pasted.starts_with("https://") {
            self.of_page(pasted)?
        } else {
            self.of_code(pasted)
        };
        let odd = |text: &str| text.is_empty() || text.chars().any(|c| c.is_whitespace() || c.is_control());
        if odd(&code) || said.as_deref().is_some_and(odd) {
            return Err(PastedCodeError::NoCode);
        }
        if let (Some(said), Some(state)) = (&said, state)
            && said != state
        {
            return Err(PastedCodeError::OtherState);
        }
        let text = match self.around() {
            None => self.template.replacen(CODE, &code, 1),
            Some([before, between, after]) => {
                // A sign-in address, too, may hold anything.
                let state = state.filter(|state| !odd(state));
                let state = said.as_deref().or(state).ok_or(PastedCodeError::Incomplete)?;
                format!("{before}{code}{between}{state}{after}")
            }
        };
        Ok(Secret::new(text + "\r"))
    }

    /// What stands before, between and after code and state; `None` when no state is typed.
    fn around(&self) -> Option<[&str; 3]> {
        let (before, rest) = self.template.split_once(CODE)?;
        let (between, after) = rest.split_once(STATE)?;
        Some([before, between, after])
    }

    fn of_code(&self, pasted: &str) -> (String, Option<String>) {
        match self.around().and_then(|[_, between, _]| pasted.split_once(between)) {
            Some((code, state)) => (code.to_owned(), Some(state.to_owned())),
            None => (pasted.to_owned(), None),
        }
    }

    fn of_page(&self, pasted: &str) -> Result<(String, Option<String>), PastedCodeError> {
        let url = Url::parse(pasted).map_err(|_| PastedCodeError::OtherPage)?;
        let page = self.page.as_ref().ok_or(PastedCodeError::OtherPage)?;
        if url.scheme() != "https" || url.host_str() != Some(&page.host) || url.path() != page.path {
            return Err(PastedCodeError::OtherPage);
        }
        let parameter = |wanted: &str| {
            url.query_pairs().find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
        };
        match (parameter("code"), parameter("error")) {
            (Some(code), None) => Ok((code, parameter("state"))),
            (_, Some(_)) => Err(PastedCodeError::Denied),
            (None, None) => Err(PastedCodeError::Incomplete),
        }
    }

    pub(super) fn check(&self, mistakes: &mut Mistakes) {
        if let Err(problem) = compile(&self.prompt) {
            mistakes.add("manual.prompt", problem);
        }
        let once = |what: &str| self.template.matches(what).count() <= 1;
        let parts = self.template.starts_with(CODE)
            && once(CODE)
            && once(STATE)
            && self.template.contains(STATE)
                == self.around().is_some_and(|[_, between, _]| !between.is_empty())
            && !self.template.chars().any(char::is_control);
        let problem = "expected {code}, or {code} and {state} with something between them such as #";
        mistakes.expect(parts, "manual.template", problem);
        if let Some(page) = &self.page {
            let host_ok = Url::parse(&format!("https://{}/", page.host))
                .is_ok_and(|url| url.host_str() == Some(&page.host));
            mistakes.expect(host_ok, "manual.page.host", "expected a host name in lower case");
            let problem = "expected a path that begins with a slash";
            mistakes.expect(page.path.starts_with('/'), "manual.page.path", problem);
        }
    }
}

impl Device {
    pub(super) fn check(&self, mistakes: &mut Mistakes) {
        match compile(&self.user_code) {
            Ok(pattern) => mistakes.expect(
                pattern.captures_len() <= 2,
                "device.user_code",
                "expected at most one group, which is the code",
            ),
            Err(problem) => mistakes.add("device.user_code", problem),
        }
        mistakes.expect(
            (1..=MAX_LIFETIME_S).contains(&self.lifetime_s),
            "device.lifetime_s",
            "expected 1 to 86400 seconds",
        );
    }
}

fn quarter_of_an_hour() -> u32 {
    15 * 60
}

fn code_alone() -> String {
    CODE.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claude() -> Manual {
        Manual {
            prompt: "Paste code here".into(),
            template: "{code}#{state}".into(),
            page: Some(ManualPage { host: "platform.example".into(), path: "/oauth/code/callback".into() }),
        }
    }

    fn gemini() -> Manual {
        Manual { template: code_alone(), page: None, ..claude() }
    }

    fn typed(manual: &Manual, pasted: &str, state: Option<&str>) -> Result<String, PastedCodeError> {
        manual.typed(pasted, state).map(|typed| typed.expose_str().unwrap().to_owned())
    }

    #[test]
    fn a_code_is_typed_in_the_form_that_the_command_wants() {
        assert_eq!(typed(&claude(), " c0de#st4te\n", Some("st4te")).unwrap(), "c0de#st4te\r");
        assert_eq!(typed(&claude(), "c0de#st4te", None).unwrap(), "c0de#st4te\r");
        assert_eq!(typed(&claude(), "c0de", Some("st4te")).unwrap(), "c0de#st4te\r");
        assert_eq!(typed(&claude(), "c0{state}de", Some("st4te")).unwrap(), "c0{state}de#st4te\r");
        assert_eq!(typed(&gemini(), "4/0Ab#c", Some("st4te")).unwrap(), "4/0Ab#c\r");
    }

    #[test]
    fn the_address_of_the_page_holds_the_code() {
        let page = "https://platform.example/oauth/code/callback?code=c0de&state=st4te";
        assert_eq!(typed(&claude(), page, Some("st4te")).unwrap(), "c0de#st4te\r");
        let cases = [
            (page.replace("st4te", "other"), PastedCodeError::OtherState),
            (page.replace("code=c0de", "error=access_denied"), PastedCodeError::Denied),
            (page.replace("code=c0de&", ""), PastedCodeError::Incomplete),
            (page.replace("platform.example", "evil.example"), PastedCodeError::OtherPage),
            (page.replace("https:", "http:"), PastedCodeError::OtherPage),
            (page.replace("c0de", "c0de%0Arm"), PastedCodeError::NoCode),
        ];
        for (pasted, expected) in cases {
            assert_eq!(typed(&claude(), &pasted, Some("st4te")), Err(expected), "{pasted}");
        }
        assert_eq!(typed(&gemini(), page, None), Err(PastedCodeError::OtherPage));
    }

    #[test]
    fn what_is_no_code_of_this_sign_in_is_not_typed() {
        let cases = [
            ("", PastedCodeError::Empty),
            ("  \r\n", PastedCodeError::Empty),
            ("two words", PastedCodeError::NoCode),
            ("c0de\u{3}", PastedCodeError::NoCode),
            ("#st4te", PastedCodeError::NoCode),
            ("c0de#", PastedCodeError::NoCode),
            ("c0de#other", PastedCodeError::OtherState),
        ];
        for (pasted, expected) in cases {
            assert_eq!(typed(&claude(), pasted, Some("st4te")), Err(expected), "{pasted:?}");
        }
        assert_eq!(typed(&claude(), "c0de", None), Err(PastedCodeError::Incomplete));
        assert_eq!(typed(&claude(), "c0de", Some("st4te\rrm")), Err(PastedCodeError::Incomplete));
        assert_eq!(typed(&claude(), &"x".repeat(9000), None), Err(PastedCodeError::TooLong));
    }
}
