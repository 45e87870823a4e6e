//! The kernel that the VMM loads: out of the distribution's packages, with an initramfs segment of the modules that a guest
//! needs before it has a root file system; or one that is compiled here and needs none (`custom`).

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::archive::Index;
use crate::cpio;
use crate::digest::{Digest, Hasher};
use crate::error::Error;
use crate::layer::PackageVersion;
use crate::recipe::{Archive, KernelSpec, StockKernel};
use crate::tool::{self, Tool};

mod config;
pub(crate) mod custom;
mod load_order;
mod modinfo;
mod vmlinux;

pub use config::{FragmentError, LostOptions};
pub use modinfo::ModinfoError;
pub use vmlinux::VmlinuxError;

/// Raised when the same package would give other files.
const BUILDER: u32 = 1;

/// What a kernel package's dependencies are followed into.
const PACKAGE_PREFIXES: [&str; 2] = ["linux-image-", "linux-modules-"];

/// Why the kernel package is of no use.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    #[error("the kernel's packages ({packages}) contain no {wanted}")]
    NotInPackages { packages: String, wanted: String },
    #[error("kernel {version} has no module {module}")]
    NoModule { version: String, module: String },
    #[error("module {path}")]
    Module { path: PathBuf, source: ModinfoError },
    #[error("module {path} is compressed: only plain .ko files can be read")]
    Compressed { path: PathBuf },
    #[error("kernel configuration {file}")]
    Config { file: String, source: FragmentError },
    /// They are misspelt, need another option, or are not in this version of the kernel.
    #[error("the kernel's configuration did not take all of {file}: {lost}")]
    OptionsLost { file: String, lost: LostOptions },
    #[error("the kernel was not built; all that its build has said is in {log}")]
    Build { log: PathBuf, source: Box<Error> },
}

/// A kernel built in a scratch directory.
#[derive(Debug)]
pub(crate) struct BuiltKernel {
    pub(crate) version: String,
    pub(crate) packages: Vec<PackageVersion>,
    /// In the order in which they are to be loaded.
    pub(crate) modules: Vec<String>,
    /// The bzImage.
    pub(crate) image: PathBuf,
    pub(crate) contents: Contents,
}

/// What a kernel consists of besides its bzImage.
#[derive(Debug)]
pub(crate) enum Contents {
    /// A cpio archive of /modules/NN-name.ko.
    Stock { archive: PathBuf },
    /// The kernel as an ELF file, the configuration that it was built with, and the digest of all that it was made from.
    Custom { origin: Digest, vmlinux: PathBuf, config: PathBuf },
}

impl BuiltKernel {
    /// Its version, and a digest: of all that a stock kernel is, because with other modules it is another one; of all that a
    /// custom kernel was made from.
    pub(crate) fn name(&self) -> io::Result<String> {
        let digest = match &self.contents {
            Contents::Stock { archive } => {
                let mut hasher = Hasher::default();
                for file in [&self.image, archive] {
                    hasher.field(Digest::of_file(file)?.to_string().as_bytes());
                }
                hasher.finish()
            }
            Contents::Custom { origin, .. } => *origin,
        };
        Ok(format!("{}-{}", self.version, digest.short()))
    }
}

/// What decides the kernel's files, as far as the recipe says it.
pub(crate) fn input_digest(spec: &KernelSpec, archives: &[Archive]) -> Result<Digest, Error> {
    let mut hasher = Hasher::default();
    match spec {
        KernelSpec::Stock(spec) => {
            let json = serde_json::to_vec(&(spec, archives)).map_err(io::Error::from)?;
            hasher.field(b"kernel").field(&BUILDER.to_le_bytes()).field(&json);
        }
        KernelSpec::Custom(spec) => {
            let json = serde_json::to_vec(&(spec, archives)).map_err(io::Error::from)?;
            hasher.field(b"custom kernel").field(&custom::BUILDER.to_le_bytes()).field(&json);
            hasher.field(spec.config.contents());
        }
    }
    Ok(hasher.finish())
}

/// Downloads the kernel's packages and takes out of them what is needed. `scratch` is an empty directory.
pub(crate) fn build(
    spec: &StockKernel,
    index: &Index,
    scratch: &Path,
    line: &mut dyn FnMut(&str),
) -> Result<BuiltKernel, Error> {
    let (downloads, root) = (scratch.join("packages"), scratch.join("root"));
    fs_err::create_dir(&downloads)?;
    fs_err::create_dir(&root)?;
    let names = index.download(&spec.package, &PACKAGE_PREFIXES, &downloads, line)?;
    let mut packages = Vec::new();
    for entry in fs_err::read_dir(&downloads)? {
        let deb = entry?.path();
        line(&format!("unpacking {}", deb.file_name().unwrap_or_default().display()));
        Tool::new(tool::DPKG_DEB, [OsStr::new("--extract"), deb.as_os_str(), root.as_os_str()]).run(line)?;
        packages.push(package_version(&deb)?);
    }
    packages.sort();

    let not_found = |wanted: &str| KernelError::NotInPackages {
        packages: names.iter().cloned().collect::<Vec<_>>().join(", "),
        wanted: wanted.to_owned(),
    };
    let (version, bzimage) = find_image(&root.join("boot"))?.ok_or_else(|| not_found("/boot/vmlinuz-*"))?;
    let modules_dir = ["lib/modules", "usr/lib/modules"]
        .map(|dir| root.join(dir).join(&version))
        .into_iter()
        .find(|dir| dir.is_dir())
        .ok_or_else(|| not_found("/lib/modules"))?;

    let files = module_files(&modules_dir)?;
    let builtin = builtin_modules(&modules_dir)?;
    let wanted: Vec<_> = spec.modules.iter().map(|module| module.as_str()).collect();
    let order = load_order::resolve(&wanted, &builtin, |name| {
        let Some(path) = files.get(name) else {
            return Err(KernelError::NoModule { version: version.clone(), module: name.to_owned() }.into());
        };
        dependencies(path)
    })?;
    let archive = scratch.join("modules.cpio");
    write_archive(&archive, order.iter().map(|name| (name.as_str(), &files[name])))?;
    let image = scratch.join("vmlinuz");
    fs_err::rename(bzimage, &image)?;
    Ok(BuiltKernel { version, packages, modules: order, image, contents: Contents::Stock { archive } })
}

/// The newest kernel of a boot directory.
fn find_image(boot: &Path) -> io::Result<Option<(String, PathBuf)>> {
    let mut images = Vec::new();
    for entry in fs_err::read_dir(boot)? {
        let entry = entry?;
        if let Some(version) = entry.file_name().to_str().and_then(|name| name.strip_prefix("vmlinuz-")) {
            images.push((version.to_owned(), entry.path()));
        }
    }
    Ok(images.into_iter().max())
}

/// Every module of a kernel by its name.
fn module_files(modules_dir: &Path) -> Result<BTreeMap<String, PathBuf>, Error> {
    let mut modules = BTreeMap::new();
    let mut pending = vec![modules_dir.join("kernel")];
    while let Some(directory) = pending.pop() {
        for entry in fs_err::read_dir(directory)? {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                pending.push(path);
            } else if let Some(name) = path.file_name().and_then(OsStr::to_str).and_then(module_name) {
                modules.insert(name, path);
            }
        }
    }
    Ok(modules)
}

/// "virtio-rng.ko" is the module virtio_rng. Compressed ones count, so that they are not taken for missing.
fn module_name(file_name: &str) -> Option<String> {
    let (name, rest) = file_name.split_once(".ko")?;
    matches!(rest, "" | ".gz" | ".xz" | ".zst").then(|| name.replace('-', "_"))
}

fn builtin_modules(modules_dir: &Path) -> Result<Vec<String>, Error> {
    let list = fs_err::read_to_string(modules_dir.join("modules.builtin"))?;
    Ok(list.lines().filter_map(|path| module_name(path.rsplit('/').next()?)).collect())
}

fn dependencies(path: &Path) -> Result<Vec<String>, Error> {
    if path.extension() != Some(OsStr::new("ko")) {
        return Err(KernelError::Compressed { path: path.to_owned() }.into());
    }
    let contents = fs_err::read(path)?;
    Ok(modinfo::dependencies(&contents)
        .map_err(|source| KernelError::Module { path: path.to_owned(), source })?)
}

fn write_archive<'a>(
    path: &Path,
    modules: impl Iterator<Item = (&'a str, &'a PathBuf)>,
) -> Result<(), Error> {
    let mut archive = cpio::Writer::new(BufWriter::new(fs_err::File::create(path)?));
    archive.directory("modules")?;
    for (number, (name, file)) in modules.enumerate() {
        archive.file(&format!("modules/{number:02}-{name}.ko"), cpio::Access::Data, &fs_err::read(file)?)?;
    }
    archive.finish()?.flush()?;
    Ok(())
}

/// Name and version that the package states about itself.
fn package_version(deb: &Path) -> Result<PackageVersion, Error> {
    let field = |name: &str| -> Result<String, Error> {
        let arguments = [OsStr::new("--field"), deb.as_os_str(), OsStr::new(name)];
        Ok(Tool::new(tool::DPKG_DEB, arguments).output()?.trim().to_owned())
    };
    Ok(PackageVersion { name: field("Package")?, version: field("Version")?, integrity: None })
}

#[cfg(test)]
mod tests;
