use super::*;

fn spec(name: &str, after: &[&str]) -> ServiceSpec {
    let text = format!(
        "name = {name:?}\ncommand = [\"/bin/true\"]\nuser = \"root\"\nafter = {after:?}\nreadiness.protocol = \"started\""
    );
    ServiceSpec::parse(&text, Path::new(&format!("/services/{name}.toml"))).unwrap()
}

#[test]
fn the_services_of_the_image_are_read() {
    let directory =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-image/files/desktop/usr/lib/anteroom/services");
    let set = ServiceSet::load(&directory).unwrap();
    let desktop: Vec<&str> =
        set.0.values().filter(|spec| spec.desktop).map(|spec| spec.name.as_str()).collect();
    assert_eq!(desktop, ["oauth", "openbox-session", "terminal", "x11vnc", "xvfb"]);
}

#[test]
fn a_service_that_needs_itself_by_a_detour_is_refused() {
    let error = ServiceSet::of(vec![spec("a", &["c"]), spec("b", &["a"]), spec("c", &["b"]), spec("d", &[])]);
    assert!(matches!(error, Err(SpecError::Cycle(name)) if name == "a"));
}

#[test]
fn a_dependency_that_does_not_exist_is_named() {
    let error = ServiceSet::of(vec![spec("a", &["nobody"])]).unwrap_err();
    assert_eq!(error.to_string(), "service a comes after \"nobody\", which does not exist");
}

#[test]
fn an_unknown_key_and_a_wrong_file_name_are_refused() {
    let good = "name = \"a\"\ncommand = [\"x\"]\nuser = \"root\"\nreadiness.protocol = \"started\"\n";
    let parse = |text: &str, path: &str| ServiceSpec::parse(text, Path::new(path));
    assert!(parse(good, "a.toml").is_ok());
    assert!(matches!(parse(good, "b.toml"), Err(SpecError::Name(..))));
    assert!(matches!(parse(&format!("{good}colour = 1\n"), "a.toml"), Err(SpecError::Syntax { .. })));
    assert!(matches!(parse(&good.replace("[\"x\"]", "[]"), "a.toml"), Err(SpecError::NoCommand(_))));
}

#[test]
fn the_vnc_server_carries_a_clipboard_only_where_the_host_lets_it() {
    let directory =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-image/files/desktop/usr/lib/anteroom/services");
    let words = |to_desktop, from_desktop| {
        let set =
            ServiceSet::load(&directory).unwrap().with_clipboard(Directions { to_desktop, from_desktop });
        set.0["x11vnc"]
            .command
            .iter()
            .skip_while(|word| *word != "-quiet")
            .skip(1)
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(words(true, true), [""; 0]);
    assert_eq!(words(true, false), ["-seldir", "recv"]);
    assert_eq!(words(false, true), ["-seldir", "send"]);
    assert_eq!(words(false, false), ["-nosel"]);
}
