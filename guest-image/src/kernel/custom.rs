//! The custom kernel: the distribution's source, configured by a fragment of ours and nothing else, compiled here.
//!
//! ```text
//! package ─▶ its version, and the compiler's ─▶ Origin ─▶ built before? the record tells
//!    └─▶ source ─▶ make allnoconfig + fragment ─▶ all of it there? ─▶ make ─▶ bzImage, vmlinux
//! ```
//! Nothing of it depends on the moment or the place of the build.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::thread;

use time::OffsetDateTime;

use super::config::Fragment;
use super::{BuiltKernel, Contents, KernelError, package_version};
use crate::archive::Index;
use crate::digest::{Digest, Hasher};
use crate::error::Error;
use crate::recipe::CustomKernel;
use crate::tool::{self, Program, Tool};

/// Raised when the same source and configuration would give another kernel.
pub(super) const BUILDER: u32 = 1;

/// Who has built it, as far as the kernel says.
const BUILDER_NAME: &str = "anteroom";

/// All that decides what the files of a custom kernel are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The source package: patches of the distribution count.
    source: String,
    /// What compiler and linker say of themselves.
    toolchain: [String; 2],
    config: &'static [u8],
}

impl Origin {
    /// As things are here and in the archives now.
    pub(crate) fn now(spec: &CustomKernel, index: &Index) -> Result<Self, Error> {
        let version = |program: Program| -> Result<String, Error> {
            let said = Tool::new(program, ["--version"]).output()?;
            Ok(said.lines().next().unwrap_or_default().to_owned())
        };
        Ok(Self {
            source: format!("{} {}", spec.source, index.identity(&spec.source)?),
            toolchain: [version(tool::GCC)?, version(tool::LD)?],
            config: spec.config.contents(),
        })
    }

    pub(crate) fn digest(&self) -> Digest {
        let mut hasher = Hasher::default();
        hasher.field(b"custom kernel").field(&BUILDER.to_le_bytes());
        hasher.field(self.source.as_bytes());
        for tool in &self.toolchain {
            hasher.field(tool.as_bytes());
        }
        hasher.field(self.config);
        hasher.finish()
    }
}

/// Fetches the source and builds it. `scratch` is an empty directory with room for two gigabytes; all that the build says
/// goes to the file `log` too.
pub(crate) fn build(
    spec: &CustomKernel,
    origin: &Origin,
    index: &Index,
    scratch: &Path,
    log: &Path,
    line: &mut dyn FnMut(&str),
) -> Result<BuiltKernel, Error> {
    logged(log, line, |line| {
        let downloads = scratch.join("packages");
        fs_err::create_dir(&downloads)?;
        index.download(&spec.source, &[], &downloads, line)?;
        let deb = fs_err::read_dir(&downloads)?.next().ok_or_else(|| not_in_package(spec, "files"))??.path();
        from_package(spec, origin, &deb, scratch, line)
    })
}

/// What `work` says goes to the file as well, which the error names when a tool fails.
fn logged<T>(
    log: &Path,
    line: &mut dyn FnMut(&str),
    work: impl FnOnce(&mut dyn FnMut(&str)) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut file = fs_err::File::create(log)?;
    let mut tell = |text: &str| {
        // A build does not fail because its log cannot be written.
        let _ = writeln!(file, "{text}");
        line(text);
    };
    work(&mut tell).map_err(|error| match error {
        Error::ToolFailed { .. } => {
            KernelError::Build { log: log.to_owned(), source: Box::new(error) }.into()
        }
        other => other,
    })
}

fn from_package(
    spec: &CustomKernel,
    origin: &Origin,
    deb: &Path,
    scratch: &Path,
    line: &mut dyn FnMut(&str),
) -> Result<BuiltKernel, Error> {
    let source = Source::unpack(spec, deb, scratch, line)?;
    let config = source.configure(spec, scratch, line)?;
    source.make(&["bzImage"]).run(line)?;
    let version = source.make(&["-s", "kernelrelease"]).output()?.trim().to_owned();
    // What a panic prints it finds in the kernel itself.
    let (unstripped, vmlinux) = (source.directory.join("vmlinux"), scratch.join("vmlinux"));
    let arguments = ["--strip-all".as_ref(), "-o".as_ref(), vmlinux.as_os_str(), unstripped.as_os_str()];
    Tool::new(tool::STRIP, arguments).run(line)?;
    Ok(BuiltKernel {
        version,
        packages: vec![package_version(deb)?],
        modules: Vec::new(),
        image: source.directory.join("arch/x86/boot/bzImage"),
        contents: Contents::Custom { origin: origin.digest(), vmlinux, config },
    })
}

/// A source tree.
struct Source {
    directory: PathBuf,
    /// When its package was made: what the kernel says of its own age.
    packed: OffsetDateTime,
}

impl Source {
    /// Out of the archive that is in the package.
    fn unpack(
        spec: &CustomKernel,
        deb: &Path,
        scratch: &Path,
        line: &mut dyn FnMut(&str),
    ) -> Result<Self, Error> {
        let (root, directory) = (scratch.join("root"), scratch.join("linux"));
        fs_err::create_dir(&root)?;
        fs_err::create_dir(&directory)?;
        line(&format!("unpacking {}", deb.file_name().unwrap_or_default().display()));
        Tool::new(tool::DPKG_DEB, [OsStr::new("--extract"), deb.as_os_str(), root.as_os_str()]).run(line)?;
        let archive = source_archive(&root.join("usr/src"))?
            .ok_or_else(|| not_in_package(spec, "/usr/src/linux-source-*.tar.*"))?;
        let packed = fs_err::metadata(&archive)?.modified()?.into();
        let arguments = [
            "--extract".as_ref(),
            "--strip-components=1".as_ref(),
            "--directory".as_ref(),
            directory.as_os_str(),
            "--file".as_ref(),
            archive.as_os_str(),
        ];
        Tool::new(tool::TAR, arguments).run(line)?;
        Ok(Self { directory, packed })
    }

    /// Writes the `.config`, and returns a copy of it that is kept with the kernel.
    fn configure(
        &self,
        spec: &CustomKernel,
        scratch: &Path,
        line: &mut dyn FnMut(&str),
    ) -> Result<PathBuf, Error> {
        let file = spec.config.file_name();
        let fragment = Fragment::parse(&String::from_utf8_lossy(spec.config.contents()))
            .map_err(|source| KernelError::Config { file: file.clone(), source })?;
        let (wanted, kept) = (scratch.join("wanted.config"), scratch.join("config"));
        fs_err::write(&wanted, spec.config.contents())?;
        line("configuring");
        self.make(&["-s", "allnoconfig"]).env("KCONFIG_ALLCONFIG", &wanted).run(line)?;
        let config = fs_err::read_to_string(self.directory.join(".config"))?;
        fragment.check(&config).map_err(|lost| KernelError::OptionsLost { file, lost })?;
        fs_err::write(&kept, config)?;
        Ok(kept)
    }

    fn make(&self, arguments: &[&str]) -> Tool {
        let jobs = thread::available_parallelism().map_or(1, usize::from);
        let jobs = format!("--jobs={jobs}");
        let arguments = [jobs.as_str(), "ARCH=x86_64"].into_iter().chain(arguments.iter().copied());
        Tool::new(tool::MAKE, arguments)
            .env("KBUILD_BUILD_TIMESTAMP", timestamp(self.packed))
            .env("KBUILD_BUILD_USER", BUILDER_NAME)
            .env("KBUILD_BUILD_HOST", BUILDER_NAME)
            .current_dir(&self.directory)
    }
}

/// As date(1) reads it and the kernel shows it.
fn timestamp(moment: OffsetDateTime) -> String {
    let (hour, minute, second) = moment.to_hms();
    format!("{} {hour:02}:{minute:02}:{second:02} UTC", moment.date())
}

fn source_archive(directory: &Path) -> Result<Option<PathBuf>, Error> {
    if !directory.is_dir() {
        return Ok(None);
    }
    for entry in fs_err::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let rest = name.to_str().and_then(|name| name.strip_prefix("linux-source-"));
        if rest.is_some_and(|rest| rest.contains(".tar.")) && entry.file_type()?.is_file() {
            return Ok(Some(entry.path()));
        }
    }
    Ok(None)
}

fn not_in_package(spec: &CustomKernel, wanted: &str) -> Error {
    KernelError::NotInPackages { packages: spec.source.to_string(), wanted: wanted.to_owned() }.into()
}

#[cfg(test)]
mod tests;
