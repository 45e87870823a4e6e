use serde_json::json;

use super::*;
use crate::ProviderDefinition;

const PROMPT: &str = r#"
argv = ["tool", "run", "--json", "-"]
model_argv = ["--model", "{model}"]
output = "json-lines"
[[text]]
when = { type = "item", "item.kind" = "message" }
take = "item.text"
[[text]]
when = { type = "blocks" }
take = "message.content.*.text"
[[usage]]
when = { type = "end" }
take = "usage"
[[failure]]
code = "token_refused"
pattern = '(?i)token.*(revoked|refused)'
[[failure]]
code = "not_signed_in"
pattern = 'not logged in'
"#;

fn prompt() -> Prompt {
    toml::from_str(PROMPT).unwrap()
}

fn said(line: &Value) -> Said {
    prompt().understanding().unwrap().line(line.to_string().as_bytes())
}

#[test]
fn text_is_where_the_first_rule_that_fits_says() {
    let text = |line: &Value| said(line).text;
    assert_eq!(
        text(&json!({ "type": "item", "item": { "kind": "message", "text": "yes" } })),
        Some("yes".into())
    );
    assert_eq!(text(&json!({ "type": "item", "item": { "kind": "command", "text": "ls" } })), None);
    let blocks = json!({ "type": "blocks", "message": { "content": [{ "text": "a" }, { "tool": 1 }, { "text": "b" }] } });
    assert_eq!(text(&blocks), Some("ab".into()));
    assert_eq!(text(&json!({ "type": "item", "item": { "kind": "message", "text": "" } })), None);
}

#[test]
fn every_line_of_json_is_told_and_one_that_is_none_says_nothing() {
    let end = json!({ "type": "end", "usage": { "output_tokens": 3 } });
    assert_eq!(said(&end).usage, Some(json!({ "output_tokens": 3 })));
    assert_eq!(said(&end).event, Some(end));
    assert_eq!(prompt().understanding().unwrap().line(b"(node:1) Warning: {"), Said::default());
}

#[test]
fn a_complaint_is_recognised_by_the_first_pattern_that_fits() {
    let understanding = prompt().understanding().unwrap();
    assert_eq!(understanding.complaint("Your Token was REVOKED"), Some(PromptFailure::TokenRefused));
    assert_eq!(understanding.complaint("not logged in: token refused"), Some(PromptFailure::TokenRefused));
    assert_eq!(understanding.complaint("not logged in"), Some(PromptFailure::NotSignedIn));
    assert_eq!(understanding.complaint("all is well"), None);
}

#[test]
fn a_model_is_named_before_the_dash_and_only_when_it_is_asked_for() {
    let words = |model| prompt().command(model).join(" ");
    assert_eq!(words(None), "tool run --json -");
    assert_eq!(words(Some("large")), "tool run --json --model large -");
}

#[test]
fn what_is_wrong_with_the_table_is_told_at_its_place() {
    let whole = |prompt: &str| {
        format!(
            "id = \"tool\"\nname = \"Tool\"\n[launch.browser]\nargv = [\"tool\"]\n[[url]]\nhost = \"a.example\"\npath = \"/\"\n\
             kind = \"manual\"\n[[credential]]\npath = \".tool/key\"\nrequire = [\"token\"]\n[prompt]\n{prompt}"
        )
    };
    let refusal = |prompt: &str| ProviderDefinition::parse(&whole(prompt)).unwrap_err().to_string();
    assert!(
        refusal("argv = []").contains("line 13, column 8: prompt.argv: expected a program"),
        "{}",
        refusal("argv = []")
    );
    let cases = [
        ("argv = [\"t\"]\noutput = \"json-lines\"", "prompt.text: expected a rule"),
        (
            "argv = [\"t\"]\nmodel_argv = [\"--model\"]",
            "prompt.model_argv: expected an argument with {model}",
        ),
        ("argv = [\"t\"]\nfiles = { \"../x\" = \"\" }", "prompt.files: expected paths inside"),
        ("argv = [\"t\"]\n[[prompt.text]]\ntake = \"a\"", "prompt.output: expected json-lines"),
        (
            "argv = [\"t\"]\noutput = \"json-lines\"\n[[prompt.text]]\ntake = \"a..b\"",
            "prompt.text[0].take: expected dotted",
        ),
        (
            "argv = [\"t\"]\n[[prompt.failure]]\ncode = \"token_refused\"\npattern = '('",
            "prompt.failure[0].pattern: expected a regular",
        ),
        ("argv = [\"t\"]\n[[prompt.failure]]\ncode = \"bad_mood\"\npattern = 'x'", "unknown variant"),
    ];
    for (prompt, expected) in cases {
        assert!(refusal(prompt).contains(expected), "{prompt}: {}", refusal(prompt));
    }
    assert!(ProviderDefinition::parse(&whole("argv = [\"t\"]")).unwrap().prompt.is_some());
}
