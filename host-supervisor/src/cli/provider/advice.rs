//! What to write instead of a mistake: a line as it could stand in the file.

use anteroom_protocol::provider::Mistake;

/// The table, the key, and what a right line looks like. Used for what is missing, misspelt or of the wrong type.
const EXAMPLES: &[(&str, &str, &str)] = &[
    ("", "id", "id = \"example_cli\""),
    ("", "name", "name = \"Example CLI\""),
    ("", "versions_tested", "versions_tested = [\"1.2.3\"]"),
    ("", "launch", "[launch.browser]"),
    ("", "url", "[[url]]"),
    ("", "callback", "[callback]"),
    ("", "device", "[device]"),
    ("", "manual", "[manual]"),
    ("", "credential", "[[credential]]"),
    ("", "verify", "[verify]"),
    ("", "prompt", "[prompt]"),
    ("launch", "title", "title = \"With a one-time code\""),
    ("launch", "argv", "argv = [\"example\", \"login\"]"),
    ("launch", "env", "env = { EXAMPLE_NO_KEYRING = \"1\" }"),
    ("launch", "unset", "unset = [\"EXAMPLE_API_KEY\"]"),
    ("launch", "files", "files = { \".example/settings.json\" = \"{}\" }"),
    ("launch", "steps", "steps = [{ expect = 'Continue\\?', send = \"y\\r\" }]"),
    ("launch", "expect", "expect = 'Continue\\?'"),
    ("launch", "send", "send = \"y\\r\""),
    ("url", "scheme", "scheme = \"https\""),
    ("url", "host", "host = \"auth.example.com\""),
    ("url", "port", "port = 8443"),
    ("url", "path", "path = \"/oauth/authorize\""),
    ("url", "kind", "kind = \"callback\"   # or manual, device, ticket"),
    ("url", "require_query", "require_query = [\"client_id\", \"redirect_uri\", \"state\"]"),
    ("url", "query", "query = { client_id = \"example\" }"),
    ("url", "dedupe", "dedupe = \"state\""),
    ("url", "dedupe_pattern", "dedupe_pattern = '^[A-Z]-([0-9a-f]{32})$'"),
    ("callback", "path", "path = \"/callback\""),
    ("callback", "ports", "ports = [1455]"),
    ("callback", "follow_local_redirects", "follow_local_redirects = true"),
    ("callback", "success_location", "success_location = '/signed-in$'"),
    ("callback", "http_probe_safe", "http_probe_safe = true"),
    ("device", "user_code", "user_code = 'one-time code: ([A-Z0-9]{4}-[A-Z0-9]{4})\\s'"),
    ("device", "lifetime_s", "lifetime_s = 900"),
    ("manual", "prompt", "prompt = 'Paste the code'"),
    ("manual", "template", "template = \"{code}#{state}\""),
    ("manual", "page", "page = { host = \"auth.example.com\", path = \"/code\" }"),
    ("manual", "host", "host = \"auth.example.com\""),
    ("manual", "path", "path = \"/code\""),
    ("credential", "path", "path = \".example/credentials.json\""),
    ("credential", "format", "format = \"json\"   # or jsonc, yaml, toml, terminal"),
    ("credential", "write", "write = \"rename\"   # or in-place"),
    ("credential", "require", "require = [\"tokens.access_token\"]"),
    ("credential", "pattern", "pattern = 'example-[0-9a-z]{40}'"),
    ("credential", "keys", "keys = [\"account\"]"),
    ("credential", "settle_ms", "settle_ms = 500"),
    ("verify", "argv", "argv = [\"example\", \"whoami\"]"),
    ("verify", "ok_rc", "ok_rc = 0"),
    ("prompt", "argv", "argv = [\"example\", \"run\", \"--json\"]"),
    ("prompt", "model_argv", "model_argv = [\"--model\", \"{model}\"]"),
    ("prompt", "env", "env = { EXAMPLE_NO_KEYRING = \"1\" }"),
    ("prompt", "unset", "unset = [\"EXAMPLE_API_KEY\"]"),
    ("prompt", "files", "files = { \".example/settings.json\" = \"{}\" }"),
    ("prompt", "output", "output = \"json-lines\"   # or text"),
    ("prompt", "text", "text = [{ when = { type = \"delta\" }, take = \"delta.text\" }]"),
    ("prompt", "usage", "usage = [{ when = { type = \"end\" }, take = \"usage\" }]"),
    ("prompt", "failure", "failure = [{ code = \"token_refused\", pattern = 'invalid_grant' }]"),
    ("prompt", "when", "when = { type = \"delta\" }"),
    ("prompt", "take", "take = \"delta.text\""),
    ("prompt", "code", "code = \"token_refused\"   # or not_signed_in, usage_limit"),
    ("prompt", "pattern", "pattern = 'invalid_grant'"),
];

/// `None` where the mistake itself says all that can be said.
pub(super) fn advice(mistake: &Mistake) -> Option<&'static str> {
    let (table, key) = asked(mistake);
    let here = || EXAMPLES.iter().filter(|(of, _, _)| *of == table);
    let exact = here().find(|(_, known, _)| *known == key);
    let likely = || {
        let likeness = here().map(|example| (strsim::jaro_winkler(key, example.1), example));
        let near = likeness.filter(|(likeness, _)| *likeness > 0.7).max_by(|(a, _), (b, _)| a.total_cmp(b));
        near.map(|(_, example)| example)
    };
    exact.or_else(likely).map(|(_, _, line)| *line)
}

/// The kind of table and the key in it that the mistake is about: for `url[1]` without a host, `url` and `host`.
fn asked(mistake: &Mistake) -> (&str, &str) {
    let (table, rest) = mistake.field.split_once(['.', '[']).unwrap_or(("", &mistake.field));
    if let Some((_, missing)) = mistake.problem.split_once("missing field `") {
        let key = missing.split('`').next().unwrap_or_default();
        // A field of the file itself is its own name.
        return if key == mistake.field { ("", key) } else { (table, key) };
    }
    let named = |step: &&str| !step.is_empty() && !step.bytes().all(|b| b.is_ascii_digit());
    (table, rest.split(['.', '[', ']']).rfind(named).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use anteroom_protocol::provider::ProviderDefinition;

    use super::*;

    #[test]
    fn every_advice_is_itself_right() {
        for (table, key, line) in EXAMPLES {
            let (start, good) = match *table {
                "" => continue,
                "launch" if ["expect", "send"].contains(key) => {
                    ("[[launch.browser.steps]]", "expect = 'x'\nsend = \"x\"")
                }
                "launch" => ("[launch.browser]", "argv = [\"x\"]"),
                "url" => ("[[url]]", "host = \"x\"\npath = \"/\"\nkind = \"callback\""),
                "callback" => ("[callback]", "path = \"/\""),
                "device" => ("[device]", "user_code = 'x'"),
                "manual" if ["host", "path"].contains(key) => {
                    ("[manual]\nprompt = 'x'\n[manual.page]", "host = \"x\"\npath = \"/\"")
                }
                "manual" => ("[manual]", "prompt = 'x'"),
                "credential" if *key == "pattern" => {
                    ("[[credential]]", "path = \"x\"\nformat = \"terminal\"")
                }
                "credential" => ("[[credential]]", "path = \"x\""),
                "verify" => ("[verify]", "argv = [\"x\"]"),
                "prompt" if ["when", "take"].contains(key) => {
                    ("[prompt]\nargv = [\"x\"]\noutput = \"json-lines\"\n[[prompt.text]]", "take = \"x\"")
                }
                "prompt" if ["code", "pattern"].contains(key) => (
                    "[prompt]\nargv = [\"x\"]\n[[prompt.failure]]",
                    "code = \"token_refused\"\npattern = 'x'",
                ),
                "prompt" => {
                    ("[prompt]", "argv = [\"x\"]\noutput = \"json-lines\"\ntext = [{ take = \"x\" }]")
                }
                other => panic!("{other}"),
            };
            let others = good.lines().filter(|other| !other.starts_with(&format!("{key} =")));
            let part: Vec<&str> = std::iter::once(start).chain(others).chain([*line]).collect();
            let whole = [
                "[launch.browser]\nargv = [\"x\"]",
                "[[url]]\nhost = \"x\"\npath = \"/\"\nkind = \"device\"",
            ]
            .into_iter()
            .filter(|filler| !filler.starts_with(start))
            .chain([part.join("\n").as_str(), "[[credential]]\npath = \"y\"\nrequire = [\"a\"]"])
            .collect::<Vec<_>>()
            .join("\n");
            let text = format!("id = \"x\"\nname = \"x\"\n{whole}\n");
            let read = ProviderDefinition::parse(&text);
            assert!(read.is_ok(), "{line}: {}\n{text}", read.unwrap_err());
        }
    }

    #[test]
    fn every_key_of_the_format_has_its_advice() {
        for (_, text) in crate::providers::EMBEDDED {
            let json = serde_json::to_value(ProviderDefinition::parse(text).unwrap()).unwrap();
            for (table, value) in json.as_object().unwrap() {
                assert!(EXAMPLES.iter().any(|(of, key, _)| of.is_empty() && key == table), "{table}");
                let parts: Vec<_> = match value {
                    serde_json::Value::Array(items) => items.iter().collect(),
                    serde_json::Value::Object(named) if table == "launch" => named.values().collect(),
                    other => vec![other],
                };
                for key in parts.into_iter().filter_map(|part| part.as_object()).flat_map(|part| part.keys())
                {
                    assert!(
                        EXAMPLES.iter().any(|(of, known, _)| of == table && known == key),
                        "{table}.{key}"
                    );
                }
            }
        }
    }

    fn about(field: &str, problem: &str) -> Option<&'static str> {
        advice(&Mistake { field: field.into(), problem: problem.into(), place: None })
    }

    #[test]
    fn what_is_missing_or_misspelt_is_written_out() {
        assert_eq!(about("id", "missing field `id`"), Some("id = \"example_cli\""));
        assert_eq!(about("url[0]", "missing field `host`"), Some("host = \"auth.example.com\""));
        assert_eq!(about("launch.browser.unsett", "unknown field"), Some("unset = [\"EXAMPLE_API_KEY\"]"));
        assert_eq!(about("launch.browser.steps[0].expekt", "unknown"), Some("expect = 'Continue\\?'"));
        assert_eq!(about("credental", "unknown field"), Some("[[credential]]"));
        assert_eq!(about("credential[2].zzz", "unknown field"), None);
        assert_eq!(about("", "unclosed string"), None);
    }
}
