//! Debian's packages, from the suite that fits the machine.
//!
//! ```text
//!  can be installed? ─no─▶ apt-get update ─▶ can be? ─no─▶ some are from backports ─▶ suite known? ─no─▶ add it, update
//!       │ yes                                  │ yes              │ no: error               │ yes            │
//!       └──────────────────────────────────────┴──▶ install       └───────────── install from backports ◀────┘
//! ```
//! A machine whose other QEMU packages come from backports cannot have qemu-system-x86 from the stable suite: their
//! versions must be equal. So a package that cannot be installed otherwise is taken from where its relatives are.

use std::path::Path;

use super::{
    as_root,
    run::{FixError, quiet, shown},
};

/// What a machine has of the archive, read from apt and dpkg.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Suites {
    /// For example `bookworm-backports`.
    backports: String,
    /// Whether apt knows that suite.
    is_configured: bool,
    /// The archive that the stable suite comes from.
    archive: Option<String>,
}

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
const SOURCES: &str = "/etc/apt/sources.list.d/anteroom-backports.sources";

pub(super) async fn install(packages: &[&str], say: &mut (dyn FnMut(&str) + Send)) -> Result<(), FixError> {
    if let Err(first) = simulate(packages, None).await {
        // Lists that are old, or were never fetched.
        shown(&rooted(&["apt-get", "-qq", "update"]), say).await?;
        if simulate(packages, None).await.is_err() {
            return install_by_suite(packages, &first, say).await;
        }
    }
    really_install(packages, None, say).await
}

/// What can come from the usual suites does; the rest comes from backports.
async fn install_by_suite(
    packages: &[&str],
    problem: &FixError,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<(), FixError> {
    let (mut usual, mut others) = (Vec::new(), Vec::new());
    for package in packages {
        if simulate(&[package], None).await.is_ok() { usual.push(*package) } else { others.push(*package) }
    }
    let suites = Suites::read().await?.ok_or_else(|| FixError::NoCandidate(problem.to_string()))?;
    if !suites.is_configured {
        suites.add(say).await?;
        shown(&rooted(&["apt-get", "-qq", "update"]), say).await?;
    }
    let suite = Some(suites.backports.as_str());
    simulate(&others, suite).await?;
    if !usual.is_empty() {
        really_install(&usual, None, say).await?;
    }
    really_install(&others, suite, say).await
}

async fn simulate(packages: &[&str], suite: Option<&str>) -> Result<(), FixError> {
    quiet(&arguments(&["apt-get", "--simulate"], packages, suite)).await.map(drop)
}

async fn really_install(
    packages: &[&str],
    suite: Option<&str>,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<(), FixError> {
    // Another apt that is running, as on a machine that has just booted, is waited for.
    let install =
        ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-y", "-o", "DPkg::Lock::Timeout=300"];
    shown(&rooted(&arguments(&install, packages, suite)), say).await
}

fn arguments<'a>(program: &[&'a str], packages: &[&'a str], suite: Option<&'a str>) -> Vec<&'a str> {
    let suite = suite.map(|suite| ["--target-release", suite]);
    let suite = suite.iter().flatten().copied();
    program
        .iter()
        .copied()
        .chain(["--no-install-recommends", "install"])
        .chain(suite)
        .chain(packages.iter().copied())
        .collect()
}

fn rooted<'a>(argv: &[&'a str]) -> Vec<&'a str> {
    let sudo = as_root().trim();
    (!sudo.is_empty()).then_some(sudo).into_iter().chain(argv.iter().copied()).collect()
}

impl Suites {
    /// `None` when nothing on this machine comes from backports.
    async fn read() -> Result<Option<Self>, FixError> {
        let versions = quiet(&["dpkg-query", "--show", "--showformat", "${Version}\n"]).await?;
        let targets =
            quiet(&["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages"])
                .await?;
        let os_release = tokio::fs::read_to_string("/etc/os-release").await.unwrap_or_default();
        Ok(Self::decide(&versions, &targets, &os_release))
    }

    fn decide(installed_versions: &str, index_targets: &str, os_release: &str) -> Option<Self> {
        // Backports of Debian 12 have versions like 1:10.0.2+ds-2~bpo12+1.
        if !installed_versions.lines().any(|version| version.contains("~bpo")) {
            return None;
        }
        let codename =
            os_release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="))?.trim_matches('"');
        let backports = format!("{codename}-backports");
        let mut targets = index_targets.lines().filter_map(|line| line.split_once(' '));
        Some(Self {
            is_configured: targets.clone().any(|(_, suite)| suite == backports),
            archive: targets.find(|(_, suite)| *suite == codename).map(|(uri, _)| uri.to_owned()),
            backports,
        })
    }

    /// In apt's own format (sources.list(5), deb822).
    fn sources(&self) -> Option<String> {
        let Self { backports, archive, .. } = self;
        let archive = archive.as_ref()?;
        Some(format!(
            "# Made by `anteroom doctor --fix`: other packages of this machine come from here already.\n\
             Types: deb\nURIs: {archive}\nSuites: {backports}\nComponents: main\nSigned-By: {KEYRING}\n"
        ))
    }

    async fn add(&self, say: &mut (dyn FnMut(&str) + Send)) -> Result<(), FixError> {
        let no_archive = || {
            FixError::NoCandidate(format!("apt does not say where the stable suite of {} is", self.backports))
        };
        let sources = self.sources().ok_or_else(no_archive)?;
        let scratch =
            std::env::temp_dir().join(format!("anteroom-{}.sources", anteroom_protocol::VmId::random()));
        let cannot = |source| FixError::Write { path: scratch.display().to_string(), source };
        tokio::fs::write(&scratch, sources).await.map_err(cannot)?;
        let from = scratch.display().to_string();
        let installed = shown(&rooted(&["install", "-m", "644", &from, SOURCES]), say).await;
        tokio::fs::remove_file(Path::new(&scratch)).await.map_err(cannot)?;
        installed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OS: &str = "ID=debian\nVERSION_CODENAME=bookworm\n";
    const BACKPORTED: &str = "2.36-9+deb12u10\n1:10.0.2+ds-2+deb13u1~bpo12+1\n";
    const STABLE: &str = "http://deb.debian.org/debian/ bookworm\n";

    #[test]
    fn a_machine_without_backports_is_left_alone() {
        assert_eq!(Suites::decide("1:7.2+dfsg-7+deb12u15\n2.36-9\n", STABLE, OS), None);
    }

    #[test]
    fn a_suite_that_apt_knows_is_used_and_another_is_added_from_the_same_archive() {
        let known = Suites::decide(BACKPORTED, "http://x/debian/ bookworm-backports\n", OS).unwrap();
        assert!(known.is_configured && known.backports == "bookworm-backports");
        let unknown = Suites::decide(BACKPORTED, STABLE, OS).unwrap();
        assert!(!unknown.is_configured);
        let sources = unknown.sources().unwrap();
        assert!(
            sources.contains("\nURIs: http://deb.debian.org/debian/\nSuites: bookworm-backports\n"),
            "{sources}"
        );
    }

    #[test]
    fn a_package_from_backports_is_asked_for_with_its_suite() {
        let argv = arguments(&["apt-get", "--simulate"], &["qemu-system-x86"], Some("bookworm-backports"));
        let expected = "apt-get --simulate --no-install-recommends install --target-release bookworm-backports qemu-system-x86";
        assert_eq!(argv.join(" "), expected);
    }
}
