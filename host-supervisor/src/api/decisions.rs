//! The operator's decisions about the API that can change while it serves.

use std::sync::Arc;

use super::{Api, ApiSettings, RateLimit, access::Access};
use crate::{config::Config, live::Live};

/// Where the API looks for them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Decisions {
    settings: Arc<Live<ApiSettings>>,
    rate: Arc<RateLimit>,
    access: Arc<Access>,
}

impl Decisions {
    #[must_use]
    pub fn of(api: &Api) -> Self {
        let Api { settings, rate, access, .. } = api;
        Self { settings: Arc::clone(settings), rate: Arc::clone(rate), access: Arc::clone(access) }
    }

    /// From the next request on.
    pub fn apply(&self, config: &Config) {
        self.settings.set(ApiSettings::of(config));
        self.rate.apply();
        self.access.apply(config);
    }
}
