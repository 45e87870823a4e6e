use proptest::prelude::*;

use super::*;

/// A recipe that is as small as one can be; tests break it in one place each.
const SMALL: &str = r#"
name = "small"
distribution = "Small 1"

[[archive]]
uri = "http://archive.test/debian"
suites = ["stable"]
components = ["main"]
keyring = "/usr/share/keyrings/test.gpg"
keyring_from = "a test"

[kernel]
package = "linux-image"
modules = ["virtio_blk"]

[profiles]
dev = ["base", "demo"]

[packages.base]
include = ["bash"]

[files.demo]
tree = "demo"
"#;

fn error_of(text: &str) -> String {
    chain(Recipe::parse("small.toml", text).unwrap_err())
}

/// An error with its causes, as it is shown to a person.
fn chain(error: RecipeError) -> String {
    let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[test]
fn the_embedded_recipes_can_be_read_and_go_by_their_names() {
    for (name, _) in EMBEDDED {
        let recipe = Recipe::embedded(name).unwrap();
        assert_eq!(recipe.name.as_str(), name);
        assert_eq!(
            recipe.profiles.keys().map(Name::as_str).collect::<Vec<_>>(),
            ["cli", "cli-dev", "cli-test", "desktop", "dev", "test"],
            "{name}"
        );
    }
}

#[test]
fn the_development_profiles_have_every_program_of_a_provider() {
    for (name, _) in EMBEDDED {
        let recipe = Recipe::embedded(name).unwrap();
        let programs = |profile: &str| {
            let layers = recipe.profiles[profile].iter().filter_map(|layer| recipe.layer(layer));
            let mut programs: Vec<_> =
                layers.flat_map(|layer| layer.programs().keys().map(Name::as_str)).collect();
            programs.sort_unstable();
            programs
        };
        // The archive of Ubuntu 22.04 has a GitHub CLI that nobody has tried.
        let gh = (name != "ubuntu-22.04").then_some("gh");
        let expected: Vec<_> = ["anteroom-demo", "claude", "codex", "gemini"].into_iter().chain(gh).collect();
        assert_eq!(programs("dev"), expected, "{name}");
        assert_eq!(programs("cli-dev"), expected, "{name}: what signs in can be asked, too");
    }
}

#[test]
fn the_test_profiles_have_no_browser_and_no_cli() {
    for (name, _) in EMBEDDED {
        let recipe = Recipe::embedded(name).unwrap();
        for layer in recipe.profiles["test"].iter().filter_map(|layer| recipe.layer(layer)) {
            assert_ne!(layer.kind(), "npm", "{name}");
            if let LayerSpec::Packages(spec) = layer {
                let heavy = |package: &PackageName| {
                    ["chrom", "nodejs"].iter().any(|part| package.as_str().contains(part))
                };
                assert!(!spec.include.iter().any(heavy), "{name}");
            }
        }
    }
}

#[test]
fn an_unknown_name_is_answered_with_the_known_ones() {
    let error = Recipe::embedded("debian-13").unwrap_err().to_string();
    assert!(error.contains("debian-13") && error.contains("ubuntu-22.04"), "{error}");
}

#[test]
fn a_small_recipe_is_read_whole() {
    let recipe = Recipe::parse("small.toml", SMALL).unwrap();
    assert_eq!(recipe.profiles["dev"].iter().map(Name::as_str).collect::<Vec<_>>(), ["base", "demo"]);
    assert!(recipe.profiles["dev"].iter().all(|layer| recipe.layer(layer).is_some()));
}

#[test]
fn the_stock_kernel_is_the_default_and_a_custom_one_is_taken_if_the_recipe_has_it() {
    let custom = |name: &str| Recipe::embedded(name).unwrap().with_kernel(KernelKind::Custom);
    let kind = |recipe: Recipe| recipe.kernel_kind();
    assert_eq!(kind(Recipe::embedded("debian-12").unwrap()), KernelKind::Stock);
    assert_eq!(kind(custom("debian-12").unwrap()), KernelKind::Custom);
    assert_eq!(kind(custom("debian-12-google-chrome").unwrap()), KernelKind::Custom);
    assert_eq!(
        custom("ubuntu-22.04").unwrap_err().to_string(),
        "recipe ubuntu-22.04 has no custom kernel: it has no [kernel.custom]"
    );
}

#[test]
fn a_kernel_configuration_that_the_binary_does_not_carry_is_refused() {
    let custom = "[kernel.custom]\nsource = \"linux-source\"\nconfig = \"../linux-6.1\"\n\n[profiles]";
    let error = error_of(&SMALL.replace("[profiles]", custom));
    assert!(error.contains(r#""../linux-6.1" is not one of linux-6.1"#), "{error}");
}

#[test]
fn a_misspelt_key_is_refused_with_its_line() {
    let error = error_of(&SMALL.replace("include =", "includes ="));
    assert!(error.contains("line 20") && error.contains("includes"), "{error}");
}

#[test]
fn a_profile_with_a_layer_that_does_not_exist_is_refused_with_its_line() {
    assert_eq!(
        error_of(&SMALL.replace(r#"["base", "demo"]"#, r#"["base", "dema"]"#)),
        "recipe small.toml, line 17: profile dev stacks the layer dema, which is not defined"
    );
}

#[test]
fn a_layer_cannot_be_stacked_twice_or_defined_twice() {
    let error = error_of(&SMALL.replace(r#"["base", "demo"]"#, r#"["base", "base"]"#));
    assert_eq!(error, "recipe small.toml, line 17: profile dev stacks the layer base twice");
    let error = error_of(&SMALL.replace("[files.demo]", "[files.base]"));
    assert_eq!(error, "recipe small.toml, line 22: there are two layers base");
}

#[test]
fn a_tree_that_the_binary_does_not_carry_is_refused() {
    let error = error_of(&SMALL.replace(r#"tree = "demo""#, r#"tree = "dome""#));
    assert!(
        error.contains("line 23") && error.contains(r#""dome" is not one of cli, demo, desktop"#),
        "{error}"
    );
}

#[test]
fn what_a_shell_would_understand_is_not_a_path_or_a_package() {
    let bad = [
        ("include = [\"bash\"]", "include = [\"bash;reboot\"]"),
        ("include = [\"bash\"]", "include = [\"--hook-dir=/x\"]"),
        ("include = [\"bash\"]", "include = [\"bash\"]\nremove = [\"/usr/$(id)\"]"),
        ("include = [\"bash\"]", "include = [\"bash\"]\nremove = [\"/usr/../etc\"]"),
        ("include = [\"bash\"]", "include = [\"bash\"]\nremove = [\"/\"]"),
        ("suites = [\"stable\"]", "suites = [\"stable main\"]"),
        ("http://archive.test/debian", "http://archive.test/debian main] http://other"),
        ("http://archive.test/debian", "file:///etc"),
        ("/usr/share/keyrings/test.gpg", "/usr/share/keyrings/test.gpg] trusted=yes ["),
        ("virtio_blk", "../virtio_blk"),
        ("name = \"small\"", "name = \"../small\""),
    ];
    for (good, bad) in bad {
        assert!(SMALL.contains(good), "{good}");
        assert!(Recipe::parse("small.toml", &SMALL.replace(good, bad)).is_err(), "{bad}");
    }
}

#[test]
fn a_recipe_in_a_file_is_read_and_a_missing_file_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mine.toml");
    std::fs::write(&path, SMALL).unwrap();
    assert_eq!(Recipe::load(&path).unwrap(), Recipe::parse(&path.display().to_string(), SMALL).unwrap());
    let missing = directory.path().join("gone.toml");
    assert!(chain(Recipe::load(&missing).unwrap_err()).contains("gone.toml"));
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(start in 0..SMALL.len(), len in 0..40_usize, junk in "\\PC{0,20}") {
        let end = (start + len).min(SMALL.len());
        let text = format!("{}{junk}{}", &SMALL[..start], &SMALL[end..]);
        let _ = Recipe::parse("small.toml", &text);
    }
}
