//! Whether the daemon is there, and what it has to offer.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use anteroom_protocol::{ProviderDefinition, provider::Launch};
use axum::{Json, extract::State, http::StatusCode};
use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;

use super::{
    Api,
    words::{TimeText, time_text},
};

/// How long a part of the daemon may think about whether it is well.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Health {
    status: &'static str,
    /// Seconds.
    uptime: f64,
    #[schemars(with = "TimeText")]
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

/// One thing that the daemon cannot do without.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "HealthCheck")]
pub(super) struct Check {
    name: &'static str,
    ok: bool,
    /// What is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Readiness {
    /// `ready`, or `not_ready`.
    status: &'static str,
    checks: Vec<Check>,
}

impl Check {
    pub(super) fn of(name: &'static str, cause: Option<String>) -> Self {
        Self { name, ok: cause.is_none(), cause }
    }
}

impl Readiness {
    pub(super) fn of(checks: Vec<Check>) -> Self {
        let ready = checks.iter().all(|check| check.ok);
        Self { status: if ready { "ready" } else { "not_ready" }, checks }
    }
}

/// Whether it can begin a session: 503 with the cause when it cannot. A host that is merely full says so by the answer to a start.
pub(super) async fn ready(State(api): State<Arc<Api>>) -> (StatusCode, Json<Readiness>) {
    let readiness = Readiness::of(checks(&api).await);
    let ready = readiness.checks.iter().all(|check| check.ok);
    (if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(readiness))
}

pub(super) async fn checks(api: &Api) -> Vec<Check> {
    let database = match tokio::time::timeout(PATIENCE, api.store.ping()).await {
        Ok(Ok(())) => None,
        Ok(Err(_)) => Some("it does not do what it is asked; the log says more".to_owned()),
        Err(_) => Some(format!("it has not answered within {} s", PATIENCE.as_secs())),
    };
    let missing = api.image.boot.iter().chain(&api.image.layers);
    let missing = missing.filter(|file| !file.exists()).filter_map(|file| file.file_name());
    let missing: Vec<String> = missing.map(|name| name.to_string_lossy().into_owned()).collect();
    let image =
        (!missing.is_empty()).then(|| format!("{} is gone; build the image again", missing.join(", ")));
    let providers = api.providers.offered().is_empty().then(|| "there is none to sign in to".to_owned());
    vec![Check::of("database", database), Check::of("image", image), Check::of("providers", providers)]
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ProviderList {
    providers: Vec<Provider>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Provider {
    id: String,
    name: String,
    /// The default one first.
    launches: Vec<LaunchWords>,
}

#[derive(Debug, Serialize, JsonSchema)]
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

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Image {
    profile: String,
    programs: Option<BTreeSet<String>>,
    digest: String,
    layers: Vec<String>,
    #[schemars(with = "serde_json::Value")]
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
