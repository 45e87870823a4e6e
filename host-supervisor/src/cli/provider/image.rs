//! In which image sessions run: that of the daemon, where one answers, and the configured one else.

use std::{collections::BTreeSet, time::Duration};

use serde::Deserialize;
use serde_json::Value;

use crate::{
    cli::{exit::Problem, with_client},
    config::{Config, Environment},
    daemon,
};

/// A daemon that is there answers at once; without one nobody shall wait.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Image {
    pub(super) profile: String,
    /// What it has; unknown when it is not built.
    pub(super) programs: Option<BTreeSet<String>>,
}

impl Image {
    pub(super) fn find(config: &Config, environment: &Environment) -> Result<Self, Problem> {
        let told = with_client(config, environment, async |client| {
            Ok(tokio::time::timeout(PATIENCE, client.get("/api/image")).await.ok().and_then(Result::ok))
        })?;
        Ok(told.and_then(Self::of_daemon).unwrap_or_else(|| Self::configured(config)))
    }

    pub(super) fn configured(config: &Config) -> Self {
        Self { profile: config.image_profile.clone(), programs: daemon::image_programs(config) }
    }

    /// `None` when it does not tell which programs there are.
    fn of_daemon(answer: Value) -> Option<Self> {
        serde_json::from_value(answer).ok().filter(|image: &Self| image.programs.is_some())
    }
}
