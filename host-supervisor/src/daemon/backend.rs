//! Which VMM runs the VMs where the operator leaves that open (`vmm = "auto"`).
//!
//! ```text
//!  guests on the host's network? ─▶ Firecracker and its jailer there, /dev/kvm opens? ─▶ no QEMU, or KVM works with it? ─▶ Firecracker
//!           │ no                                │ no                                                 │ no
//!           └───────────────────────────────────┴────────────────────────────────────────────────────┴──────────▶ QEMU
//! ```
//! A `/dev/kvm` that opens can still be useless, and only a boot tells (`vmm/qemu/accelerator.rs`). That boot is QEMU's: on
//! a host without it, a KVM that opens is believed.

use super::qemu_settings;
use crate::{
    config::{Backend, Config},
    failure::causes,
    vmm::{
        BootFiles,
        firecracker::Firecracker,
        qemu::{Accelerator, Qemu, QemuSettings, Wanted},
    },
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) backend: Backend,
    /// For people.
    pub(crate) reason: String,
}

/// `boot` is what to try KVM with; without it that is not tried.
pub(crate) async fn choose(config: &Config, boot: Option<&BootFiles>) -> Chosen {
    match against_firecracker(config, boot).await {
        None => {
            Chosen { backend: Backend::Firecracker, reason: "Firecracker is there, and KVM works".to_owned() }
        }
        Some(reason) => Chosen { backend: Backend::Qemu, reason },
    }
}

async fn against_firecracker(config: &Config, boot: Option<&BootFiles>) -> Option<String> {
    if config.network.host.is_none() {
        return Some("the guests' network is QEMU's own, because network.mode is user".to_owned());
    }
    if let Err(error) = Firecracker::open(config.firecracker.clone()).await {
        return Some(causes(&error));
    }
    let settings = QemuSettings { wanted: Wanted::Auto, ..qemu_settings(config) };
    let tried = Qemu::choice_for(&settings, boot?).await.ok()?;
    (tried.accelerator != Accelerator::Kvm).then_some(tried.reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Layers};

    async fn chosen(settings: &[(&str, &str)]) -> Chosen {
        let home = Environment::from([("HOME".to_owned(), "/home/ann".to_owned())]);
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let flags: Vec<_> = settings.iter().map(own).chain([("vmm".to_owned(), "auto".to_owned())]).collect();
        choose(&Config::load(&Layers::gather(&home, None, &flags).unwrap()).unwrap(), None).await
    }

    #[tokio::test]
    async fn what_speaks_against_firecracker_is_told() {
        let with_its_own_network = chosen(&[("firecracker.program", "sh")]).await;
        assert_eq!(with_its_own_network.backend, Backend::Qemu);
        assert!(with_its_own_network.reason.contains("network.mode is user"), "{with_its_own_network:?}");
        let missing = [("network.mode", "bridge"), ("firecracker.program", "anteroom-no-such-tool")];
        let missing = chosen(&missing).await;
        assert_eq!(missing.backend, Backend::Qemu);
        assert!(missing.reason.contains("anteroom-no-such-tool is missing"), "{missing:?}");
    }
}
