//! Builds one part in scratch and gives it its place in the store: contents first, then the record that leads to them.

use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::build::{Archives, KernelPlan, LayerPlan, Scratch, date};
use super::steps::Steps;
use super::{ImageStore, Inputs, public, read_json, write_json};
use crate::digest::Digest;
use crate::error::Error;
use crate::kernel::custom::{self, Origin};
use crate::kernel::{self, BuiltKernel, Contents};
use crate::layer::{self, Sources};
use crate::manifest::{CustomRecord, KernelRecord, LayerRecord, StoredFile};
use crate::recipe::{KernelSpec, Recipe};

impl ImageStore {
    pub(super) fn build_kernel(
        &self,
        recipe: &Recipe,
        plan: KernelPlan,
        archives: Option<&Archives>,
        steps: &mut Steps<'_>,
    ) -> Result<KernelRecord, Error> {
        if let Some(kernel) = plan.found {
            steps.skip("kernel");
            return Ok(kernel);
        }
        let archives = archives.ok_or_else(|| Error::Archive("its index was not fetched".to_owned()))?;
        let (inputs, created_at) = (plan.inputs, date(archives.timestamp)?);
        let record = match &recipe.kernel {
            KernelSpec::Stock(spec) => steps.run("kernel", |line| {
                let scratch = Scratch::create(&self.root)?;
                let built = kernel::build(spec, &archives.index, scratch.path(), line)?;
                self.publish_kernel(built, inputs, created_at)
            })?,
            KernelSpec::Custom(spec) => {
                let origin = Origin::now(spec, &archives.index)?;
                // Archives publish more often than they publish a kernel.
                let found = read_json(&self.record_path(origin.digest()))?;
                if let Some(kernel) = found.filter(|kernel| self.has_kernel(kernel)) {
                    steps.skip("kernel");
                    KernelRecord { inputs, created_at, ..kernel }
                } else {
                    steps.run("kernel", |line| {
                        let scratch = Scratch::create(&self.root)?;
                        let log = self.root.join("kernel-build.log");
                        let built =
                            custom::build(spec, &origin, &archives.index, scratch.path(), &log, line)?;
                        let (record, size_bytes) = self.publish_kernel(built, inputs, created_at)?;
                        write_json(&self.record_path(origin.digest()), &record)?;
                        fs_err::remove_file(log)?;
                        Ok((record, size_bytes))
                    })?
                }
            }
        };
        write_json(&self.record_path(inputs), &record)?;
        Ok(record)
    }

    /// With the bytes that it takes up.
    fn publish_kernel(
        &self,
        built: BuiltKernel,
        inputs: Digest,
        created_at: OffsetDateTime,
    ) -> Result<(KernelRecord, u64), Error> {
        let directory = PathBuf::from(format!("kernels/{}", built.name()?));
        fs_err::create_dir_all(self.root.join(&directory))?;
        let at = |name: &str| directory.join(name);
        let (mut modules_archive, mut custom) = (None, None);
        match built.contents {
            Contents::Stock { archive } => {
                modules_archive = Some(self.publish(&archive, &at("modules.cpio"))?);
            }
            Contents::Custom { origin, vmlinux, config } => {
                let vmlinux = self.publish(&vmlinux, &at("vmlinux"))?;
                let config = self.publish(&config, &at("config"))?;
                custom = Some(CustomRecord { origin, vmlinux, config });
            }
        }
        let record = KernelRecord {
            version: built.version,
            inputs,
            created_at,
            packages: built.packages,
            image: self.publish(&built.image, &at("vmlinuz"))?,
            modules_archive,
            modules: built.modules,
            custom,
        };
        let size_bytes = record.files().map(|file| file.size_bytes).sum();
        Ok((record, size_bytes))
    }

    pub(super) fn build_layer(
        &self,
        recipe: &Recipe,
        plan: LayerPlan<'_>,
        inputs: &Inputs,
        archives: Option<&Archives>,
        steps: &mut Steps<'_>,
    ) -> Result<LayerRecord, Error> {
        let what = format!("layer {}", plan.name);
        if let Some(layer) = plan.found {
            steps.skip(&what);
            return Ok(layer);
        }
        steps.run(&what, |line| {
            let scratch = Scratch::create(&self.root)?;
            let sources = Sources {
                archives: &recipe.archives,
                archive_timestamp: archives.map_or(0, |archives| archives.timestamp),
                inputs,
                identity: plan.inputs,
            };
            let built = layer::build(plan.name, plan.spec, &sources, scratch.path(), line)?;
            let list = scratch.path().join("files.jsonl");
            built.listing.write(&list)?;
            let stem = format!("layers/{}-{}", plan.name, Digest::of_file(&built.image)?.short());
            let record = LayerRecord {
                name: plan.name.clone(),
                kind: plan.spec.kind().to_owned(),
                inputs: plan.inputs,
                recipe_inputs: plan.recipe_inputs,
                created_at: date(built.timestamp)?,
                image: self.publish(&built.image, Path::new(&format!("{stem}.erofs")))?,
                uncompressed_bytes: built.listing.content_bytes(),
                file_list: self.publish(&list, Path::new(&format!("{stem}.files.jsonl")))?,
                file_count: built.listing.len(),
                packages: built.packages,
            };
            write_json(&self.record_path(plan.inputs), &record)?;
            let size_bytes = record.image.size_bytes;
            Ok((record, size_bytes))
        })
    }

    /// Moves a file to its place, where all of it is there or nothing.
    fn publish(&self, from: &Path, to: &Path) -> Result<StoredFile, Error> {
        let file = fs_err::File::open(from)?;
        let size_bytes = file.metadata()?.len();
        let sha256 = Digest::of_file(from)?;
        file.set_permissions(public())?;
        file.sync_all()?;
        fs_err::rename(from, self.root.join(to))?;
        Ok(StoredFile { path: to.to_owned(), sha256, size_bytes })
    }
}
