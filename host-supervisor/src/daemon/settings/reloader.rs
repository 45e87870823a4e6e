//! Brings other settings to those parts of a daemon that can take them: all of them, or none when one cannot be had.

use std::{sync::Arc, time::Duration};

use crate::{
    api::Decisions,
    config::{Changes, Config, ConfigError},
    daemon::{
        admission, audit_keep, hibernate_after, launch_bounds, prompts,
        tls::{Identity, Tls, TlsError},
    },
    live::Live,
    prompt::Prompts,
    session::Sessions,
    vm::VmStarter,
    webhook::{self, Webhook, WebhookError},
};

/// Has the settings that count, and those that the daemon was started with.
#[derive(Debug)]
pub struct Reloader {
    pub(in crate::daemon) started: Config,
    pub(in crate::daemon) current: Config,
    pub(in crate::daemon) waiting: Vec<&'static str>,
    pub(in crate::daemon) decisions: Decisions,
    pub(in crate::daemon) sessions: Sessions,
    pub(in crate::daemon) prompts: Prompts,
    pub(in crate::daemon) vms: Arc<VmStarter>,
    pub(in crate::daemon) audit_keep: Arc<Live<Duration>>,
    pub(in crate::daemon) webhook: Option<Arc<Webhook>>,
    pub(in crate::daemon) tls: Option<Arc<Tls>>,
}

#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Reloader {
    #[must_use]
    pub fn current(&self) -> &Config {
        &self.current
    }

    #[must_use]
    pub fn started(&self) -> &Config {
        &self.started
    }

    /// Settings that wait for a restart.
    #[must_use]
    pub fn waiting(&self) -> &[&'static str] {
        &self.waiting
    }

    /// Reads the certificate's files again.
    ///
    /// # Errors
    /// With what is wrong; the one of before stays then.
    pub fn renew_certificate(&self) -> Result<(), TlsError> {
        if let (Some(tls), Some(choices)) = (&self.tls, &self.current.tls) {
            tls.replace(Identity::read(choices)?);
        }
        Ok(())
    }

    /// Files that settings name are read again, too.
    ///
    /// # Errors
    /// With what is wrong; nothing has changed then.
    pub fn apply(&mut self, new: Config) -> Result<Changes, ReloadError> {
        let at_once = self.current.changes(&new).at_once;
        let at_restart = self.started.changes(&new).at_restart;
        let config = self.started.adopting(&new)?;
        // What can fail comes first.
        let receiver = config.webhook.as_ref().map(webhook::Receiver::new).transpose()?;
        let identity = config.tls.as_ref().map(Identity::read).transpose()?;
        if let (Some(tls), Some(identity)) = (&self.tls, identity) {
            tls.replace(identity);
        }
        if let (Some(webhook), Some(receiver)) = (&self.webhook, receiver) {
            webhook.replace(receiver);
        }
        self.decisions.apply(&config);
        let settings = self.sessions.settings();
        settings.limits.set(config.session);
        settings.admission.set(admission(&config));
        self.prompts.set_limits(prompts::limits(&config.prompt));
        self.vms.bound_launches(launch_bounds(&config));
        self.vms.set_hibernate_after(hibernate_after(&config));
        self.audit_keep.set(audit_keep(&config));
        self.current = config;
        self.waiting.clone_from(&at_restart);
        Ok(Changes { at_once, at_restart })
    }
}
