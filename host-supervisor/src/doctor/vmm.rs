//! What runs the VMs: QEMU, its acceleration, the vsock device; Firecracker, where it is there.

use std::{fs::OpenOptions, io, path::Path, process::Stdio, time::Duration};

use tokio::process::Command;

use super::{
    finding::{Finding, Remedy},
    image::Found,
};
use crate::{
    config::{Backend, BackendChoice, Config},
    daemon::{
        backend::{self, Chosen},
        qemu_settings,
    },
    failure::causes,
    vmm::{
        LaunchError, Version,
        firecracker::{Firecracker, FirecrackerSettings},
        process::find_program,
        qemu::{self, Accelerator, Choice, Qemu, QemuSettings, Wanted},
    },
};

/// Name and title of its finding.
const FIRECRACKER: (&str, &str) = ("firecracker", "Firecracker");
/// How long a program may take to say its version.
const PATIENCE: Duration = Duration::from_secs(5);

/// And which it is.
pub(super) async fn examine(config: &Config, image: Option<&Found>) -> (Backend, Vec<Finding>) {
    let (backend, mut findings) = match config.vmm {
        BackendChoice::Exactly(backend) => (backend, Vec::new()),
        BackendChoice::Auto => {
            let boot = image.map(|image| &image.boot);
            let Chosen { backend, reason } = backend::choose(config, boot).await;
            (backend, vec![Finding::ok("vmm", "VMM", format!("{}: {reason}", name(backend)))])
        }
    };
    findings.extend(match backend {
        Backend::Qemu => {
            let settings = qemu_settings(config);
            vec![
                qemu(&settings).await,
                vsock_device(&settings).await,
                acceleration(settings, image).await,
                unused_firecracker().await,
            ]
        }
        Backend::Firecracker => firecracker(config).await,
    });
    (backend, findings)
}

fn name(backend: Backend) -> &'static str {
    match backend {
        Backend::Qemu => "QEMU",
        Backend::Firecracker => "Firecracker",
    }
}

async fn qemu(settings: &QemuSettings) -> Finding {
    let Some(program) = find_program(&settings.program, &[]) else {
        return Finding::fail("qemu", "QEMU", format!("{} is not installed", settings.program))
            .with(Remedy::packages("install it", &["qemu-system-x86"]));
    };
    judge_qemu(&program, qemu::version_of(&program).await)
}

fn judge_qemu(program: &Path, version: Result<Version, LaunchError>) -> Finding {
    match version {
        Ok(version) if version < qemu::OLDEST => {
            let oldest = qemu::OLDEST;
            Finding::warn("qemu", "QEMU", format!("{version} is older than the oldest tested, {oldest}"))
                .with(Remedy::by_hand("install a newer one", None))
        }
        Ok(version) => Finding::ok("qemu", "QEMU", format!("{version}, {}", program.display())),
        Err(error) => Finding::fail("qemu", "QEMU", causes(&error))
            .with(Remedy::packages("install Debian's", &["qemu-system-x86"])),
    }
}

async fn vsock_device(settings: &QemuSettings) -> Finding {
    let (id, title) = ("vsock-device", "vhost-device-vsock");
    match find_program(&settings.vsock_device, &settings.tool_directories()) {
        Some(program) => {
            let version =
                version_line(&program).await.unwrap_or_else(|| "does not say its version".to_owned());
            Finding::ok(id, title, format!("{version}, {}", program.display()))
        }
        None => Finding::fail(id, title, format!("{} is not installed", settings.vsock_device))
            .with(Remedy::vsock_device("build it, which takes a few minutes", settings.cache.join("tools"))),
    }
}

async fn acceleration(settings: QemuSettings, image: Option<&Found>) -> Finding {
    let wanted = settings.wanted;
    let device = open_kvm();
    let choice = match image {
        Some(image) => Some(Qemu::choice_for(&settings, &image.boot).await),
        None => None,
    };
    judge_acceleration(wanted, &device, choice)
}

fn judge_acceleration(
    wanted: Wanted,
    device: &io::Result<()>,
    choice: Option<Result<Choice, LaunchError>>,
) -> Finding {
    let (id, title) = ("acceleration", "acceleration");
    match choice {
        Some(Ok(Choice { accelerator: Accelerator::Kvm, reason })) => {
            Finding::ok(id, title, format!("KVM: {reason}"))
        }
        Some(Ok(Choice { reason, .. })) if wanted == Wanted::Tcg => {
            Finding::ok(id, title, format!("none: {reason}"))
        }
        Some(Ok(Choice { reason, .. })) => {
            Finding::warn(id, title, format!("none, VMs are many times slower: {reason}"))
                .with(kvm_remedy(device))
        }
        Some(Err(error)) => Finding::fail(id, title, causes(&error)).with(kvm_remedy(device)),
        None => {
            Finding::warn(id, title, "not known yet: only a boot tells, and for that the image is needed")
        }
    }
}

fn open_kvm() -> io::Result<()> {
    OpenOptions::new().read(true).write(true).open("/dev/kvm").map(drop)
}

fn kvm_remedy(device: &io::Result<()>) -> Remedy {
    match device {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let text = "let this user use /dev/kvm, then log in again";
            Remedy::by_hand(text, Some("sudo usermod --append --groups kvm \"$USER\""))
        }
        Err(_) => Remedy::by_hand(
            "enable virtualisation: in the firmware of a real machine, as nested virtualisation for a virtual one",
            None,
        ),
        Ok(()) => Remedy::by_hand(
            "nothing helps inside a VM whose own host gives it no usable virtualisation",
            None,
        ),
    }
}

async fn firecracker(config: &Config) -> Vec<Finding> {
    let opened = Firecracker::open(config.firecracker.clone()).await;
    let jailer = match &opened {
        Ok(firecracker) => match firecracker.jailer() {
            Some(jailer) => Some(judge_jailer(firecracker.version(), version_line(jailer).await)),
            None => None,
        },
        Err(_) => None,
    };
    let vsock = Finding::ok("vsock", "vsock", "made by Firecracker itself; /dev/vhost-vsock is not needed");
    [judge_firecracker(opened, &open_kvm())].into_iter().chain(jailer).chain([vsock]).collect()
}

/// The two speak by arguments that change with versions: `Jailer v1.13.1`.
fn judge_jailer(firecracker: Version, said: Option<String>) -> Finding {
    let (id, title) = ("jailer", "jailer");
    let Some(said) = said else {
        return Finding::fail(id, title, "does not say its version")
            .with(Remedy::by_hand("install the jailer of Firecracker's own release", None));
    };
    let of_the_release =
        said.split_whitespace().any(|word| word.trim_start_matches('v') == firecracker.to_string());
    if of_the_release {
        Finding::ok(id, title, said)
    } else {
        Finding::warn(id, title, format!("{said} is of another release than Firecracker {firecracker}"))
            .with(Remedy::by_hand("install both from one release", None))
    }
}

fn judge_firecracker(opened: Result<Firecracker, LaunchError>, device: &io::Result<()>) -> Finding {
    let (id, title) = FIRECRACKER;
    match opened {
        Ok(firecracker) => {
            let said = format!("{}, {}", firecracker.version(), firecracker.program().display());
            match firecracker.jailer() {
                Some(jailer) => Finding::ok(id, title, format!("{said}, jailed by {}", jailer.display())),
                None => Finding::warn(id, title, format!("{said}, without its jailer")).with(
                    Remedy::by_hand("start the daemon as root: the jailer needs that, its VMs do not", None),
                ),
            }
        }
        Err(error @ LaunchError::NoAcceleration(_)) => {
            Finding::fail(id, title, causes(&error)).with(kvm_remedy(device))
        }
        Err(error) => {
            let remedy = Remedy::by_hand("install a release of Firecracker, or set vmm to qemu", None);
            Finding::fail(id, title, causes(&error)).with(remedy)
        }
    }
}

/// Told because operators plan with it.
async fn unused_firecracker() -> Finding {
    let (id, title) = FIRECRACKER;
    match find_program(FirecrackerSettings::PROGRAM, &[]) {
        Some(program) => {
            let version =
                version_line(&program).await.unwrap_or_else(|| "does not say its version".to_owned());
            Finding::ok(id, title, format!("{version}, {}", program.display()))
        }
        None => Finding::ok(id, title, "not installed, and not needed with QEMU"),
    }
}

async fn version_line(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(PATIENCE, output).await.ok()?.ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().next()?.trim();
    (!line.is_empty()).then(|| line.chars().take(60).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    fn kvm(result: Result<Accelerator, &str>) -> Option<Result<Choice, LaunchError>> {
        Some(match result {
            Ok(accelerator) => Ok(Choice { accelerator, reason: "it was tried".into() }),
            Err(reason) => Err(LaunchError::NoAcceleration(reason.into())),
        })
    }

    #[test]
    fn slow_vms_are_a_remark_unless_somebody_insists_on_kvm() {
        let denied = Err(io::Error::from(io::ErrorKind::PermissionDenied));
        let tcg = Accelerator::Tcg { tsc_khz: None };
        let level = |wanted, choice| judge_acceleration(wanted, &denied, choice).level;
        assert_eq!(level(Wanted::Auto, kvm(Ok(Accelerator::Kvm))), Level::Ok);
        assert_eq!(level(Wanted::Auto, kvm(Ok(tcg))), Level::Warn);
        assert_eq!(level(Wanted::Tcg, kvm(Ok(tcg))), Level::Ok);
        assert_eq!(level(Wanted::Kvm, kvm(Err("no"))), Level::Fail);
        assert_eq!(level(Wanted::Auto, None), Level::Warn);
        let remedy = judge_acceleration(Wanted::Auto, &denied, kvm(Ok(tcg))).remedy.unwrap();
        assert!(remedy.command.unwrap().contains("--groups kvm"));
    }

    #[test]
    fn an_old_qemu_is_a_remark_and_a_broken_one_a_failure() {
        let judged = |version| judge_qemu(Path::new("/usr/bin/qemu"), version).level;
        assert_eq!(judged(Ok(qemu::OLDEST)), Level::Ok);
        assert_eq!(judged(Ok(Version { major: 6, minor: 2, patch: 0 })), Level::Warn);
        let source = io::Error::from(io::ErrorKind::InvalidData);
        assert_eq!(judged(Err(LaunchError::Start { program: "qemu".into(), source })), Level::Fail);
    }

    #[test]
    fn a_firecracker_that_cannot_run_is_a_failure_with_what_to_do() {
        let denied = Err(io::Error::from(io::ErrorKind::PermissionDenied));
        let missing = LaunchError::Missing {
            what: "the program",
            path: "firecracker".into(),
            remedy: "install it".into(),
        };
        let finding = judge_firecracker(Err(missing), &denied);
        assert_eq!(finding.level, Level::Fail);
        assert!(finding.remedy.unwrap().text.contains("qemu"));
        let finding = judge_firecracker(Err(LaunchError::NoAcceleration("closed".into())), &denied);
        assert!(finding.remedy.unwrap().command.unwrap().contains("--groups kvm"));
    }

    #[test]
    fn a_jailer_of_another_release_is_a_remark() {
        let firecracker = Version { major: 1, minor: 13, patch: 1 };
        let level = |said: Option<&str>| judge_jailer(firecracker, said.map(str::to_owned)).level;
        assert_eq!(level(Some("Jailer v1.13.1")), Level::Ok);
        assert_eq!(level(Some("Jailer v1.13.10")), Level::Warn);
        assert_eq!(level(Some("Jailer v1.12.0")), Level::Warn);
        assert_eq!(level(None), Level::Fail);
    }

    #[tokio::test]
    async fn a_missing_vsock_device_can_be_built_into_the_cache() {
        let settings = QemuSettings {
            vsock_device: "anteroom-no-such-tool".into(),
            ..QemuSettings::new("/cache".into())
        };
        let finding = vsock_device(&settings).await;
        assert_eq!(finding.level, Level::Fail);
        let command = finding.remedy.unwrap().command.unwrap();
        assert_eq!(command, "cargo install vhost-device-vsock --locked --version 0.3.0 --root /cache/tools");
    }
}
