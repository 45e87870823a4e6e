use std::{fs, path::Path};

use super::*;

fn environment(variables: &[(&str, &str)]) -> Environment {
    let home = [("HOME", "/home/ann")];
    home.iter().chain(variables).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn flags(flags: &[(&str, &str)]) -> Vec<(String, String)> {
    flags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn load(variables: &[(&str, &str)], file: &str, flag: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("anteroom.toml");
    fs::write(&path, file).unwrap();
    Config::load(&Layers::gather(&environment(variables), Some(&path), &flags(flag))?)
}

fn refusal(variables: &[(&str, &str)], file: &str, flag: &[(&str, &str)]) -> String {
    load(variables, file, flag).unwrap_err().to_string()
}

fn source_of(config: &Config, key: &str) -> Source {
    config.shown().iter().find(|shown| shown.key == key).unwrap().source.clone()
}

#[test]
fn every_default_is_valid() {
    let config = load(&[], "", &[]).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:4000");
    assert_eq!(config.state_dir, Path::new("/home/ann/.local/state/anteroom"));
    assert_eq!(config.image_dir, Path::new("/home/ann/.cache/anteroom/images"));
    assert_eq!(config.browser_vm, VmShape { vcpus: 2, memory_mib: 4096 });
    assert_eq!(config.cli_vm, VmShape { vcpus: 2, memory_mib: 2048 });
    assert_eq!((config.rate_limit.requests, config.rate_limit.window), (1000, Duration::from_secs(900)));
    assert_eq!(config.session.idle, Duration::from_secs(1800));
    assert!(config.shown().iter().all(|shown| shown.source == Source::Default));
}

#[test]
fn a_later_layer_wins_and_its_place_is_known() {
    let file = "listen = \"127.0.0.1:1\"\n[vm]\ndisk_mib = 100\n[vm.browser]\nmemory_mib = 512\n";
    let variables = [("ANTEROOM_LISTEN", "127.0.0.1:2"), ("ANTEROOM_VM_DISK_MIB", "200")];
    let config = load(&variables, file, &[("listen", "127.0.0.1:3")]).unwrap();
    assert_eq!((config.listen.port(), config.vm_disk_mib, config.browser_vm.memory_mib), (3, 200, 512));
    assert_eq!(source_of(&config, "listen"), Source::Flag { flag: "listen".into() });
    assert_eq!(
        source_of(&config, "vm.disk_mib"),
        Source::Environment { variable: "ANTEROOM_VM_DISK_MIB".into() }
    );
    assert!(matches!(source_of(&config, "vm.browser.memory_mib"), Source::File { line: 5, .. }));
}

#[test]
fn the_old_variables_still_count_but_ours_go_first() {
    let old = [
        ("PORT", "5000"),
        ("BROWSER_VM_MEMORY_MB", "1024"),
        ("BROWSER_VM_VCPU", "4"),
        ("CLI_VM_MEMORY_MB", "768"),
        ("CLI_VM_VCPU", "1"),
        ("RATE_LIMIT_MAX_REQUESTS", "7"),
        ("RATE_LIMIT_WINDOW_MS", "60000"),
    ];
    let config = load(&old, "", &[]).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:5000");
    assert_eq!(config.browser_vm, VmShape { vcpus: 4, memory_mib: 1024 });
    assert_eq!(config.cli_vm, VmShape { vcpus: 1, memory_mib: 768 });
    let small = load(&[("CLI_VM_MEMORY_MB", "256")], "", &[]).unwrap_err().to_string();
    assert!(small.contains("vm.cli.memory_mib") && small.contains("512"), "{small}");
    assert_eq!((config.rate_limit.requests, config.rate_limit.window), (7, Duration::from_secs(60)));
    let both = [("PORT", "5000"), ("ANTEROOM_LISTEN", "0.0.0.0:6000")];
    assert_eq!(load(&both, "", &[]).unwrap().listen.to_string(), "0.0.0.0:6000");
}

#[test]
fn every_setting_can_be_set_from_every_layer() {
    for key in KEYS {
        let text = key.default_text(&directories::Directories::of(&environment(&[])));
        let config = load(&[(&key.variable(), &text)], "", &[]).unwrap();
        assert_eq!(source_of(&config, key.name), Source::Environment { variable: key.variable() });
        let config = load(&[], "", &[(key.name, &text)]).unwrap();
        assert_eq!(source_of(&config, key.name), Source::Flag { flag: key.name.into() });
        let config = load(&[], &format!("{} = {text:?}", key.name), &[]).unwrap();
        assert!(matches!(source_of(&config, key.name), Source::File { line: 1, .. }), "{}", key.name);
    }
}

#[test]
fn an_unknown_setting_is_refused_with_the_one_that_was_meant() {
    let in_file = refusal(&[], "listen = \"127.0.0.1:1\"\n[vm]\ndisc_mib = 5\n", &[]);
    assert!(in_file.contains(":3: unknown setting \"vm.disc_mib\", did you mean vm.disk_mib?"), "{in_file}");
    let in_flag = refusal(&[], "", &[("lisen", "127.0.0.1:1")]);
    assert_eq!(in_flag, "command line: unknown setting \"lisen\", did you mean listen?");
    let far = refusal(&[], "colour = \"red\"", &[]);
    assert!(far.ends_with("`anteroom config show` lists them all"), "{far}");
}

#[test]
fn an_unknown_variable_is_a_warning_because_others_share_the_prefix() {
    let config = load(&[("ANTEROOM_LISTNE", "x"), ("ANTEROOM_API_KEY", "k")], "", &[]).unwrap();
    assert_eq!(
        config.warnings(),
        ["the variable ANTEROOM_LISTNE is no setting, did you mean ANTEROOM_LISTEN?"]
    );
}

#[test]
fn what_a_vm_may_do_with_the_hosts_disk_has_no_limit_until_it_gets_one() {
    let read = |flags: &[(&str, &str)]| load(&[], "", flags).unwrap();
    assert_eq!(read(&[]).vm_disk_rate, Rate::default());
    let limited = read(&[("vm.disk_mib_per_second", "100"), ("vm.disk_operations_per_second", "2000")]);
    let expected = Rate { bytes: Some(100 * 1024 * 1024), operations: Some(2000) };
    assert_eq!((limited.vm_disk_rate, limited.firecracker.host_disk), (expected, expected));
}

#[test]
fn a_bad_value_is_refused_with_its_place_and_what_is_expected() {
    let cases = [
        ("listen", "4000", "an address and a port"),
        ("vm.browser.vcpus", "0", "a number from 1 to 64"),
        ("vm.browser.memory_mib", "4 GB", "a number from 64 to 1048576"),
        ("vm.disk_mib_per_second", "0", "a number from 1 to"),
        ("vm.max", "many", "auto, or a number"),
        ("launch.at_once", "0", "auto, or a number"),
        ("launch.waiting", "-1", "a number from 0 to 1000"),
        ("session.idle_limit", "30", "a time such as"),
        ("session.idle_limit", "0s", "a time such as"),
        ("session.idle_limit", "99999999999999999999h", "a time such as"),
        ("image_kernel", "mine", "stock or custom"),
        ("qemu.accel", "hvf", "auto, kvm or tcg"),
        ("network.hosts", "auth.example.com", "name=IPv4 address"),
        ("network.forwards", "10.0.2.100=127.0.0.1:1", "guest address:port"),
        ("network.forwards", "10.0.9.1:1=127.0.0.1:1", "expected a free address in 10.0.2.0/24"),
        ("network.reach", "nothing", "everything or forwards-only"),
        ("frame_ancestors", "'self'; script-src *", "CSP sources"),
        ("public_url", "ftp://x", "an http or https address"),
        ("public_url", "https://example.com/anteroom", "without path"),
        ("webhook.url", "ftp://x", "an http or https address"),
        ("webhook.include_credentials", "yes", "true or false"),
        ("log.format", "xml", "text or json"),
        ("log.filter", "a=b=c", "error, warn"),
    ];
    for (key, text, expected) in cases {
        let error = refusal(&[], "", &[(key, text)]);
        assert!(error.starts_with(&format!("{key} is ")) && error.contains(expected), "{error}");
        assert!(error.contains(&format!("(flag {key})")), "{error}");
    }
}

#[test]
fn lists_and_tables_of_a_file_mean_the_same_as_their_texts() {
    let file = r#"
allowed_hosts = ["a.example", "B.example"]
[network]
forwards = ["10.0.2.100:443=127.0.0.1:8443"]
[network.hosts]
"auth.openai.com" = "10.0.2.100"
"#;
    let config = load(&[], file, &[]).unwrap();
    assert_eq!(config.allowed_hosts, ["a.example", "b.example"]);
    assert_eq!(config.network.hosts["auth.openai.com"], Ipv4Addr::new(10, 0, 2, 100));
    let Network::User(guest) = config.network.guest else { panic!("the guests have no network") };
    assert_eq!(guest.forwards[0].host.port(), 8443);
}

#[test]
fn a_file_with_a_wrong_shape_is_refused_with_the_line() {
    assert!(refusal(&[], "\nvm = 3", &[]).contains(":2: vm cannot hold a value: it is a table"));
    assert!(refusal(&[], "listen = 1.5", &[]).contains(":1: listen cannot hold"));
    assert!(refusal(&[], "allowed_hosts = [[\"a\"]]", &[]).contains("cannot hold"));
    assert!(refusal(&[], "listen = ", &[]).contains("line 1"));
}

#[test]
fn a_missing_file_that_was_asked_for_is_an_error() {
    let asked = Layers::gather(&environment(&[]), Some(Path::new("/nowhere/anteroom.toml")), &[]);
    assert!(asked.unwrap_err().to_string().contains("/nowhere/anteroom.toml"));
}

#[test]
fn without_a_home_a_service_keeps_its_things_under_var() {
    let config = Config::load(&Layers::gather(&Environment::new(), None, &[]).unwrap()).unwrap();
    assert_eq!(config.state_dir, Path::new("/var/lib/anteroom"));
    assert_eq!(config.image_dir, Path::new("/var/cache/anteroom/images"));
}

const WEBHOOK_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[test]
fn a_webhook_needs_one_secret_and_sends_credentials_only_where_nobody_can_read_them() {
    assert!(load(&[], "", &[]).unwrap().webhook.is_none());
    let url = ("webhook.url", "https://app.example.com/hook");
    let secret = ("ANTEROOM_WEBHOOK_SECRET", WEBHOOK_SECRET);
    let webhook = load(&[secret], "", &[url]).unwrap().webhook.unwrap();
    assert_eq!((webhook.url.as_str(), webhook.enclosure), (url.1, Enclosure::Nothing));
    assert!(matches!(webhook.secret, SecretSource::Here(_)));
    let file = load(&[], "", &[url, ("webhook.secret_file", "/x")]).unwrap().webhook.unwrap();
    assert!(matches!(file.secret, SecretSource::File(_)));
    let neither = refusal(&[], "", &[url]);
    assert!(
        neither.starts_with("webhook.secret is \"\"") && neither.contains("webhook.secret_file"),
        "{neither}"
    );
    let both = refusal(&[secret], "", &[url, ("webhook.secret_file", "/x")]);
    assert!(both.contains("nothing beside webhook.secret"), "{both}");
    let enclose = ("webhook.include_credentials", "true");
    for good in ["https://app.example.com/", "http://127.0.0.1:1/", "http://[::1]:1/", "http://localhost:1/"]
    {
        let webhook = load(&[secret], "", &[("webhook.url", good), enclose]).unwrap().webhook.unwrap();
        assert_eq!(webhook.enclosure, Enclosure::Credentials);
    }
    let plain = refusal(&[secret], "", &[("webhook.url", "http://app.example.com/"), enclose]);
    assert!(plain.contains("neither https nor this machine"), "{plain}");
    let user = refusal(&[secret], "", &[("webhook.url", "https://a:b@app.example.com/")]);
    assert!(user.contains("without user and password"), "{user}");
}

#[test]
fn a_secret_setting_is_never_shown_and_not_taken_from_the_command_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("anteroom.toml");
    let gather = |text: &str| {
        fs::write(&path, text).unwrap();
        Layers::gather(&environment(&[]), Some(&path), &[])
    };
    let layers =
        gather(&format!("webhook.secret = {WEBHOOK_SECRET:?}\nwebhook.url = \"https://x.example\"")).unwrap();
    let config = Config::load(&layers).unwrap();
    let shown = serde_json::to_string(config.shown()).unwrap();
    for text in [shown, format!("{layers:?} {config:?}")] {
        assert!(!text.contains("MfKQ"), "{text}");
    }
    assert_eq!(config.shown().iter().find(|shown| shown.key == "webhook.secret").unwrap().value, "(set)");
    assert!(config.warnings()[0].contains("readable by others"), "{:?}", config.warnings());

    let flag = refusal(&[], "", &[("webhook.secret", WEBHOOK_SECRET)]);
    assert!(flag.contains("ANTEROOM_WEBHOOK_SECRET") && !flag.contains("MfKQ"), "{flag}");
    let bad = refusal(&[("ANTEROOM_WEBHOOK_SECRET", "hunter2")], "", &[]);
    assert!(bad.contains("whsec_ and 24 to 64") && !bad.contains("hunter2"), "{bad}");
    let unquoted =
        gather("listen = \"127.0.0.1:1\"\nwebhook.secret = whsec_hunter2").unwrap_err().to_string();
    assert!(unquoted.contains("line 2") && !unquoted.contains("hunter2"), "{unquoted}");
}

#[test]
fn each_way_of_the_clipboard_is_closed_by_itself() {
    let open = |variables: &[(&str, &str)]| load(variables, "", &[]).unwrap().clipboard;
    assert_eq!(open(&[]), Directions::BOTH);
    let out_only = Directions { to_desktop: false, from_desktop: true };
    assert_eq!(open(&[("ANTEROOM_DESKTOP_CLIPBOARD_IN", "false")]), out_only);
    let in_only = Directions { to_desktop: true, from_desktop: false };
    assert_eq!(open(&[("ANTEROOM_DESKTOP_CLIPBOARD_OUT", "false")]), in_only);
    let error = refusal(&[("ANTEROOM_DESKTOP_CLIPBOARD_OUT", "perhaps")], "", &[]);
    assert!(error.contains("desktop.clipboard_out") && error.contains("true or false"), "{error}");
}
