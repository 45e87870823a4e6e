//! What a kernel reaches PID 1 with: itself, an initramfs if its drivers are modules, and the disk with the agent.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{LaunchError, must_exist};

/// As a VM has them; with nothing else a kernel can be tried ([`super::qemu::probe_kvm`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootFiles {
    /// Of the kind that the VMM takes ([`super::KernelFile`]).
    pub kernel: PathBuf,
    /// Modules, and what loads them.
    pub initrd: Option<PathBuf>,
    /// The disk that the kernel, or the initramfs, goes on with. A VM that an older version has put to disk has none: its agent was in the
    /// initramfs.
    #[serde(default)]
    pub agent: Option<PathBuf>,
}

impl BootFiles {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.kernel].into_iter().chain(&self.initrd).chain(&self.agent)
    }

    /// # Errors
    /// Names the first file that is missing, and how to get it.
    pub(super) fn check(&self) -> Result<(), LaunchError> {
        must_exist("the kernel", &self.kernel, super::BUILD_IMAGE)?;
        // These two are made when a daemon starts.
        let anew = "start the daemon again, which makes it anew";
        if let Some(initrd) = &self.initrd {
            must_exist("the initial ramdisk", initrd, anew)?;
        }
        if let Some(agent) = &self.agent {
            must_exist("the disk with the agent", agent, anew)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use anteroom_protocol::{VmId, desk::Directions};
    use serde_json::json;

    use super::*;
    use crate::{net::Network, vmm::VmSpec};

    #[test]
    fn a_vm_that_an_older_version_has_put_to_disk_is_the_machine_that_it_was() {
        let boot =
            BootFiles { kernel: "/k/vmlinuz".into(), initrd: Some("/k/initrd.cpio".into()), agent: None };
        let spec = VmSpec {
            id: VmId::random(),
            vcpus: 2,
            memory_mib: 1024,
            boot: boot.clone(),
            layers: vec!["/i/a.erofs".into()],
            disk: Some("/v/disk".into()),
            network: Network::None,
            clipboard: Directions::BOTH,
            directory: "/v".into(),
            golden: false,
        };
        let mut stored = serde_json::to_value(&spec).unwrap();
        assert_eq!((&stored["kernel"], &stored["initrd"]), (&json!("/k/vmlinuz"), &json!("/k/initrd.cpio")));
        assert!(stored.as_object_mut().unwrap().remove("agent").is_some());
        assert_eq!(serde_json::from_value::<VmSpec>(stored).unwrap().boot, boot);
    }

    #[test]
    fn a_disk_with_the_agent_that_is_gone_is_named_with_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        let kernel = directory.path().join("vmlinuz");
        std::fs::write(&kernel, "").unwrap();
        let files = BootFiles { kernel, initrd: None, agent: Some("/none/agent.erofs".into()) };
        let error = files.check().unwrap_err().to_string();
        assert!(error.contains("/none/agent.erofs") && error.contains("start the daemon again"), "{error}");
    }
}
