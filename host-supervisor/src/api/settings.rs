//! The settings that count, for operators; of secrets only that they are set.

use std::sync::Arc;

use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Api, error::ApiError, seen::Acting};
use crate::config::Shown;

#[derive(Debug, Serialize, JsonSchema)]
struct Setting {
    key: &'static str,
    value: String,
    /// Where the value was found.
    source: String,
    /// Whether it can change while the daemon runs.
    reloadable: bool,
    meaning: &'static str,
}

impl From<&Shown> for Setting {
    fn from(shown: &Shown) -> Self {
        let Shown { key, value, source, reloadable, meaning, variable: _ } = shown;
        Self { key, value: value.clone(), source: source.to_string(), reloadable: *reloadable, meaning }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Settings {
    settings: Vec<Setting>,
}

/// `GET /api/admin/settings`
pub(super) async fn list(State(api): State<Arc<Api>>, acting: Acting) -> Result<Json<Settings>, ApiError> {
    acting.must_be_nobody()?;
    Ok(Json(Settings { settings: api.settings.now().shown.iter().map(Setting::from).collect() }))
}
