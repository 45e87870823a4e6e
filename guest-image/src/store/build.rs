//! Builds what a profile lacks, and writes its manifest.
//!
//! ```text
//! lock ─▶ sweep scratch ─▶ for kernel and each layer: recorded? ─yes─▶ reuse
//!                                                        └─no─▶ build in scratch ─▶ rename ─▶ record ─▶ manifest
//! ```
//! A part is visible only once it is complete. A build that is killed leaves files in scratch and perhaps a layer that no
//! record names: the next build removes the former, [`ImageStore::prune`] the latter.

use std::fs::TryLockError;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::steps::Steps;
use super::{Image, ImageStore, Inputs, read_json, stack, write_json};
use crate::archive::Index;
use crate::digest::Digest;
use crate::error::Error;
use crate::kernel;
use crate::layer::InputDigests;
use crate::manifest::{KernelRecord, LayerRecord, Manifest, SCHEMA};
use crate::progress::Progress;
use crate::recipe::{KernelKind, LayerSpec, Name, Recipe};
use crate::tool::{self, Program, Requirement};
use crate::user_namespace;

/// Whether what was built before is good enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Yes, as long as its inputs are the same.
    Reuse,
    /// Packages and kernel are built again if their archives have published anything since: security updates.
    Update,
}

/// What an image needs, and what of it is there.
pub(super) struct Plan<'a> {
    pub(super) kernel: KernelPlan,
    pub(super) layers: Vec<LayerPlan<'a>>,
}

pub(super) struct KernelPlan {
    pub(super) inputs: Digest,
    pub(super) found: Option<KernelRecord>,
}

pub(super) struct LayerPlan<'a> {
    pub(super) name: &'a Name,
    pub(super) spec: &'a LayerSpec,
    pub(super) inputs: Digest,
    pub(super) recipe_inputs: Digest,
    pub(super) found: Option<LayerRecord>,
}

/// What the archives have, fetched once for a build.
pub(super) struct Archives {
    pub(super) index: Index,
    pub(super) timestamp: u64,
}

impl ImageStore {
    /// Builds the image, as far as it is not there already. Waits for another build in the same store.
    ///
    /// # Errors
    /// When a tool is missing or fails, an archive cannot be reached, or the disk is full. What was built before stays.
    pub fn build(
        &self,
        recipe: &Recipe,
        profile: &str,
        inputs: &Inputs,
        freshness: Freshness,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Image, Error> {
        let (profile, layers) = stack(recipe, profile)?;
        let _lock = self.lock(&mut || progress(Progress::Waiting))?;
        self.sweep_scratch()?;
        let mut plan = self.plan(recipe, layers, inputs)?;
        let needs_archives = plan.needs_archives(freshness);
        plan.check_tools(recipe, needs_archives)?;

        let scratch = Scratch::create(&self.root)?;
        let mut steps = Steps::new(1 + plan.layers.len() + usize::from(needs_archives), progress);
        let mut archives = None;
        if needs_archives {
            archives =
                Some(steps.run("package indexes", |line| fetch_archives(recipe, scratch.path(), line))?);
        }
        if let (Freshness::Update, Some(archives)) = (freshness, &archives) {
            plan.forget_what_is_older(archives.timestamp)?;
        }
        let kernel = self.build_kernel(recipe, plan.kernel, archives.as_ref(), &mut steps)?;
        let mut records = Vec::new();
        for layer in plan.layers {
            records.push(self.build_layer(recipe, layer, inputs, archives.as_ref(), &mut steps)?);
        }
        let programs = layers.iter().filter_map(|name| recipe.layer(name)).flat_map(LayerSpec::programs);
        let manifest = Manifest {
            schema: SCHEMA,
            recipe: recipe.name.clone(),
            profile: profile.clone(),
            distribution: recipe.distribution.clone(),
            created_at: records.iter().map(|layer| layer.created_at).fold(kernel.created_at, Ord::max),
            kernel,
            programs: programs.map(|(name, _)| name.clone()).collect(),
            layers: records,
        };
        let path = self.manifest_path(&recipe.name, &manifest.profile, recipe.kernel_kind());
        // The file's date is the image's: a build that changed nothing leaves it alone.
        if read_json(&path)?.as_ref() != Some(&manifest) {
            fs_err::File::create(self.lease_path(&manifest))?;
            write_json(&path, &manifest)?;
        }
        Ok(self.image(manifest))
    }

    fn plan<'a>(&self, recipe: &'a Recipe, layers: &'a [Name], inputs: &Inputs) -> Result<Plan<'a>, Error> {
        let kernel_inputs = kernel::input_digest(&recipe.kernel, &recipe.archives)?;
        let found = read_json(&self.record_path(kernel_inputs))?.filter(|kernel| self.has_kernel(kernel));
        let kernel = KernelPlan { inputs: kernel_inputs, found };
        let mut plans = Vec::new();
        for (name, spec) in layers.iter().filter_map(|name| Some((name, recipe.layer(name)?))) {
            let InputDigests { recipe: recipe_inputs, all } = spec.input_digests(&recipe.archives, inputs)?;
            let Some(digest) = all else { return Err(missing_input(name, spec, inputs)) };
            let found: Option<LayerRecord> = read_json(&self.record_path(digest))?;
            // Recipes may have different names for the same layer.
            let found = found
                .filter(|layer| self.has_layer(layer))
                .map(|layer| LayerRecord { name: name.clone(), ..layer });
            plans.push(LayerPlan { name, spec, inputs: digest, recipe_inputs, found });
        }
        Ok(Plan { kernel, layers: plans })
    }

    /// For as long as the result lives, nobody else builds or prunes. `waiting` is called if somebody else does.
    pub(super) fn lock(&self, waiting: &mut dyn FnMut()) -> Result<std::fs::File, Error> {
        let file = fs_err::File::create(self.root.join("lock"))?.into_file();
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                waiting();
                file.lock()?;
            }
            Err(TryLockError::Error(e)) => return Err(e.into()),
        }
        Ok(file)
    }

    /// Under the lock, whatever is in scratch was left by a build that was killed.
    fn sweep_scratch(&self) -> Result<(), Error> {
        for entry in fs_err::read_dir(self.root.join("scratch"))? {
            user_namespace::remove_dir(&entry?.path())?;
        }
        Ok(())
    }
}

impl Plan<'_> {
    fn needs_archives(&self, freshness: Freshness) -> bool {
        let packages = self.layers.iter().any(|layer| layer.found.is_none() && layer.is_packages());
        packages || self.kernel.found.is_none() || freshness == Freshness::Update
    }

    fn forget_what_is_older(&mut self, timestamp: u64) -> Result<(), Error> {
        let newest = date(timestamp)?;
        self.kernel.found.take_if(|kernel| kernel.created_at < newest);
        for layer in self.layers.iter_mut().filter(|layer| layer.is_packages()) {
            layer.found.take_if(|layer| layer.created_at < newest);
        }
        Ok(())
    }

    /// Now rather than after minutes.
    fn check_tools(&self, recipe: &Recipe, needs_archives: bool) -> Result<(), Error> {
        let mut needed: Vec<Program> = Vec::new();
        if needs_archives {
            needed.extend([tool::APT_GET, tool::APT_CACHE, tool::APT_CONFIG, tool::DPKG_DEB]);
        }
        for layer in self.layers.iter().filter(|layer| layer.found.is_none()) {
            needed.push(tool::MKFS_EROFS);
            match layer.spec {
                LayerSpec::Packages(_) => needed.extend([tool::MMDEBSTRAP, tool::TAR]),
                LayerSpec::Npm(_) => needed.push(tool::NPM),
                LayerSpec::Files(_) => {}
            }
            if layer.is_packages() && !user_namespace::is_root()? {
                needed.extend([tool::UNSHARE, tool::NEWUIDMAP]);
            }
        }
        let compiles = self.kernel.found.is_none() && recipe.kernel_kind() == KernelKind::Custom;
        let kernel = if compiles { tool::KERNEL_BUILD.as_slice() } else { &[] };
        tool::check(needed.into_iter().map(Requirement::from).chain(kernel.iter().copied()))
    }
}

impl LayerPlan<'_> {
    fn is_packages(&self) -> bool {
        matches!(self.spec, LayerSpec::Packages(_))
    }
}

fn fetch_archives(
    recipe: &Recipe,
    scratch: &Path,
    line: &mut dyn FnMut(&str),
) -> Result<(Archives, u64), Error> {
    let directory = scratch.join("apt");
    fs_err::create_dir(&directory)?;
    let index = Index::fetch(&recipe.archives, &directory, line)?;
    let timestamp = index.timestamp()?;
    Ok((Archives { index, timestamp }, 0))
}

fn missing_input(layer: &Name, spec: &LayerSpec, inputs: &Inputs) -> Error {
    let LayerSpec::Files(spec) = spec else {
        return Error::Layer { layer: layer.clone(), problem: "its inputs cannot be told".to_owned() };
    };
    let input = spec.inputs.keys().find(|name| inputs.program(name).is_none());
    Error::InputMissing { layer: layer.clone(), input: input.unwrap_or(layer).clone() }
}

pub(super) fn date(timestamp: u64) -> Result<OffsetDateTime, Error> {
    let seconds =
        i64::try_from(timestamp).ok().and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    seconds.ok_or_else(|| Error::Archive(format!("{timestamp} is not a date")))
}

/// A directory for files in the making, removed with all that is in it.
#[derive(Debug)]
pub(super) struct Scratch {
    path: PathBuf,
}

impl Scratch {
    pub(super) fn create(store: &Path) -> Result<Self, Error> {
        let directory = tempfile::Builder::new().prefix("build-").tempdir_in(store.join("scratch"))?;
        Ok(Self { path: directory.keep() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is swept by the next build.
        let _ = user_namespace::remove_dir(&self.path);
    }
}
