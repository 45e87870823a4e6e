//! What an image is made of, read from TOML. Data only: how a layer is built is in `layer`.
//!
//! Reading is strict: an unknown key, a text outside its alphabet, a profile that names no layer are refused with the line.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::Spanned;

mod text;

pub use text::{
    ArchiveUri, ArchiveWord, GuestGlob, GuestPath, KeyringPath, LinkTarget, ModuleName, ModulePath, Name,
    PackageName, Unexpected,
};

use crate::embedded;

/// The recipes that the binary carries; the first one is the default.
pub const EMBEDDED: [(&str, &str); 3] = [
    ("debian-12", include_str!("../recipes/debian-12.toml")),
    ("debian-12-google-chrome", include_str!("../recipes/debian-12-google-chrome.toml")),
    ("ubuntu-22.04", include_str!("../recipes/ubuntu-22.04.toml")),
];

/// A recipe that has been checked: every profile names layers that exist, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    pub name: Name,
    /// What `--recipe` takes to find it: a name or a file.
    pub origin: String,
    /// For people: "Debian 12 (bookworm)".
    pub distribution: String,
    pub archives: Vec<Archive>,
    /// The stock one, unless [`Recipe::with_kernel`] has chosen.
    pub kernel: KernelSpec,
    custom_kernel: Option<CustomKernel>,
    /// The layers of each profile, the lowest first.
    pub profiles: BTreeMap<Name, Vec<Name>>,
    layers: BTreeMap<Name, LayerSpec>,
}

/// A package archive and the keys that must have signed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Archive {
    pub uri: ArchiveUri,
    pub suites: Vec<ArchiveWord>,
    pub components: Vec<ArchiveWord>,
    /// On the build host.
    pub keyring: KeyringPath,
    /// What a person does to have it: text for an error message.
    pub keyring_from: String,
}

/// The kernel that is to be had: [`Recipe::with_kernel`] chooses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KernelSpec {
    Stock(StockKernel),
    Custom(CustomKernel),
}

/// The distribution's kernel package, and the modules that a guest needs before it has a root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StockKernel {
    /// May be a meta package: `linux-image-*` and `linux-modules-*` that it depends on are followed.
    pub package: PackageName,
    pub modules: Vec<ModuleName>,
}

/// The distribution's kernel source, built for guests and nothing else: all drivers built in, no modules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomKernel {
    /// Brings `/usr/src/linux-source-*.tar.*`.
    pub source: PackageName,
    /// The name of a file of `recipes/kernel/`, without its `.config`: what the kernel consists of.
    pub config: embedded::KernelConfig,
}

/// Which of a recipe's kernels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KernelKind {
    /// The distribution's: there in seconds.
    #[default]
    Stock,
    /// Compiled here, which takes many minutes once; boots in half the time.
    Custom,
}

impl fmt::Display for KernelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stock => "stock",
            Self::Custom => "custom",
        })
    }
}

/// How one layer comes to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerSpec {
    Packages(PackagesSpec),
    Npm(NpmSpec),
    Files(FilesSpec),
}

/// Distribution packages and all they depend on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackagesSpec {
    pub include: Vec<PackageName>,
    /// Never unpacked.
    #[serde(default)]
    pub exclude: Vec<GuestGlob>,
    /// Taken away when everything has been configured: files that maintainer scripts insist on.
    #[serde(default)]
    pub remove: Vec<GuestGlob>,
    /// Commands that must be there afterwards.
    #[serde(default)]
    pub programs: BTreeMap<Name, GuestPath>,
}

/// Files out of npm packages, installed at the versions and hashes of a lock file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NpmSpec {
    /// A directory of `recipes/npm/` with package.json and package-lock.json.
    pub project: embedded::NpmProject,
    /// From a file or directory in node_modules to its place in the guest.
    pub copy: BTreeMap<ModulePath, GuestPath>,
    #[serde(default)]
    pub links: BTreeMap<GuestPath, LinkTarget>,
    #[serde(default)]
    pub programs: BTreeMap<Name, GuestPath>,
}

/// Files of ours, and programs that the caller of the build hands in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilesSpec {
    /// A directory of `files/`, laid over the root; without one the layer is what the other fields say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<embedded::Tree>,
    /// Files of the tree with mode 0755; the others have 0644.
    #[serde(default)]
    pub executables: Vec<GuestPath>,
    /// Empty files over which the guest's init mounts something.
    #[serde(default)]
    pub mount_points: Vec<GuestPath>,
    #[serde(default)]
    pub links: BTreeMap<GuestPath, LinkTarget>,
    /// Programs handed in by the caller, by name.
    #[serde(default)]
    pub inputs: BTreeMap<Name, GuestPath>,
    #[serde(default)]
    pub programs: BTreeMap<Name, GuestPath>,
}

impl FilesSpec {
    /// Path in the guest without its leading '/', and contents.
    pub(crate) fn tree_files(&self) -> impl Iterator<Item = (&'static str, &'static [u8])> {
        self.tree.iter().flat_map(embedded::Tree::files)
    }
}

impl LayerSpec {
    /// Commands that the layer brings, which a provider may name.
    #[must_use]
    pub fn programs(&self) -> &BTreeMap<Name, GuestPath> {
        match self {
            Self::Packages(spec) => &spec.programs,
            Self::Npm(spec) => &spec.programs,
            Self::Files(spec) => &spec.programs,
        }
    }
}

/// Why a recipe cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    #[error("there is no recipe {name:?}; there are {}, and --recipe takes a file", EMBEDDED.map(|(name, _)| name).join(", "))]
    Unknown { name: String },
    #[error("recipe {origin}")]
    Read { origin: PathBuf, source: std::io::Error },
    #[error("recipe {origin}")]
    Syntax { origin: String, source: Box<toml::de::Error> },
    #[error("recipe {origin}, line {line}: {problem}")]
    Meaning { origin: String, line: usize, problem: String },
    #[error("recipe {origin} has no custom kernel: it has no [kernel.custom]")]
    NoCustomKernel { origin: String },
}

impl Recipe {
    /// One of [`EMBEDDED`].
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn embedded(name: &str) -> Result<Self, RecipeError> {
        let (name, text) = EMBEDDED
            .into_iter()
            .find(|(known, _)| *known == name)
            .ok_or_else(|| RecipeError::Unknown { name: name.to_owned() })?;
        Self::parse(name, text)
    }

    /// From a file.
    ///
    /// # Errors
    /// When the file cannot be read, or is not a recipe.
    pub fn load(path: &Path) -> Result<Self, RecipeError> {
        let text = fs_err::read_to_string(path)
            .map_err(|source| RecipeError::Read { origin: path.to_owned(), source })?;
        Self::parse(&path.display().to_string(), &text)
    }

    /// From text; `origin` is named in errors.
    ///
    /// # Errors
    /// When the text is not a recipe.
    pub fn parse(origin: &str, text: &str) -> Result<Self, RecipeError> {
        let document: Document = toml::from_str(text)
            .map_err(|source| RecipeError::Syntax { origin: origin.to_owned(), source: Box::new(source) })?;
        document.check(origin).map_err(|(offset, problem)| RecipeError::Meaning {
            origin: origin.to_owned(),
            line: text[..offset].matches('\n').count() + 1,
            problem,
        })
    }

    /// With this kernel.
    ///
    /// # Errors
    /// When the recipe does not say how to build a custom one.
    pub fn with_kernel(mut self, kind: KernelKind) -> Result<Self, RecipeError> {
        if kind == KernelKind::Custom {
            let Some(custom) = self.custom_kernel.clone() else {
                return Err(RecipeError::NoCustomKernel { origin: self.origin });
            };
            self.kernel = KernelSpec::Custom(custom);
        }
        Ok(self)
    }

    /// Which kernel it has.
    #[must_use]
    pub fn kernel_kind(&self) -> KernelKind {
        match self.kernel {
            KernelSpec::Stock(_) => KernelKind::Stock,
            KernelSpec::Custom(_) => KernelKind::Custom,
        }
    }

    /// The layer of that name. Those of [`Recipe::profiles`] exist.
    #[must_use]
    pub fn layer(&self, name: &Name) -> Option<&LayerSpec> {
        self.layers.get(name)
    }
}

/// The file as it is written, with the positions that later checks report.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    name: Name,
    distribution: String,
    archive: Vec<Archive>,
    kernel: KernelTable,
    profiles: BTreeMap<Name, Vec<Spanned<Name>>>,
    #[serde(default)]
    packages: BTreeMap<Name, Spanned<PackagesSpec>>,
    #[serde(default)]
    npm: BTreeMap<Name, Spanned<NpmSpec>>,
    #[serde(default)]
    files: BTreeMap<Name, Spanned<FilesSpec>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KernelTable {
    package: PackageName,
    modules: Vec<ModuleName>,
    custom: Option<CustomKernel>,
}

/// Byte offset in the text, and what is wrong there.
type Problem = (usize, String);

impl Document {
    fn check(self, origin: &str) -> Result<Recipe, Problem> {
        if self.archive.is_empty() || self.archive.iter().any(|archive| archive.suites.is_empty()) {
            return Err((0, "an archive with at least one suite is needed".to_owned()));
        }
        let mut layers = BTreeMap::new();
        let all = std::iter::empty()
            .chain(self.packages.into_iter().map(|(name, spec)| with_offset(name, spec, LayerSpec::Packages)))
            .chain(self.npm.into_iter().map(|(name, spec)| with_offset(name, spec, LayerSpec::Npm)))
            .chain(self.files.into_iter().map(|(name, spec)| with_offset(name, spec, LayerSpec::Files)));
        for (name, offset, layer) in all {
            if layers.contains_key(&name) {
                return Err((offset, format!("there are two layers {name}")));
            }
            layers.insert(name, layer);
        }
        let mut profiles = BTreeMap::new();
        for (profile, names) in self.profiles {
            let mut stack: Vec<Name> = Vec::new();
            for name in names {
                let offset = name.span().start;
                let name = name.into_inner();
                if !layers.contains_key(&name) {
                    return Err((
                        offset,
                        format!("profile {profile} stacks the layer {name}, which is not defined"),
                    ));
                }
                if stack.contains(&name) {
                    return Err((offset, format!("profile {profile} stacks the layer {name} twice")));
                }
                stack.push(name);
            }
            if stack.is_empty() {
                return Err((0, format!("profile {profile} has no layers")));
            }
            profiles.insert(profile, stack);
        }
        let KernelTable { package, modules, custom } = self.kernel;
        Ok(Recipe {
            name: self.name,
            origin: origin.to_owned(),
            distribution: self.distribution,
            archives: self.archive,
            kernel: KernelSpec::Stock(StockKernel { package, modules }),
            custom_kernel: custom,
            profiles,
            layers,
        })
    }
}

fn with_offset<T>(name: Name, spec: Spanned<T>, kind: fn(T) -> LayerSpec) -> (Name, usize, LayerSpec) {
    let offset = spec.span().start;
    (name, offset, kind(spec.into_inner()))
}

#[cfg(test)]
mod tests;
