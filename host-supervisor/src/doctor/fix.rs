//! Applying the remedies that a program can apply: packages, and one tool that Debian does not have.
//!
//! It says what it runs before it runs it, does nothing where nothing is to be done, and never changes what only an
//! operator can decide on (groups, kernel settings, firmware).

mod apt;
mod run;

use std::{fmt, path::PathBuf};

use nix::unistd::Uid;

use super::{Finding, Report};
pub use run::FixError;

/// The version of vhost-device-vsock that is tested.
const VSOCK_DEVICE_VERSION: &str = "0.3.0";

/// Something that can be done without asking back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Install these packages of the distribution.
    Packages(Vec<&'static str>),
    /// Build vhost-device-vsock into this directory.
    VsockDevice { root: PathBuf },
}

/// As a person would type it.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Packages(names) => write!(f, "{}apt-get install {}", as_root(), names.join(" ")),
            Self::VsockDevice { root } => write!(
                f,
                "cargo install vhost-device-vsock --locked --version {VSOCK_DEVICE_VERSION} --root {}",
                root.display()
            ),
        }
    }
}

fn as_root() -> &'static str {
    if Uid::effective().is_root() { "" } else { "sudo " }
}

/// What there is to do, packages of all findings together.
#[must_use]
pub fn actions(report: &Report) -> Vec<Action> {
    let remedies =
        report.findings.iter().filter_map(|Finding { remedy, .. }| remedy.as_ref()?.action.clone());
    let (mut packages, mut others) = (Vec::new(), Vec::new());
    for action in remedies {
        match action {
            Action::Packages(names) => packages.extend(names),
            other => others.push(other),
        }
    }
    packages.sort_unstable();
    packages.dedup();
    let packages = (!packages.is_empty()).then_some(Action::Packages(packages));
    packages.into_iter().chain(others).collect()
}

/// Does it. `say` is told every command before it runs; their own output goes to standard error.
///
/// # Errors
/// With the first thing that did not work; what was done before stays done.
pub async fn fix(actions: &[Action], say: &mut (dyn FnMut(&str) + Send)) -> Result<(), FixError> {
    for action in actions {
        match action {
            Action::Packages(names) => apt::install(names, say).await?,
            Action::VsockDevice { root } => {
                let root = root.display().to_string();
                let argv = [
                    "cargo",
                    "install",
                    "vhost-device-vsock",
                    "--locked",
                    "--version",
                    VSOCK_DEVICE_VERSION,
                    "--root",
                ];
                run::shown(&argv.into_iter().chain([root.as_str()]).collect::<Vec<_>>(), say).await?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Remedy;

    #[test]
    fn packages_are_installed_in_one_go_and_a_sound_machine_has_nothing_to_do() {
        let finding =
            |packages: &[&'static str]| Finding::fail("x", "x", "x").with(Remedy::packages("y", packages));
        let tool = Finding::fail("v", "v", "v").with(Remedy::vsock_device("build it", "/tools".into()));
        let by_hand = Finding::fail("z", "z", "z").with(Remedy::by_hand("do it", Some("rm -rf /")));
        let report = Report::new(vec![finding(&["npm", "erofs-utils"]), tool, finding(&["npm"]), by_hand]);
        let expected =
            [Action::Packages(vec!["erofs-utils", "npm"]), Action::VsockDevice { root: "/tools".into() }];
        assert_eq!(actions(&report), expected);
        assert!(actions(&Report::new(vec![Finding::ok("x", "x", "x")])).is_empty());
    }
}
