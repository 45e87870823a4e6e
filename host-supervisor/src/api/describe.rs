//! The API in OpenAPI 3.1, made of the routes and of the types that their handlers take and give, so that it cannot say anything
//! else than they do. `GET /api/openapi.json` gives it out.

use aide::{
    OperationInput, OperationOutput,
    axum::ApiRouter,
    generate::GenContext,
    openapi::{MediaType, OpenApi, Operation, PathItem, ReferenceOr, Response, SecurityScheme},
    operation::{ParamLocation, add_parameters, parameters_from_schema},
    transform::{TransformOpenApi, TransformOperation},
};
use anteroom_protocol::{SessionId, VmId};
use axum::{Json, Router, extract::Query, http::StatusCode};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

use super::{
    access::{Caller, IsToken, Needs, OnlyLooks},
    audit::Trail,
    body::{InPath, InQuery, Strict, UserId},
    error::ApiError,
    exec::WayIn,
    idempotency::Idempotency,
    names::name_of,
    prompts::SeenPrompt,
    seen::{Acting, Base, Seen},
    vm::SeenVm,
};
use crate::store::PromptId;

/// How the description names the ways to come in.
const KEY: &str = "apiKey";
const TOKEN: &str = "sessionToken";

/// The router, and its description as JSON.
pub(super) fn finish<S: Clone + Send + Sync + 'static>(routes: ApiRouter<S>) -> (Router<S>, String) {
    let mut api = OpenApi::default();
    let router = routes.finish_api_with(&mut api, introduced);
    complete_paths(&mut api);
    // A description is made of texts and maps of texts.
    let text = serde_json::to_string(&api).unwrap_or_default();
    (router, text)
}

fn introduced(api: TransformOpenApi<'_>) -> TransformOpenApi<'_> {
    api.title("Anteroom")
        .version(env!("CARGO_PKG_VERSION"))
        .summary("Disposable desktop VMs to sign CLI tools in by hand; the credentials stay, the VM goes")
        .security_scheme(
            KEY,
            SecurityScheme::Http {
                scheme: "bearer".to_owned(),
                bearer_format: None,
                description: Some(
                    "A key of `anteroom api-key create`; the scopes that it needs stand at the calls."
                        .to_owned(),
                ),
                extensions: Default::default(),
            },
        )
        .security_scheme(
            TOKEN,
            SecurityScheme::ApiKey {
                location: aide::openapi::ApiKeyLocation::Query,
                name: "token".to_owned(),
                description: Some("A token of `POST /api/auth/session/{id}/token`.".to_owned()),
                extensions: Default::default(),
            },
        )
}

/// What a call is for, in one line.
pub(super) fn says(summary: &'static str) -> impl FnOnce(TransformOperation<'_>) -> TransformOperation<'_> {
    move |operation| operation.summary(summary)
}

/// The same of a call whose answers are no JSON, or not always: their statuses and media types.
pub(super) fn gives(
    summary: &'static str,
    answers: &'static [(u16, &'static str)],
) -> impl FnOnce(TransformOperation<'_>) -> TransformOperation<'_> {
    move |operation| {
        let mut operation = operation.summary(summary);
        let responses = operation.inner_mut().responses.get_or_insert_default();
        for (status, media_type) in answers {
            let mut response = Response { description: reason(*status), ..Response::default() };
            if !media_type.is_empty() {
                response.content.insert((*media_type).to_owned(), MediaType::default());
            }
            responses.responses.insert(aide::openapi::StatusCode::Code(*status), ReferenceOr::Item(response));
        }
        operation
    }
}

/// The kinds of events of a stream, by their names, with what their data is; `message` is the name of those without one.
pub(super) type Events = &'static [(&'static str, fn(&mut SchemaGenerator) -> Schema)];

/// The same of a call that is answered with server-sent events. OpenAPI 3.1 has no words for what these are; `x-events` has.
pub(super) fn tells(
    summary: &'static str,
    answers: &'static [(u16, &'static str)],
    events: Events,
) -> impl FnOnce(TransformOperation<'_>) -> TransformOperation<'_> {
    move |operation| {
        let mut operation = gives(summary, answers)(operation);
        let known: serde_json::Map<String, serde_json::Value> = aide::generate::in_context(|context| {
            let data = |(name, schema): &(&str, fn(&mut SchemaGenerator) -> Schema)| {
                ((*name).to_owned(), schema(&mut context.schema).to_value())
            };
            events.iter().map(data).collect()
        });
        for response in operation.inner_mut().responses.iter_mut().flat_map(|all| all.responses.values_mut())
        {
            let ReferenceOr::Item(response) = response else { continue };
            if let Some(stream) = response.content.get_mut("text/event-stream") {
                stream.extensions.insert("x-events".to_owned(), known.clone().into());
            }
        }
        operation
    }
}

fn reason(status: u16) -> String {
    let status = StatusCode::from_u16(status).ok();
    status.and_then(|status| status.canonical_reason()).unwrap_or_default().to_owned()
}

/// Of everything that needs the same.
pub(super) fn needs<S: Clone + Send + Sync + 'static>(
    routes: ApiRouter<S>,
    tag: &'static str,
    needs: Needs,
) -> ApiRouter<S> {
    routes.with_path_items(move |path| {
        let path = path.tag(tag);
        match needs {
            Needs::Scope(scope) => path.security_requirement_scopes(KEY, [scope.as_str()]),
            Needs::Key => path.security_requirement(KEY),
            Needs::Session(_) => {
                path.security_requirement_scopes(KEY, ["sessions"]).security_requirement(TOKEN)
            }
        }
    })
}

/// Every call has its name; parameters of a path that no type of its handler describes are texts; and every call can be refused.
fn complete_paths(api: &mut OpenApi) {
    let Some(paths) = &mut api.paths else { return };
    for (path, item) in &mut paths.paths {
        let ReferenceOr::Item(item) = item else { continue };
        let names: Vec<&str> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        for (method, operation) in operations(item) {
            operation.operation_id = name_of(method, path).map(str::to_owned);
            for name in &names {
                complete_path(operation, name);
            }
            complete_answers(operation);
        }
    }
}

/// What stands before a handler can refuse, too.
fn complete_answers(operation: &mut Operation) {
    let refused = aide::generate::in_context(|context| ApiError::operation_response(context, operation));
    let responses = operation.responses.get_or_insert_default();
    if responses.default.is_none() {
        responses.default = refused.map(ReferenceOr::Item);
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let PathItem { get, put, post, delete, options, patch, .. } = item;
    let methods = [
        ("GET", get),
        ("PUT", put),
        ("POST", post),
        ("DELETE", delete),
        ("OPTIONS", options),
        ("PATCH", patch),
    ];
    methods.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn complete_path(operation: &mut Operation, name: &str) {
    let known = operation.parameters.iter().any(|parameter| match parameter {
        ReferenceOr::Item(parameter) => parameter.parameter_data_ref().name == name,
        ReferenceOr::Reference { .. } => false,
    });
    if known {
        return;
    }
    aide::generate::in_context(|context| {
        let schema = schemars::json_schema!({
            "type": "object", "required": [name], "properties": { name: { "type": "string" } },
        });
        let parameters = parameters_from_schema(context, schema, ParamLocation::Path);
        add_parameters(context, operation, parameters);
    });
}

fn add<T: JsonSchema>(context: &mut GenContext, operation: &mut Operation, location: ParamLocation) {
    let schema = context.schema.subschema_for::<T>();
    let parameters = parameters_from_schema(context, schema, location);
    add_parameters(context, operation, parameters);
}

/// What stands in a path for a session or a VM.
#[derive(JsonSchema)]
struct Id {
    #[expect(dead_code, reason = "only described")]
    id: uuid::Uuid,
}

/// What stands in a path for a user.
#[derive(JsonSchema)]
struct User {
    #[expect(dead_code, reason = "only described")]
    user: UserId,
}

#[derive(JsonSchema)]
struct ActingFor {
    /// In whose name the call is made: what belongs to others is answered with 403.
    #[expect(dead_code, reason = "only described")]
    #[schemars(rename = "x-user-id")]
    user: Option<UserId>,
}

#[derive(JsonSchema)]
struct Again {
    /// A call that is made again with the same key starts nothing again.
    #[expect(dead_code, reason = "only described")]
    #[schemars(rename = "idempotency-key", length(min = 1, max = 255))]
    key: Option<String>,
}

impl<T: JsonSchema> OperationInput for Strict<T> {
    fn operation_input(context: &mut GenContext, operation: &mut Operation) {
        Json::<T>::operation_input(context, operation);
    }
}

impl<T: JsonSchema> OperationInput for InQuery<T> {
    fn operation_input(context: &mut GenContext, operation: &mut Operation) {
        Query::<T>::operation_input(context, operation);
    }
}

impl OperationInput for InPath<SessionId> {
    fn operation_input(context: &mut GenContext, operation: &mut Operation) {
        add::<Id>(context, operation, ParamLocation::Path);
    }
}

impl OperationInput for InPath<VmId> {
    fn operation_input(context: &mut GenContext, operation: &mut Operation) {
        add::<Id>(context, operation, ParamLocation::Path);
    }
}

impl OperationInput for InPath<PromptId> {
    fn operation_input(context: &mut GenContext, operation: &mut Operation) {
        add::<Id>(context, operation, ParamLocation::Path);
    }
}

impl OperationInput for InPath<UserId> {
    fn operation_input(context: &mut GenContext, operation: &mut Operation) {
        add::<User>(context, operation, ParamLocation::Path);
    }
}

impl OperationInput for Acting {
    fn operation_input(context: &mut GenContext, operation: &mut Operation) {
        add::<ActingFor>(context, operation, ParamLocation::Header);
    }
}

/// Whatever is found by its id belongs to somebody.
macro_rules! somebodys {
    ($($found:ty),*) => {$(
        impl OperationInput for $found {
            fn operation_input(context: &mut GenContext, operation: &mut Operation) {
                add::<Id>(context, operation, ParamLocation::Path);
                add::<ActingFor>(context, operation, ParamLocation::Header);
            }
        }
    )*};
}

somebodys!(Seen, SeenVm, SeenPrompt, WayIn);

impl OperationInput for Idempotency {
    fn operation_input(context: &mut GenContext, operation: &mut Operation) {
        add::<Again>(context, operation, ParamLocation::Header);
    }
}

impl OperationInput for Base {}
impl OperationInput for Caller {}
impl OperationInput for IsToken {}
impl OperationInput for OnlyLooks {}
impl OperationInput for Trail {}

/// What every refusal looks like; some say more.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Error")]
struct Refused {
    /// What is wrong, and what to do about it.
    error: String,
    /// A stable word for programs.
    code: String,
}

impl OperationOutput for ApiError {
    type Inner = Self;

    fn operation_response(context: &mut GenContext, operation: &mut Operation) -> Option<Response> {
        let mut response = Json::<Refused>::operation_response(context, operation)?;
        "It was refused, or failed.".clone_into(&mut response.description);
        Some(response)
    }

    fn inferred_responses(
        context: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<u16>, Response)> {
        Self::operation_response(context, operation).map(|response| (None, response)).into_iter().collect()
    }
}
