//! The package archives of a recipe, seen through an apt that knows nothing of the build host's own: for their date, and to
//! fetch the kernel's packages.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::error::Error;
use crate::recipe::{Archive, PackageName};
use crate::tool::{self, Tool};
use crate::user_namespace;

/// Lines of a sources.list(5).
pub(crate) fn source_lines(archives: &[Archive]) -> Vec<String> {
    let line = |archive: &Archive, suite: &str| {
        let components: Vec<_> = archive.components.iter().map(|component| component.as_str()).collect();
        let (keyring, uri) = (&archive.keyring, &archive.uri);
        format!("deb [arch=amd64 signed-by={keyring}] {uri} {suite} {}", components.join(" "))
    };
    archives
        .iter()
        .flat_map(|archive| archive.suites.iter().map(move |suite| line(archive, suite.as_str())))
        .collect()
}

/// The proxies that apt on this host goes through, as the environment variables that it reads. Those of the caller's
/// environment win.
pub(crate) fn proxies() -> Result<Vec<(String, OsString)>, Error> {
    let mut proxies = Vec::new();
    for (variable, key) in [("http_proxy", "Acquire::http::Proxy"), ("https_proxy", "Acquire::https::Proxy")]
    {
        if env::var_os(variable).is_some() {
            continue;
        }
        // Prints PROXY='...', or nothing.
        let shell = Tool::new(tool::APT_CONFIG, ["shell", "PROXY", key]).output()?;
        let value = shell.trim().strip_prefix("PROXY='").and_then(|rest| rest.strip_suffix('\''));
        if let Some(value) = value.filter(|value| !value.is_empty() && *value != "DIRECT") {
            proxies.push((variable.to_owned(), value.into()));
        }
    }
    Ok(proxies)
}

/// Indexes of the archives, fetched and checked against their keyrings.
#[derive(Debug)]
pub(crate) struct Index {
    config: PathBuf,
    lists: PathBuf,
}

impl Index {
    /// Fetches into `scratch`, an empty directory.
    pub(crate) fn fetch(
        archives: &[Archive],
        scratch: &Path,
        line: &mut dyn FnMut(&str),
    ) -> Result<Self, Error> {
        for archive in archives {
            if !Path::new(archive.keyring.as_str()).is_file() {
                let (uri, keyring) = (archive.uri.to_string(), archive.keyring.to_string());
                return Err(Error::KeyringMissing { uri, keyring, from: archive.keyring_from.clone() });
            }
        }
        for directory in ["lists/partial", "cache/archives/partial", "none.d"] {
            fs_err::create_dir_all(scratch.join(directory))?;
        }
        let sources = source_lines(archives).join("\n") + "\n";
        fs_err::write(scratch.join("sources.list"), sources)?;
        fs_err::write(scratch.join("status"), "")?;
        let config = scratch.join("apt.conf");
        fs_err::write(&config, configuration(scratch, user_namespace::is_root()?))?;
        let index = Self { config, lists: scratch.join("lists") };
        index.apt(tool::APT_GET, ["update"])?.run(line)?;
        Ok(index)
    }

    /// When the newest of the archives was published, in seconds since 1970: every build from the same state of the archives
    /// has the same. `SOURCE_DATE_EPOCH` goes before it (reproducible-builds.org).
    pub(crate) fn timestamp(&self) -> Result<u64, Error> {
        if let Ok(epoch) = env::var("SOURCE_DATE_EPOCH") {
            return epoch
                .parse()
                .map_err(|_| Error::Archive(format!("SOURCE_DATE_EPOCH is {epoch:?}, not a number")));
        }
        let mut newest = None;
        for entry in fs_err::read_dir(&self.lists)? {
            let path = entry?.path();
            if path.to_string_lossy().ends_with("Release") {
                newest = newest.max(release_date(&fs_err::read_to_string(&path)?));
            }
        }
        newest.ok_or_else(|| Error::Archive("none of its suites has a date".to_owned()))
    }

    /// Which file would be downloaded for `package` now: its version and its SHA-256, as one text.
    pub(crate) fn identity(&self, package: &PackageName) -> Result<String, Error> {
        let shown = self.apt(tool::APT_CACHE, ["show", "--no-all-versions", package.as_str()])?.output()?;
        identity(&shown)
            .ok_or_else(|| Error::Archive(format!("the package {package} has no version or no hash")))
    }

    /// Downloads `package` and what it depends on among packages with one of the `prefixes`, into `directory`. Returns the
    /// names.
    pub(crate) fn download(
        &self,
        package: &PackageName,
        prefixes: &[&str],
        directory: &Path,
        line: &mut dyn FnMut(&str),
    ) -> Result<BTreeSet<String>, Error> {
        let mut wanted = BTreeSet::new();
        let mut pending = vec![package.to_string()];
        while let Some(name) = pending.pop() {
            let output = self.apt(tool::APT_CACHE, ["depends", "--important", &name])?.output()?;
            if wanted.insert(name) {
                pending.extend(dependencies(&output, prefixes).map(str::to_owned));
            }
        }
        let arguments = ["download".to_owned()].into_iter().chain(wanted.iter().cloned());
        self.apt(tool::APT_GET, arguments)?.current_dir(directory).run(line)?;
        Ok(wanted)
    }

    fn apt<A: AsRef<std::ffi::OsStr>>(
        &self,
        program: tool::Program,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Tool, Error> {
        let mut tool = Tool::new(program, arguments).env("APT_CONFIG", &self.config);
        for (name, value) in proxies()? {
            tool = tool.env(&name, value);
        }
        Ok(tool)
    }
}

/// An apt.conf(5) under which everything is in `scratch` and nothing comes from /etc/apt.
fn configuration(scratch: &Path, is_root: bool) -> String {
    let scratch = scratch.display();
    let mut lines = vec![
        format!("Dir::Etc::main \"{scratch}/none\";"),
        format!("Dir::Etc::parts \"{scratch}/none.d\";"),
        format!("Dir::Etc::sourcelist \"{scratch}/sources.list\";"),
        format!("Dir::Etc::sourceparts \"{scratch}/none.d\";"),
        format!("Dir::Etc::preferences \"{scratch}/none\";"),
        format!("Dir::Etc::preferencesparts \"{scratch}/none.d\";"),
        format!("Dir::Etc::netrc \"{scratch}/none\";"),
        format!("Dir::Etc::netrcparts \"{scratch}/none.d\";"),
        format!("Dir::State::lists \"{scratch}/lists\";"),
        format!("Dir::State::status \"{scratch}/status\";"),
        format!("Dir::Cache \"{scratch}/cache\";"),
        "APT::Architecture \"amd64\";".to_owned(),
        "APT::Architectures { \"amd64\"; };".to_owned(),
        "Acquire::Languages \"none\";".to_owned(),
        "APT::Update::Error-Mode \"any\";".to_owned(),
    ];
    if is_root {
        // The sandbox user could not write into the caller's directories.
        lines.push("APT::Sandbox::User \"root\";".to_owned());
    }
    lines.join("\n") + "\n"
}

/// The `Date:` of a Release file, which is an e-mail date with "UTC" for its zone.
fn release_date(release: &str) -> Option<u64> {
    let date = release.lines().find_map(|line| line.strip_prefix("Date:"))?;
    let date = OffsetDateTime::parse(&date.trim().replace("UTC", "+0000"), &Rfc2822).ok()?;
    u64::try_from(date.unix_timestamp()).ok()
}

/// Of what `apt-cache show` prints about one version of a package.
fn identity(shown: &str) -> Option<String> {
    let field = |name: &str| {
        let value = shown.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?.trim();
        (!value.is_empty()).then_some(value)
    };
    Some(format!("{} {}", field("Version")?, field("SHA256")?))
}

/// Names after "Depends:" in what `apt-cache depends` prints, which begin with one of the `prefixes`.
fn dependencies<'a>(output: &'a str, prefixes: &'a [&str]) -> impl Iterator<Item = &'a str> {
    output
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Depends:"))
        .map(str::trim)
        .filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)))
}

#[cfg(test)]
mod tests;
