//! Whether the daemon is there, and what it has to offer.

use std::{collections::BTreeSet, sync::Arc};

use anteroom_protocol::{ProviderDefinition, provider::Launch};
use axum::{Json, extract::State};
use serde::Serialize;
use time::OffsetDateTime;

use super::{Api, words::time_text};

#[derive(Debug, Serialize)]
pub(super) struct Health {
    status: &'static str,
    /// Seconds.
    uptime: f64,
    #[serde(serialize_with = "time_text::serialize")]
    timestamp: OffsetDateTime,
    version: &'static str,
}

pub(super) async fn health(State(api): State<Arc<Api>>) -> Json<Health> {
    Json(Health {
        status: "healthy",
        uptime: api.started.elapsed().as_secs_f64(),
        timestamp: OffsetDateTime::now_utc(),
        version: env!("CARGO_PKG_VERSION"),
    })
}

#[derive(Debug, Serialize)]
pub(super) struct ProviderList {
    providers: Vec<Provider>,
}

#[derive(Debug, Serialize)]
struct Provider {
    id: String,
    name: String,
    /// The default one first.
    launches: Vec<LaunchWords>,
}

#[derive(Debug, Serialize)]
struct LaunchWords {
    id: String,
    title: String,
}

impl Provider {
    fn of(definition: &ProviderDefinition) -> Self {
        let mut launches: Vec<LaunchWords> = definition.launch.iter().map(LaunchWords::of).collect();
        launches.sort_by_key(|launch| launch.id != ProviderDefinition::DEFAULT_LAUNCH);
        Self { id: definition.id.clone(), name: definition.name.clone(), launches }
    }
}

impl LaunchWords {
    fn of((id, launch): (&String, &Launch)) -> Self {
        Self { id: id.clone(), title: launch.title.clone().unwrap_or_else(|| id.clone()) }
    }
}

pub(super) async fn providers(State(api): State<Arc<Api>>) -> Json<ProviderList> {
    let offered = api.providers.offered();
    let providers = offered.iter().map(|definition| Provider::of(definition));
    Json(ProviderList { providers: providers.collect() })
}

#[derive(Debug, Serialize)]
pub(super) struct Image {
    profile: String,
    programs: Option<BTreeSet<String>>,
    digest: String,
    layers: Vec<String>,
    backend: crate::vmm::Capabilities,
}

pub(super) async fn image(State(api): State<Arc<Api>>) -> Json<Image> {
    let name = |path: &std::path::PathBuf| {
        path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    };
    Json(Image {
        profile: api.image.profile.clone(),
        programs: api.providers.programs().cloned(),
        digest: api.image.digest.clone(),
        layers: api.image.layers.iter().map(name).collect(),
        backend: api.vms.vmm().capabilities(),
    })
}
