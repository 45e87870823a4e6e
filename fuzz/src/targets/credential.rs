//! Credential files out of a guest: what is kept has the required fields, in the file's own format, and is accepted again
//! by the host.

use std::sync::LazyLock;

use anteroom_protocol::provider::{CredentialRule, Format};
use serde_json::Value;

use crate::input::Input;

/// A rule and, apart from the code that is tried, the way to its required field.
struct Case {
    rule: CredentialRule,
    field: &'static [&'static str],
}

static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    vec![
        case(r#"require = ["tokens.access_token"]"#, &["tokens", "access_token"]),
        case(r#"keys = ["account"]"#, &[]),
        case(
            r#"require = ["account.email"]
                keys = ["account"]"#,
            &["account", "email"],
        ),
        case(
            r#"format = "jsonc"
                require = ["authTokens.*.token"]"#,
            &[],
        ),
        case(
            r#"format = "yaml"
                require = ['"github.com".oauth_token']"#,
            &["github.com", "oauth_token"],
        ),
        case(
            r#"format = "toml"
                require = ["auth.refresh_token"]"#,
            &["auth", "refresh_token"],
        ),
        case(
            r#"format = "terminal"
                pattern = 'sk-ant-oat01-[A-Za-z0-9_-]+'"#,
            &[],
        ),
    ]
});

fn case(text: &str, field: &'static [&'static str]) -> Case {
    let rule = toml::from_str(&format!("path = \"file\"\n{text}")).expect("a rule");
    Case { rule, field }
}

pub(crate) fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let Case { rule, field } = input.choice(&CASES);
    let contents = input.rest();
    let kept = match rule.accept(contents) {
        Ok(kept) => kept,
        Err(problem) => {
            assert!(!problem.to_string().is_empty());
            return;
        }
    };
    assert_eq!(rule.accept(&kept).as_ref(), Ok(&kept), "the host finds it different");
    let value = match rule.format {
        Format::Json => serde_json::from_slice(&kept).expect("JSON"),
        Format::Toml => toml::from_str(str::from_utf8(&kept).expect("UTF-8")).expect("TOML"),
        Format::Terminal => {
            let token = kept.strip_prefix(b"sk-ant-oat01-").expect("what the pattern begins with");
            assert!(
                !token.is_empty() && token.iter().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(b))
            );
            return;
        }
        Format::Jsonc | Format::Yaml => return assert_eq!(kept, contents),
    };
    if let Value::Object(object) = &value
        && !rule.keys.is_empty()
    {
        assert!(object.keys().all(|key| rule.keys.contains(key)), "more is kept than the rule says");
    }
    let last = field.iter().try_fold(&value, |value, key| value.get(key));
    assert!(last.is_some_and(|value| *value != Value::Null && *value != ""), "{field:?} is missing");
}
