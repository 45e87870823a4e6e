//! Builds one part in scratch and gives it its place in the store: contents first, then the record that leads to them.

use std::path::{Path, PathBuf};

use super::build::{Archives, KernelPlan, LayerPlan, Scratch, date};
use super::steps::Steps;
use super::{ImageStore, Inputs, public, write_json};
use crate::digest::Digest;
use crate::error::Error;
use crate::kernel;
use crate::layer::{self, Sources};
use crate::manifest::{KernelRecord, LayerRecord, StoredFile};
use crate::recipe::Recipe;

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
        steps.run("kernel", |line| {
            let scratch = Scratch::create(&self.root)?;
            let built = kernel::build(&recipe.kernel, &archives.index, scratch.path(), line)?;
            let directory = PathBuf::from(format!("kernels/{}", built.name()?));
            fs_err::create_dir_all(self.root.join(&directory))?;
            let record = KernelRecord {
                inputs: plan.inputs,
                created_at: date(archives.timestamp)?,
                packages: built.packages,
                image: self.publish(&built.image, &directory.join("vmlinuz"))?,
                modules_archive: self.publish(&built.archive, &directory.join("modules.cpio"))?,
                modules: built.modules,
                version: built.version,
            };
            write_json(&self.record_path(plan.inputs), &record)?;
            let size_bytes = record.image.size_bytes + record.modules_archive.size_bytes;
            Ok((record, size_bytes))
        })
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
