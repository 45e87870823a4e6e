use super::*;
use crate::recipe::{EMBEDDED, LayerSpec, Recipe};

const LOCK: &str = r#"{
  "lockfileVersion": 3,
  "packages": {
    "": { "name": "project" },
    "node_modules/tool-linux-x64": { "name": "tool", "version": "1.0.0-linux-x64", "integrity": "sha512-AA==" },
    "node_modules/@scope/cli": { "version": "2.0.0", "integrity": "sha512-BB==", "license": "MIT" },
    "node_modules/native": { "version": "3.0.0", "optional": true }
  }
}"#;

#[test]
fn what_was_installed_is_listed_under_its_real_name() {
    let lock: Lock = serde_json::from_str(LOCK).unwrap();
    let packages = lock.installed(|path| path != "node_modules/native");
    let listed: Vec<_> =
        packages.iter().map(|package| (package.name.as_str(), package.version.as_str())).collect();
    assert_eq!(listed, [("@scope/cli", "2.0.0"), ("tool", "1.0.0-linux-x64")]);
    assert_eq!(packages[1].integrity.as_deref(), Some("sha512-AA=="));
}

#[test]
fn every_lock_file_pins_versions_by_hash_and_names_no_registry() {
    for (name, _) in EMBEDDED {
        let recipe = Recipe::embedded(name).unwrap();
        let Some(LayerSpec::Npm(spec)) = recipe.layer(&recipe.profiles["dev"][1]) else { panic!("{name}") };
        let file = |wanted: &str| {
            let (_, contents) = spec.project.files().find(|(file, _)| *file == wanted).unwrap();
            serde_json::from_slice::<serde_json::Value>(contents).unwrap()
        };
        let (package, lock) = (file("package.json"), file("package-lock.json"));
        assert_eq!(lock["lockfileVersion"], 3);
        assert_eq!(lock["packages"][""]["dependencies"], package["dependencies"]);
        for (path, locked) in
            lock["packages"].as_object().unwrap().iter().filter(|(path, _)| !path.is_empty())
        {
            assert!(locked["integrity"].as_str().is_some_and(|hash| hash.starts_with("sha512-")), "{path}");
            assert!(locked["resolved"].is_null(), "{path}");
        }
        for (dependency, wanted) in package["dependencies"].as_object().unwrap() {
            let wanted = wanted.as_str().unwrap().rsplit('@').next().unwrap();
            assert_eq!(lock["packages"][format!("node_modules/{dependency}")]["version"], wanted);
        }
    }
}
