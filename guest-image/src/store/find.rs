//! Whether an image is there and is what the recipe asks for now; and if not, what is missing.

use std::fmt;

use super::{Image, ImageStore, Inputs, read_json, stack};
use crate::error::Error;
use crate::kernel;
use crate::manifest::{LayerRecord, Manifest, SCHEMA};
use crate::recipe::{KernelKind, LayerSpec, Name, Recipe};

/// An image that has to be built first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    pub recipe: Name,
    /// What `--recipe` takes.
    pub origin: String,
    pub profile: Name,
    pub kernel: KernelKind,
    /// One line for each part that is not there or not up to date.
    pub reasons: Vec<String>,
}

impl Missing {
    /// The command that makes the image.
    #[must_use]
    pub fn remedy(&self) -> String {
        let kernel = match self.kernel {
            KernelKind::Stock => "",
            KernelKind::Custom => " --kernel custom",
        };
        format!("anteroom image build --recipe {} --profile {}{kernel}", self.origin, self.profile)
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { recipe, profile, reasons, .. } = self;
        write!(
            f,
            "image {profile} of recipe {recipe} has to be built: {}; run: {}",
            reasons.join(", "),
            self.remedy()
        )
    }
}

impl ImageStore {
    /// The image, if it is complete and was built from this recipe. Takes milliseconds: sizes are compared, contents are not.
    ///
    /// A layer with a program that `inputs` does not give is compared without it.
    ///
    /// # Errors
    /// [`Error::Missing`] when the image has to be built; others when the store cannot be read or the recipe has no such
    /// profile.
    pub fn find(&self, recipe: &Recipe, profile: &str, inputs: &Inputs) -> Result<Image, Error> {
        let (profile, layers) = stack(recipe, profile)?;
        let kernel = recipe.kernel_kind();
        let missing = |reasons| {
            Error::Missing(Missing {
                recipe: recipe.name.clone(),
                origin: recipe.origin.clone(),
                profile: profile.clone(),
                kernel,
                reasons,
            })
        };
        let manifest: Option<Manifest> = read_json(&self.manifest_path(&recipe.name, profile, kernel))?;
        let Some(manifest) = manifest.filter(|manifest| manifest.schema == SCHEMA) else {
            return Err(missing(vec!["it was never built here".to_owned()]));
        };
        let mut reasons = Vec::new();
        if manifest.kernel.inputs != kernel::input_digest(&recipe.kernel, &recipe.archives)? {
            reasons.push("the recipe's kernel has changed".to_owned());
        } else if !self.has_kernel(&manifest.kernel) {
            reasons.push("the kernel's files are gone".to_owned());
        }
        if !manifest.layers.iter().map(|layer| &layer.name).eq(layers) {
            reasons.push("the recipe's list of layers has changed".to_owned());
        }
        for (name, record) in layers.iter().zip(&manifest.layers) {
            let Some(spec) = recipe.layer(name) else { continue };
            if !is_current(spec, recipe, inputs, record)? {
                reasons.push(format!("layer {name} has changed"));
            } else if !self.has_layer(record) {
                reasons.push(format!("layer {name} is gone or cut short"));
            }
        }
        if reasons.is_empty() { Ok(self.image(manifest)) } else { Err(missing(reasons)) }
    }
}

fn is_current(
    spec: &LayerSpec,
    recipe: &Recipe,
    inputs: &Inputs,
    record: &LayerRecord,
) -> Result<bool, Error> {
    let digests = spec.input_digests(&recipe.archives, inputs)?;
    Ok(match digests.all {
        Some(all) => all == record.inputs,
        None => digests.recipe == record.recipe_inputs,
    })
}
