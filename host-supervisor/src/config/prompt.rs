//! Prompts, and the VMs without a desktop in which they run.

use std::{num::NonZeroU32, time::Duration};

use super::{ConfigError, Reader, value};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptChoices {
    /// The image of those VMs.
    pub profile: String,
    /// Never by itself when unset.
    pub hibernate_after: Option<Duration>,
    pub destroy_after: Duration,
    /// Of one user.
    pub at_once: NonZeroU32,
    /// Of one user.
    pub waiting: u32,
    pub limit: Duration,
    pub output_mib: NonZeroU32,
}

pub(super) fn read(read: &Reader<'_>, image_profile: &str) -> Result<PromptChoices, ConfigError> {
    let profile = |text: &str| match text {
        "auto" => Ok(beside(image_profile)),
        other => value::image_name(other),
    };
    Ok(PromptChoices {
        profile: read.value("vm.cli.profile", profile)?,
        hibernate_after: read.option("vm.cli.hibernate_after", value::duration)?,
        destroy_after: read.value("vm.cli.destroy_after", value::duration)?,
        at_once: read.value("prompt.at_once", value::count)?,
        waiting: read.value("prompt.waiting", value::number(0..=1000))?,
        limit: read.value("prompt.limit", value::duration)?,
        output_mib: read.value("prompt.output_mib", value::count)?,
    })
}

/// The image without a desktop that goes with one that has one, by the names of the recipes.
fn beside(profile: &str) -> String {
    match profile {
        "desktop" => "cli".to_owned(),
        other => format!("cli-{other}"),
    }
}
