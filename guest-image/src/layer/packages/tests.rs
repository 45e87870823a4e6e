use super::*;
use crate::recipe::{EMBEDDED, LayerSpec, Recipe};

/// One argument a line, as reviewed: a change here changes what is installed, as root of a namespace, on every host.
fn golden(recipe: &str) -> &'static str {
    match recipe {
        "debian-12" => include_str!("golden/debian-12.txt"),
        "debian-12-google-chrome" => include_str!("golden/debian-12-google-chrome.txt"),
        "ubuntu-22.04" => include_str!("golden/ubuntu-22.04.txt"),
        other => panic!("no golden file for {other}"),
    }
}

#[test]
fn the_command_lines_of_the_embedded_recipes_are_the_reviewed_ones() {
    for (name, _) in EMBEDDED {
        let recipe = Recipe::embedded(name).unwrap();
        let Some(LayerSpec::Packages(spec)) = recipe.layer(&recipe.profiles["dev"][0]) else {
            panic!("{name}")
        };
        let arguments = arguments(spec, &recipe.archives).join("\n") + "\n";
        assert_eq!(arguments, golden(name), "{name}");
    }
}

#[test]
fn only_installed_packages_are_listed() {
    let status = "Package: bash\nStatus: install ok installed\nVersion: 5.2.15-2+b7\nDescription: a shell\n more\n\n\
                  Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n\
                  Package: xterm\nStatus: install ok installed\nVersion: 379-1\n";
    let packages = installed_packages(status.as_bytes());
    let listed: Vec<_> =
        packages.iter().map(|package| (package.name.as_str(), package.version.as_str())).collect();
    assert_eq!(listed, [("bash", "5.2.15-2+b7"), ("xterm", "379-1")]);
}

#[test]
fn a_tee_hands_on_all_that_is_read() {
    let mut copy = Vec::new();
    let mut tee = Tee { from: &b"some bytes"[..], to: &mut copy };
    assert_eq!(io::read_to_string(&mut tee).unwrap(), "some bytes");
    assert_eq!(copy, b"some bytes");
}
