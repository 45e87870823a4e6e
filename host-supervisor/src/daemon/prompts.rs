//! What prompts are run with, out of the configuration.

use crate::{
    config::{Config, PromptChoices},
    images::ResolvedImage,
    live::Live,
    net::Network,
    prompt::{PromptLimits, PromptSettings},
    session::{SessionSettings, VmTemplate},
};

pub(super) fn settings(
    config: &Config,
    image: Result<ResolvedImage, String>,
    network: Network,
    sessions: &SessionSettings,
) -> PromptSettings {
    let template = |image| VmTemplate {
        shape: config.cli_vm,
        disk_mib: config.vm_disk_mib,
        image,
        network,
        clipboard: config.clipboard,
    };
    PromptSettings {
        vm: image.map(template),
        admission: sessions.admission.changes(),
        surroundings: sessions.surroundings.clone(),
        limits: Live::new(limits(&config.prompt)),
    }
}

pub(super) fn limits(choices: &PromptChoices) -> PromptLimits {
    PromptLimits {
        at_once: choices.at_once,
        waiting: choices.waiting,
        limit: choices.limit,
        output_mib: choices.output_mib,
        destroy_after: choices.destroy_after,
    }
}
