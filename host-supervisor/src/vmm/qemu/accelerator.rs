//! Who executes the guests' instructions: the processor (KVM) or QEMU's translator (TCG).
//!
//! ```text
//!  wanted: tcg ─────────────────────────────────────────────────────────────▶ TCG
//!  wanted: auto, kvm ─▶ /dev/kvm opens? ─▶ known verdict? ─▶ probe boot ──┬─▶ KVM
//!                            no │             no better              useless│
//!                               └────────────────────────────────────────┴─▶ TCG (auto), refused (kvm)
//! ```
//! A `/dev/kvm` that opens and makes VMs can still be useless (nested virtualisation that emulates kernel code), so
//! only a boot counts.

use std::{fs::OpenOptions, path::Path, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    QemuSettings,
    probe::{ProbeOutcome, probe_kvm},
    tsc,
    verdict::{Verdict, VerdictKey},
};
use crate::vmm::{BootFiles, LaunchError, Version};

/// What the operator wants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// KVM where it works.
    #[default]
    Auto,
    /// KVM or nothing.
    Kvm,
    Tcg,
}

#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no acceleration: expected auto, kvm or tcg")]
pub struct ParseWantedError(String);

impl FromStr for Wanted {
    type Err = ParseWantedError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "kvm" => Ok(Self::Kvm),
            "tcg" => Ok(Self::Tcg),
            _ => Err(ParseWantedError(text.chars().take(32).collect())),
        }
    }
}

/// What it will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accelerator {
    Kvm,
    /// With the frequency of the host's time stamp counter, where it has a steady one.
    Tcg {
        tsc_khz: Option<u32>,
    },
}

impl Accelerator {
    /// What a snapshot depends on. The counter's frequency is measured anew by each daemon, so only roughly: a guest goes
    /// on with the one that it was told.
    pub(super) fn for_snapshots(self) -> String {
        const STEP_KHZ: u32 = 25_000;
        match self {
            Self::Kvm => "kvm".to_owned(),
            Self::Tcg { tsc_khz: None } => "tcg".to_owned(),
            Self::Tcg { tsc_khz: Some(khz) } => {
                format!("tcg, counter at about {} MHz", (khz + STEP_KHZ / 2) / STEP_KHZ * STEP_KHZ / 1000)
            }
        }
    }

    /// What the kernel is told of its time stamp counter: calibrating it by an emulated timer takes long, and fails at times.
    pub(super) fn kernel_words(self) -> Vec<String> {
        match self {
            Self::Tcg { tsc_khz: Some(khz) } => {
                vec![format!("tsc_early_khz={khz}"), "tsc=reliable".to_owned()]
            }
            Self::Tcg { tsc_khz: None } | Self::Kvm => Vec::new(),
        }
    }
}

/// What was chosen, and why, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    pub accelerator: Accelerator,
    pub reason: String,
}

/// The QEMU that would run the guests.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub(super) settings: &'a QemuSettings,
    pub(super) program: &'a Path,
    pub(super) version: Version,
}

pub(super) async fn choose(qemu: Candidate<'_>, boot: &BootFiles) -> Result<Choice, LaunchError> {
    let verdict = match qemu.settings.wanted {
        Wanted::Tcg => Verdict { works: false, reason: "the translator was asked for".to_owned() },
        Wanted::Auto | Wanted::Kvm => judge_kvm(qemu, boot).await?,
    };
    tracing::info!(kvm = verdict.works, "{}", verdict.reason);
    let accelerator = match (qemu.settings.wanted, verdict.works) {
        (_, true) => Accelerator::Kvm,
        (Wanted::Kvm, false) => return Err(LaunchError::NoAcceleration(verdict.reason)),
        (Wanted::Auto | Wanted::Tcg, false) => Accelerator::Tcg { tsc_khz: tsc::measure_khz().await },
    };
    Ok(Choice { accelerator, reason: verdict.reason })
}

async fn judge_kvm(qemu: Candidate<'_>, boot: &BootFiles) -> Result<Verdict, LaunchError> {
    // Not remembered: whoever adds the user to the group kvm wants to see the change at once.
    if let Err(error) = OpenOptions::new().read(true).write(true).open("/dev/kvm") {
        return Ok(Verdict { works: false, reason: format!("/dev/kvm cannot be opened: {error}") });
    }
    let key = VerdictKey::of_this_machine(qemu.version, &boot.kernel).await?;
    if let Some(verdict) = key.recall(&qemu.settings.cache).await {
        return Ok(verdict);
    }
    let verdict = match probe_kvm(qemu.program, &qemu.settings.machine, boot).await? {
        ProbeOutcome::Boots { after } => {
            Verdict { works: true, reason: format!("a kernel boots with KVM in {} ms", after.as_millis()) }
        }
        ProbeOutcome::Useless { reason } => Verdict { works: false, reason },
    };
    key.remember(&qemu.settings.cache, &verdict).await;
    Ok(verdict)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_translated_kernel_is_told_the_frequency_of_its_counter() {
        let words = Accelerator::Tcg { tsc_khz: Some(2_595_124) }.kernel_words();
        assert_eq!(words, ["tsc_early_khz=2595124", "tsc=reliable"]);
        assert!(Accelerator::Tcg { tsc_khz: None }.kernel_words().is_empty());
        assert!(Accelerator::Kvm.kernel_words().is_empty());
    }

    #[test]
    fn settings_are_read_and_typing_errors_told() {
        assert_eq!("kvm".parse::<Wanted>().unwrap(), Wanted::Kvm);
        let error = "kmv".parse::<Wanted>().unwrap_err();
        assert_eq!(error.to_string(), "\"kmv\" is no acceleration: expected auto, kvm or tcg");
    }
}
