//! A layer of distribution packages, made by mmdebstrap.
//!
//! ```text
//! mmdebstrap ── tarball ──▶ this process: list, hash, find what leaked ──▶ tar -x ──▶ mkfs.erofs
//!   (own mount, PID and user namespaces)                                  (user namespace, unless root)
//! ```
//! mmdebstrap runs in its unshare mode, for root as for anybody else: what a maintainer script mounts or starts ends with
//! it. The tarball is read here on its way to the disk, so that the list of files is made of the very bytes that go in.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::ChildStdout;

use super::{Built, PackageVersion, Sources};
use crate::archive;
use crate::erofs;
use crate::error::Error;
use crate::listing::{Entry, Kind, Listing};
use crate::recipe::{Archive, PackagesSpec};
use crate::tool::{self, Tool};
use crate::user_namespace::{self, Owners};

/// Where dpkg notes what is installed.
const DPKG_STATUS: &str = "/var/lib/dpkg/status";

/// The person's account in the guest. Its home is closed to others: credentials will be in it.
const ADD_USER: &str = "chroot \"$1\" useradd --create-home --key HOME_MODE=0700 --shell /bin/bash --uid 1000 --user-group desktop";

/// Brings `useradd`; not essential everywhere.
const USERADD_PACKAGE: &str = "passwd";

/// The cache of a font directory holds its time stamp, which in the image is that of all files. Without this every
/// program would look through all fonts at its start.
const CACHE_FONTS: &str = "test ! -x \"$1/usr/bin/fc-cache\" || { \
     find \"$1/usr/share/fonts\" -type d -exec touch --date=\"@$SOURCE_DATE_EPOCH\" {} + && \
     chroot \"$1\" fc-cache --force --system-only; }";

/// What the build host, mmdebstrap and dpkg leave behind.
const LEAVE_NO_TRACE: &str = "rm -rf \
     \"$1/etc/hostname\" \"$1/etc/resolv.conf\" \"$1/etc/.pwd.lock\" \
     \"$1/etc/passwd-\" \"$1/etc/group-\" \"$1/etc/shadow-\" \"$1/etc/gshadow-\" \"$1/etc/subuid-\" \"$1/etc/subgid-\" \
     \"$1/etc/apt/apt.conf.d/99mmdebstrap\" \"$1/etc/dpkg/dpkg.cfg.d/99mmdebstrap\" \
     \"$1/etc/ssh/\"ssh_host_* \"$1/var/cache/debconf/\"*-old \"$1/var/lib/dpkg/\"*-old && \
     find \"$1/var/log\" -type f -delete";

pub(crate) fn build(
    spec: &PackagesSpec,
    sources: &Sources<'_>,
    scratch: &Path,
    line: &mut dyn FnMut(&str),
) -> Result<Built, Error> {
    let root = scratch.join("root");
    fs_err::create_dir(&root)?;
    let unpack = user_namespace::enter(tool::TAR, unpack_arguments(&root))?;

    let mut mmdebstrap = Tool::new(tool::MMDEBSTRAP, arguments(spec, sources.archives))
        .env("SOURCE_DATE_EPOCH", sources.archive_timestamp.to_string());
    for (name, value) in archive::proxies()? {
        mmdebstrap = mmdebstrap.env(&name, value);
    }
    let (mut listing, status) = mmdebstrap.run_reading(line, |stdout| list_and_unpack(stdout, unpack))?;
    add_mount_point("dev", &root, &mut listing)?;

    line("compressing");
    let image = scratch.join("layer.erofs");
    let format = erofs::Format {
        owners: Owners::AsUnpacked,
        timestamp: sources.archive_timestamp,
        identity: sources.identity,
    };
    erofs::make(&root, &image, format, line)?;
    Ok(Built { image, listing, packages: installed_packages(&status), timestamp: sources.archive_timestamp })
}

/// mmdebstrap's command line. The tarball goes to standard output.
fn arguments(spec: &PackagesSpec, archives: &[Archive]) -> Vec<String> {
    let include: Vec<_> =
        spec.include.iter().map(|package| package.as_str()).chain([USERADD_PACKAGE]).collect();
    let mut arguments: Vec<String> = [
        "--mode=unshare",
        "--format=tar",
        "--variant=essential",
        "--architectures=amd64",
        // The guest's kernel makes its own device nodes.
        "--skip=output/dev",
        "--aptopt=APT::Install-Recommends \"false\"",
        "--aptopt=Acquire::Languages \"none\"",
        "--verbose",
    ]
    .map(str::to_owned)
    .into();
    arguments.extend(spec.exclude.iter().map(|glob| format!("--dpkgopt=path-exclude={glob}")));
    arguments.push(format!("--include={}", include.join(",")));
    // Shell words without quotes, so that '*' works: a recipe's paths have no character that would need them.
    let remove = spec.remove.iter().map(|glob| format!("rm -rf \"$1\"{glob}"));
    let hooks =
        [ADD_USER.to_owned()].into_iter().chain(remove).chain([CACHE_FONTS.into(), LEAVE_NO_TRACE.into()]);
    arguments.extend(hooks.map(|hook| format!("--customize-hook={hook}")));
    arguments.push(archives[0].suites[0].to_string());
    arguments.push("-".to_owned());
    arguments.extend(archive::source_lines(archives));
    arguments
}

fn unpack_arguments(root: &Path) -> Vec<String> {
    let directory = root.display().to_string();
    [
        "--extract",
        "--file=-",
        "--numeric-owner",
        "--same-owner",
        "--preserve-permissions",
        "--directory",
        &directory,
    ]
    .map(str::to_owned)
    .into()
}

/// Reads mmdebstrap's tarball while `unpack` unpacks it. Returns the list and dpkg's status file. Nothing at all is not an
/// error here: mmdebstrap has failed before its first byte, and its own words say why.
fn list_and_unpack(tarball: ChildStdout, unpack: Tool) -> Result<(Listing, Vec<u8>), Error> {
    let mut tarball = BufReader::with_capacity(1 << 16, tarball);
    if tarball.fill_buf()?.is_empty() {
        return Ok(Default::default());
    }
    unpack.run_fed(|stdin| {
        let tee = Tee { from: tarball, to: stdin };
        let (listing, mut kept) = Listing::of_tarball(tee, |path| path == DPKG_STATUS)?;
        Ok((listing, kept.remove(DPKG_STATUS).unwrap_or_default()))
    })
}

/// The directory that mmdebstrap leaves out together with what is in it.
fn add_mount_point(name: &str, root: &Path, listing: &mut Listing) -> io::Result<()> {
    let path = root.join(name);
    fs_err::create_dir(&path)?;
    fs_err::set_permissions(path, PermissionsExt::from_mode(0o755))?;
    listing.insert(format!("/{name}"), Entry::new(0o755, 0, 0, Kind::Directory));
    Ok(())
}

/// A reader that hands on whatever is read from it.
struct Tee<R, W> {
    from: R,
    to: W,
}

impl<R: Read, W: Write> Read for Tee<R, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.from.read(buffer)?;
        self.to.write_all(&buffer[..bytes])?;
        Ok(bytes)
    }
}

/// The packages of a dpkg status file: paragraphs of "Key: value" lines.
fn installed_packages(status: &[u8]) -> Vec<PackageVersion> {
    let status = String::from_utf8_lossy(status);
    let field = |paragraph: &str, key: &str| {
        paragraph.lines().find_map(|line| line.strip_prefix(key)).map(|value| value.trim().to_owned())
    };
    status
        .split("\n\n")
        .filter(|paragraph| {
            field(paragraph, "Status:").is_some_and(|status| status == "install ok installed")
        })
        .filter_map(|paragraph| {
            let (name, version) = (field(paragraph, "Package:")?, field(paragraph, "Version:")?);
            Some(PackageVersion { name, version, integrity: None })
        })
        .collect()
}

#[cfg(test)]
mod tests;
