use std::fs;

use super::*;
use crate::config::{Environment, Layers};

/// Settings of a machine whose home is this directory.
fn config(home: &Path) -> Config {
    let at = |name: &str| home.join(name).display().to_string();
    let flags = [("providers_dir", at("providers")), ("image_dir", at("images")), ("state_dir", at("state"))]
        .map(|(key, value)| (key.to_owned(), value));
    Config::load(&Layers::gather(&Environment::new(), None, &flags).unwrap()).unwrap()
}

fn open(config: &Config) -> Catalogue {
    Catalogue::open(config, Image::configured(config)).unwrap()
}

fn words_of(id: &str) -> String {
    let (_, text) = providers::EMBEDDED.iter().find(|(name, _)| *name == format!("{id}.toml")).unwrap();
    let lines = words::of(&ProviderDefinition::parse(text).unwrap());
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_definition_is_told_in_words() {
    let expected = "\
tested    with 2.23.0
command   gh auth login --web --hostname github.com --git-protocol https
          without GH_CONFIG_DIR, GH_TOKEN, GITHUB_TOKEN, XDG_CONFIG_HOME in its environment
          when it shows /Authenticate Git with your GitHub credentials/, Enter is typed
          when it shows /Press Enter to open/, Enter is typed
page      https://github.com/login/device; the code that the terminal shows is typed there
code      what the terminal shows as /one-time code: ([A-Z0-9]{4}-[A-Z0-9]{4})\\s/, good for 900 s
proof     ~/.config/gh/hosts.yml, YAML, with \"github.com\".oauth_token, \"github.com\".user; 500 ms after its last change
check     gh auth token ends with code 0
";
    assert_eq!(words_of("github_cli"), expected);
}

#[test]
fn what_else_a_definition_can_hold_is_told_too() {
    let claude = words_of("claude_code");
    assert!(
        claude.contains("besides   ~/.claude.json, JSON; only oauthAccount, hasCompletedOnboarding is kept")
    );
    assert!(claude.contains("; it shows a code to paste into the terminal"));
    let codex = words_of("codex");
    assert!(
        codex.contains(
            "callback  /auth/callback on port 1455 or 1457; the CLI's own redirects are followed\n"
        )
    );
    let gemini = words_of("gemini_cli");
    assert!(gemini.contains("          with GOOGLE_GENAI_USE_GCA=true in its environment\n"));
    assert!(gemini.contains(r#"is typed"#) && gemini.contains(r#""y" and Enter"#), "{gemini}");
    assert!(gemini.contains("          ~/.gemini/settings.json is written before\n"));
    let copilot = words_of("github_copilot");
    let device = "\ndevice    copilot login --device-code\n          offered as \"With a one-time code\"\n";
    assert!(copilot.contains(device), "{copilot}");
    let token = words_of("claude_setup_token");
    let paste = r"paste     when the terminal shows /Paste\s*code\s*here/, as {code}#{state}; the address of https://platform.claude.com/oauth/code/callback will do";
    assert!(token.lines().any(|line| line == paste), "{token}");
    let shown = "proof     what the terminal shows as /sk-ant-oat01-[A-Za-z0-9_-]{80,}/, kept as CLAUDE_CODE_OAUTH_TOKEN";
    assert!(token.lines().any(|line| line == shown), "{token}");
}

#[test]
fn a_definition_from_anywhere_cannot_write_to_the_terminal() {
    let line = words::Line::from(("command", "x\u{1b}[2J".to_owned()));
    assert_eq!(line.to_string(), "command   x\u{fffd}[2J");
}

#[test]
fn a_wrong_file_ends_with_the_code_of_a_usage_error_and_every_mistake() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("x.toml");
    fs::write(&file, providers::EMBEDDED[0].1.replace("unset", "unsett").replace("kind", "kid")).unwrap();
    let problem = check(&file).unwrap_err();
    assert_eq!(problem.exit, Exit::Usage);
    assert!(problem.to_string().ends_with("x.toml: 5 mistakes"), "{problem}");
    assert!(problem.detail_lines.iter().any(|line| line == "  write: unset = [\"EXAMPLE_API_KEY\"]"));
    assert_eq!(check(&home.path().join("none.toml")).unwrap_err().exit, Exit::Usage);
    fs::write(&file, providers::EMBEDDED[0].1).unwrap();
    assert_eq!(check(&file).unwrap(), Exit::Ok);
}

#[test]
fn the_catalogue_says_where_a_definition_is_from_and_what_the_image_lacks() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("providers")).unwrap();
    let own = home.path().join("providers/mine.toml");
    fs::write(&own, providers::EMBEDDED[0].1).unwrap();
    fs::write(home.path().join("providers/bad.toml"), "id = ").unwrap();
    let mut catalogue = open(&config(home.path()));
    let entry = |catalogue: &Catalogue, id: &str| {
        catalogue.entry(catalogue.known.iter().find(|known| known.definition.id == id).unwrap())
    };
    let codex = entry(&catalogue, "codex");
    assert_eq!(codex["from"], own.display().to_string());
    assert_eq!(codex["flows"], json!(["callback", "device"]));
    assert_eq!(codex["credentials"], json!([".codex/auth.json"]));
    assert_eq!(codex["missing_programs"], Value::Null, "no image is built here");
    assert_eq!(broken_entry(&catalogue.broken[0])["mistakes"][0]["line"], 1);
    catalogue.image.programs = Some(BTreeSet::from(["codex".to_owned()]));
    assert_eq!(entry(&catalogue, "codex")["missing_programs"], json!([]));
    assert_eq!(entry(&catalogue, "github_cli")["missing_programs"], json!(["gh"]));
    assert_eq!(entry(&catalogue, "github_cli")["from"], "built in");
    let gh = catalogue.known.iter().find(|known| known.definition.id == "github_cli").unwrap();
    assert_eq!(catalogue.state(&gh.definition), "image desktop lacks gh");
}

#[test]
fn a_provider_that_is_not_there_is_told_which_there_are() {
    let home = tempfile::tempdir().unwrap();
    let catalogue = open(&config(home.path()));
    let problem = show_one(&catalogue, "netlify", false).unwrap_err();
    assert_eq!(problem.exit, Exit::NotFound);
    assert!(problem.to_string().contains("claude_setup_token, codex"), "{problem}");
}
