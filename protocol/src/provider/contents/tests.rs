use proptest::prelude::*;
use serde_json::json;

use super::*;

#[test]
fn comments_are_skipped_but_not_in_strings() {
    let text = "// GitHub Copilot\n{ /* a\n\"b */ \"url\": \"https://a/\\\"//b\", // end\n \"n\": 1 }";
    let expected = json!({ "url": "https://a/\"//b", "n": 1 });
    assert_eq!(Format::Jsonc.value(text.as_bytes()), Some(expected));
    assert_eq!(Format::Json.value(text.as_bytes()), None);
    assert_eq!(Format::Jsonc.value(b"{} /* no end"), None);
}

#[test]
fn the_file_of_the_github_cli_is_read() {
    let text = "github.com:\n    user: ann\n    oauth_token: gho_x\n    git_protocol: https\n    note:\n";
    let expected = json!({
        "github.com": { "user": "ann", "oauth_token": "gho_x", "git_protocol": "https", "note": null },
    });
    assert_eq!(Format::Yaml.value(text.as_bytes()), Some(expected));
}

#[test]
fn yaml_that_grows_or_means_two_things_is_refused() {
    assert_eq!(Format::Yaml.value(b"a: [\"\", '', ~, x]"), Some(json!({ "a": ["", "", null, "x"] })));
    let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
    for bad in ["a: &x 1\nb: *x", "a: 1\na: 2", "[a, b]: 1", "a: 1\n---\nb: 2", "", "a: [", &deep] {
        assert_eq!(Format::Yaml.value(bad.as_bytes()), None, "{bad}");
    }
    assert!(Format::Yaml.value(&deep.as_bytes()[1..deep.len() - 1]).is_some(), "64 levels are read");
}

#[test]
fn toml_is_read() {
    assert_eq!(Format::Toml.value(b"[auth]\ntoken = \"t\""), Some(json!({ "auth": { "token": "t" } })));
    assert_eq!(Format::Toml.value(b"[auth"), None);
}

proptest! {
    /// Plain JSON means the same with and without comments allowed.
    #[test]
    fn plain_json_has_no_comments(text in "\\PC{0,40}", key in "\\PC{0,10}") {
        let value = json!({ key: [text] });
        prop_assert_eq!(Format::Jsonc.value(value.to_string().as_bytes()), Some(value));
    }

    #[test]
    fn no_contents_make_a_format_panic(contents in proptest::collection::vec(any::<u8>(), 0..200)) {
        for format in [Format::Json, Format::Jsonc, Format::Yaml, Format::Toml] {
            let _ = format.value(&contents);
        }
    }

    #[test]
    fn no_text_makes_a_format_panic(text in "[-a{}\\[\\]:,&*!|>'\"#%@?~ \\n\\t/=]{0,60}") {
        for format in [Format::Jsonc, Format::Yaml, Format::Toml] {
            let _ = format.value(text.as_bytes());
        }
    }
}
