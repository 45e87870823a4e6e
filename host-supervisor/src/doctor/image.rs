//! The image that VMs boot from, and what is needed to make it.

use std::path::PathBuf;

use anteroom_guest_image::{
    Error as StoreError, KernelKind,
    tool::{FSCK_EROFS, KERNEL_BUILD, MKFS_EROFS, MMDEBSTRAP, NEWUIDMAP, NPM, Requirement},
};
use nix::unistd::Uid;

use super::finding::{Finding, Remedy};
use crate::{
    config::Config,
    daemon::{MachineError, find_image},
    disk,
    failure::causes,
    vmm::{BootFiles, KernelFile},
};

/// The parts of an image that a probe boot needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) boot: BootFiles,
    size_bytes: u64,
}

pub(super) async fn look(config: &Config) -> Result<Found, MachineError> {
    let config = config.clone();
    let look = move || {
        let (image, boot) = find_image(&config, &config.image_profile, KernelFile::Either)?;
        Ok(Found { size_bytes: image.manifest.size_bytes(), boot })
    };
    tokio::task::spawn_blocking(look).await.unwrap_or(Err(MachineError::Interrupted))
}

pub(super) fn examine(config: &Config, image: &Result<Found, MachineError>) -> Vec<Finding> {
    let missing: Vec<Requirement> = needed(Uid::effective().is_root(), config.image_kernel)
        .into_iter()
        .filter(|requirement| !requirement.is_installed())
        .collect();
    let without_desktop = find_image(config, &config.prompt.profile, KernelFile::Either)
        .map(|(image, _)| image.manifest.size_bytes());
    vec![
        judge_image(config, image),
        judge_cli_image(config, &without_desktop),
        judge_tools(&missing, image.is_ok()),
        disk_tool(disk::mke2fs()),
    ]
}

/// Who only signs people in does without.
fn judge_cli_image(config: &Config, bytes: &Result<u64, MachineError>) -> Finding {
    let (id, title) = ("cli-image", "VM image for prompts");
    let profile = &config.prompt.profile;
    match bytes {
        Ok(bytes) => Finding::ok(id, title, format!("{profile}, {} MB", bytes / 1_000_000)),
        Err(MachineError::Image(StoreError::Missing(missing))) => {
            let detail = format!("{profile}: {}; no prompts can be run", missing.reasons.join(", "));
            Finding::warn(id, title, detail).with(Remedy::by_hand("build it", Some(&missing.remedy())))
        }
        // Told with the other image.
        Err(MachineError::GuestProgram(_)) => Finding::warn(id, title, "see above"),
        Err(error) => Finding::warn(id, title, causes(error)),
    }
}

fn needed(is_root: bool, kernel: KernelKind) -> Vec<Requirement> {
    let mut needed: Vec<Requirement> =
        [MMDEBSTRAP, MKFS_EROFS, FSCK_EROFS, NPM].map(Requirement::from).into();
    if !is_root {
        needed.push(NEWUIDMAP.into());
    }
    if kernel == KernelKind::Custom {
        needed.extend(KERNEL_BUILD);
    }
    needed
}

fn judge_image(config: &Config, image: &Result<Found, MachineError>) -> Finding {
    let (id, title) = ("image", "VM image");
    let profile = &config.image_profile;
    let kernel = config.image_kernel;
    match image {
        Ok(found) => {
            let megabytes = found.size_bytes / 1_000_000;
            Finding::ok(id, title, format!("{profile} with the {kernel} kernel, {megabytes} MB"))
        }
        Err(MachineError::Image(StoreError::Missing(missing))) => {
            let text = "build it, which takes some minutes (`anteroom up` does it as well)";
            Finding::fail(id, title, format!("{profile}: {}", missing.reasons.join(", ")))
                .with(Remedy::by_hand(text, Some(&missing.remedy())))
        }
        Err(MachineError::GuestProgram(error)) => Finding::fail(id, title, causes(error))
            .with(Remedy::by_hand("build the programs that live in the VMs", Some("make guest"))),
        Err(error) => Finding::fail(id, title, causes(error)),
    }
}

/// Missing tools matter only while there is something to build.
fn judge_tools(missing: &[Requirement], image_is_there: bool) -> Finding {
    let (id, title) = ("image-tools", "image tools");
    if missing.is_empty() {
        return Finding::ok(id, title, "all of them are installed");
    }
    let names: Vec<&str> = missing.iter().map(|requirement| requirement.name()).collect();
    let mut packages: Vec<&'static str> =
        missing.iter().map(|requirement| requirement.debian_package()).collect();
    packages.dedup();
    let detail = format!("not installed: {}", names.join(", "));
    let finding = if image_is_there {
        Finding::warn(id, title, detail + "; needed when the image is built again")
    } else {
        Finding::fail(id, title, detail)
    };
    finding.with(Remedy::packages("install them", &packages))
}

fn disk_tool(mke2fs: Option<PathBuf>) -> Finding {
    let (id, title) = ("disk-tool", "mke2fs");
    match mke2fs {
        Some(path) => Finding::ok(id, title, path.display().to_string()),
        None => Finding::fail(id, title, "not installed; it makes the disks of VMs")
            .with(Remedy::packages("install it", &["e2fsprogs"])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    #[test]
    fn tools_are_asked_for_once_each_and_only_urgently_while_there_is_no_image() {
        let missing = [MKFS_EROFS, FSCK_EROFS, NPM].map(Requirement::from);
        let finding = judge_tools(&missing, false);
        assert_eq!(finding.level, Level::Fail);
        assert_eq!(finding.detail, "not installed: mkfs.erofs, fsck.erofs, npm");
        assert!(finding.remedy.unwrap().command.unwrap().ends_with("apt-get install erofs-utils npm"));
        assert_eq!(judge_tools(&missing, true).level, Level::Warn);
        assert_eq!(judge_tools(&[], false).level, Level::Ok);
    }

    #[test]
    fn a_compiler_is_needed_only_for_the_custom_kernel_and_uidmap_only_by_others_than_root() {
        let names = |is_root, kernel| -> Vec<&str> {
            needed(is_root, kernel).iter().map(|requirement| requirement.name()).collect()
        };
        let stock = names(true, KernelKind::Stock);
        assert!(!stock.contains(&"gcc") && !stock.contains(&"newuidmap"), "{stock:?}");
        let custom = names(false, KernelKind::Custom);
        for name in ["newuidmap", "gcc", "make", "flex", "bison", "bc", "/usr/include/libelf.h"] {
            assert!(custom.contains(&name), "{name}: {custom:?}");
        }
    }

    #[test]
    fn without_mke2fs_no_vm_gets_a_disk() {
        assert_eq!(disk_tool(None).level, Level::Fail);
        assert_eq!(disk_tool(Some("/sbin/mke2fs".into())).level, Level::Ok);
    }
}
