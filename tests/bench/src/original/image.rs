//! Its image, built once for each recipe.

use std::{
    collections::hash_map::DefaultHasher,
    fs,
    hash::{Hash as _, Hasher as _},
    path::{Path, PathBuf},
};

use anteroom_tests::{daemon::guest_binary, workspace};
use anyhow::{Context as _, Result, ensure};
use nix::unistd::geteuid;
use tokio::process::Command;

/// What the recipe's script calls.
const TOOLS: [&str; 2] = ["mmdebstrap", "mke2fs"];

#[derive(Debug, Clone)]
pub(crate) struct Image(PathBuf);

impl Image {
    /// Why this machine cannot build it.
    pub(crate) fn obstacle() -> Option<String> {
        if !geteuid().is_root() {
            return Some("its image is built by root".to_owned());
        }
        let places = ["/usr/bin", "/usr/sbin", "/sbin", "/bin"].map(Path::new);
        let missing = TOOLS.iter().find(|tool| !places.iter().any(|place| place.join(tool).exists()))?;
        Some(format!("{missing} is missing (./setup.sh bench installs it)"))
    }

    /// Builds it, unless it was built by the same recipe before; that takes some minutes.
    pub(crate) async fn ensure() -> Result<Self> {
        let (recipe, demo) = (workspace().join("tests/bench/baseline"), guest_binary("anteroom-demo"));
        let mut hasher = DefaultHasher::new();
        let mut files = files(&recipe)?;
        files.push(demo.clone());
        for file in files {
            file.hash(&mut hasher);
            fs::read(&file).with_context(|| format!("reading {}", file.display()))?.hash(&mut hasher);
        }
        let images = workspace().join("target/baseline");
        let directory = images.join(format!("{:016x}", hasher.finish()));
        if !directory.join("seconds").exists() {
            // Of another recipe, or half of one: gigabytes that nobody asks for any more.
            if images.exists() {
                fs::remove_dir_all(&images)?;
            }
            eprintln!("building the original's image, which takes some minutes");
            let mut build = Command::new(recipe.join("build"));
            let log = anteroom_tests::artefact("baseline-build.log");
            let said = fs::File::create(&log)?;
            build.arg(&directory).arg(&demo).stdout(said.try_clone()?).stderr(said);
            ensure!(build.status().await?.success(), "the image was not built; see {}", log.display());
        }
        Ok(Self(directory))
    }

    pub(crate) fn kernel(&self) -> PathBuf {
        self.0.join("vmlinuz")
    }

    pub(crate) fn initrd(&self) -> PathBuf {
        self.0.join("initrd.img")
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.0.join("root.ext4")
    }

    /// How long its build has taken.
    pub(crate) fn seconds(&self) -> Result<f64> {
        Ok(fs::read_to_string(self.0.join("seconds"))?.trim().parse()?)
    }

    /// Of kernel, initramfs and root, in MiB of the disk.
    pub(crate) fn sizes_mib(&self) -> Result<[f64; 3]> {
        use std::os::unix::fs::MetadataExt as _;
        let mib = |path: PathBuf| {
            #[expect(clippy::cast_precision_loss, reason = "for people")]
            fs::metadata(path).map(|metadata| metadata.blocks() as f64 * 512.0 / 1_048_576.0)
        };
        Ok([mib(self.kernel())?, mib(self.initrd())?, mib(self.root())?])
    }
}

/// Every file of a directory, in order.
fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
