use super::*;
use crate::recipe::Recipe;

fn digests(recipe: &Recipe, layer: &str, inputs: &Inputs) -> InputDigests {
    let layer = recipe.profiles["dev"].iter().find(|name| name.as_str() == layer).unwrap();
    recipe.layer(layer).unwrap().input_digests(&recipe.archives, inputs).unwrap()
}

fn debian() -> Recipe {
    Recipe::embedded("debian-12").unwrap()
}

#[test]
fn a_changed_mirror_concerns_the_layers_of_packages_only() {
    let mut changed = debian();
    changed.archives[0].uri = "http://other.test/debian".to_owned().try_into().unwrap();
    let inputs = Inputs::default();
    assert_ne!(digests(&changed, "debian", &inputs), digests(&debian(), "debian", &inputs));
    for layer in ["clis", "desktop"] {
        assert_eq!(digests(&changed, layer, &inputs), digests(&debian(), layer, &inputs));
    }
}

#[test]
fn a_program_of_ours_is_compared_by_its_contents() {
    let directory = tempfile::tempdir().unwrap();
    let digest_of = |name: &str, contents: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, contents).unwrap();
        digests(&debian(), "demo", &Inputs::default().with_program("anteroom-demo", path))
    };
    let one = digest_of("one", "program");
    assert_eq!(digest_of("copy", "program"), one);
    let other = digest_of("other", "changed program");
    assert_ne!(other.all, one.all);
    assert_eq!(other.recipe, one.recipe);
}

#[test]
fn without_the_program_only_the_recipes_part_is_known() {
    let digests = digests(&debian(), "demo", &Inputs::default());
    assert_eq!(digests.all, None);
}
