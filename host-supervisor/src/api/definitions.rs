//! Every provider definition, for operators: offered or not and why, files that are broken, and what came of the last trial.

use std::{collections::BTreeSet, sync::Arc};

use anteroom_protocol::SessionId;
use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Api,
    error::ApiError,
    seen::Acting,
    words::{TimeText, time_text},
};
use crate::{
    blocking,
    failure::{Failure, causes},
    providers::{Broken, Known, Origin},
    store::{SessionRecord, SessionStatus},
};

/// Trials among which the newest of each provider is looked for.
const MOST_TRIALS: u32 = 500;

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Definition")]
#[serde(rename_all = "camelCase")]
struct Words {
    id: String,
    name: String,
    /// The operator's own; none when it comes with Anteroom.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// Programs that the image lacks; with one of them it is not offered.
    missing: BTreeSet<String>,
    takes_prompts: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_trial: Option<Trial>,
}

/// A sign-in of which nothing is kept.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Trial {
    #[schemars(with = "Uuid")]
    session_id: SessionId,
    #[schemars(with = "TimeText")]
    #[serde(serialize_with = "time_text::serialize")]
    began_at: OffsetDateTime,
    status: SessionStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct BrokenFile {
    path: String,
    problem: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Definitions {
    providers: Vec<Words>,
    /// Files that are no definitions as they are now; what they were when they were last right still counts.
    broken: Vec<BrokenFile>,
}

/// `GET /api/admin/providers`
pub(super) async fn list(State(api): State<Arc<Api>>, acting: Acting) -> Result<Json<Definitions>, ApiError> {
    acting.must_be_nobody()?;
    let trials = api.store.session_trials(MOST_TRIALS).await?;
    // The operator's files are looked at.
    let (known, broken) = {
        let api = Arc::clone(&api);
        blocking::run(move || api.providers.all()).await
    };
    let providers = known.into_iter().map(|known| words(&api, known, &trials)).collect();
    let broken = broken.into_iter().map(|Broken { path, problem }| BrokenFile {
        path: path.display().to_string(),
        problem: causes(&*problem),
    });
    Ok(Json(Definitions { providers, broken: broken.collect() }))
}

fn words(api: &Api, Known { definition, origin }: Known, trials: &[SessionRecord]) -> Words {
    Words {
        id: definition.id.clone(),
        name: definition.name.clone(),
        file: match origin {
            Origin::BuiltIn => None,
            Origin::File(path) => Some(path.display().to_string()),
        },
        missing: api.providers.missing(&definition),
        takes_prompts: definition.prompt.is_some(),
        last_trial: trials.iter().find(|trial| trial.provider == definition.id).map(|trial| Trial {
            session_id: trial.id,
            began_at: trial.created_at,
            status: trial.status,
            failure: trial.failure.clone(),
        }),
    }
}
