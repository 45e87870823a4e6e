//! What distinguishes one identity provider from another, as data: paths, clients, account, tokens.
//!
//! The rules of OAuth are not here, they hold for every profile. Each provider that is stood in for has a file below.

mod anthropic;
mod demo;
mod device;
mod github;
mod google;
mod model;
mod openai;

use std::time::Duration;

use serde_json::{Value, json};

use crate::jwt::Claims;
use crate::secret::Secret;

pub use device::{DeviceDialect, DeviceFlow};
pub use model::{Model, ModelDialect};

/// The e-mail address of the one person the demo knows.
pub const DEMO_EMAIL: &str = "demo@example.org";

#[derive(Debug, Clone)]
pub struct Profile {
    /// Origin without a trailing slash, as it stands in `iss`.
    pub issuer: String,
    /// The names it answers to when it is served with TLS.
    pub hostnames: Vec<String>,
    pub authorize_path: &'static str,
    pub token_path: &'static str,
    pub token_body: TokenBody,
    pub token_answer: TokenAnswer,
    /// For clients on machines without a browser.
    pub device: Option<DeviceFlow>,
    pub clients: Vec<Client>,
    pub account: Account,
    pub pkce: Pkce,
    pub access_token: TokenForm,
    pub refresh_token: RefreshToken,
    pub rotation: Rotation,
    pub strangers: Strangers,
    pub prefixes: Prefixes,
    pub token_exchange: TokenExchange,
    /// Members of a token response beyond the standard ones.
    pub token_extras: Claims,
    pub resources: Vec<Resource>,
    pub models: &'static [Model],
    /// Pages to which a CLI sends the browser when all is done.
    pub landings: &'static [&'static str],
    pub lifetimes: Lifetimes,
    /// What goes wrong with the first sign-in, and with no later one.
    pub mishap: Option<Mishap>,
}

/// Ways in which a sign-in fails although nobody made a mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// The person says no.
    Denied,
    /// The code has expired when it is redeemed.
    CodeExpired,
    /// The verifier does not meet the challenge: somebody stands between.
    PkceBroken,
}

/// A registered client. All are public ones (RFC 6749 section 2.1): they have no secret.
#[derive(Debug, Clone)]
pub struct Client {
    pub id: &'static str,
    /// For the person who is asked.
    pub name: &'static str,
    pub redirect_path: &'static str,
    pub code_page: Option<CodePage>,
    pub scopes: &'static [Scope],
    pub consent: Consent,
}

/// A page of the provider's own that shows the code, for a client whose listener the browser does not reach.
#[derive(Debug, Clone, Copy)]
pub struct CodePage {
    /// The whole redirect URI.
    pub address: &'static str,
    pub shows: Shown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    Code,
    /// With a `#` between them.
    CodeAndState,
}

#[derive(Debug, Clone, Copy)]
pub struct Scope {
    pub name: &'static str,
    /// Completes "This lets it ...".
    pub meaning: &'static str,
}

/// Who says yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// The person, on a page.
    Asked,
    /// Nobody: the browser is sent back at once.
    Given,
}

/// The one person there is.
#[derive(Debug, Clone)]
pub struct Account {
    pub subject: &'static str,
    pub email: &'static str,
    /// Claims in every token beyond the standard ones.
    pub claims: Claims,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenForm {
    Opaque,
    /// As long as some are, so that a terminal needs two rows for it.
    LongOpaque,
    Jwt,
}

/// Whether a sign-in without PKCE is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pkce {
    /// As OAuth 2.1 has it.
    Mandatory,
    /// As OAuth 2.0 had it; who begins with a challenge must still meet it.
    Optional,
}

/// Who gets a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshToken {
    /// Who asked for the scope `offline_access`.
    OfflineAccess,
    Always,
}

/// What becomes of a refresh token when it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// It is used up, and the answer holds the next one (OAuth 2.1 section 4.3.1).
    EachUse,
    /// It stays what it is, and the answer holds none.
    Never,
}

/// What becomes of tokens that this process has not issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strangers {
    Refused,
    /// They are taken for those of another process of the same provider, with which this one shares nothing: each VM that
    /// wants the demo's provider runs one.
    Taken,
}

impl Strangers {
    /// Whether this one is taken, which has to look as ours do.
    pub(crate) fn take(self, token: &Secret) -> bool {
        const LENGTH: usize = 43;
        let ours = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        self == Self::Taken && token.reveal().len() == LENGTH && token.reveal().bytes().all(ours)
    }
}

/// What a provider's tokens begin with, so that leaked ones are recognised.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prefixes {
    pub access_token: &'static str,
    pub refresh_token: &'static str,
}

/// Something that the bearer of a valid access token is told (RFC 6750).
#[derive(Debug, Clone)]
pub struct Resource {
    pub path: &'static str,
    pub answer: Value,
}

/// How the parameters of a token request may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenBody {
    /// As RFC 6749 section 4.1.3 has it.
    Form,
    /// Or as a JSON object, which some providers take besides.
    FormOrJson,
}

/// How a token request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenAnswer {
    /// As RFC 6749 sections 5.1 and 5.2 have it.
    Json,
    /// A form, for whoever does not ask for JSON; what went wrong is told with status 200.
    FormWithStatus200,
}

/// Whether an ID token can be exchanged for an API key (RFC 8693 in the dialect of auth.openai.com).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenExchange {
    Unsupported,
    ApiKey,
}

#[derive(Debug, Clone, Copy)]
pub struct Lifetimes {
    /// How long a consent page can be answered.
    pub consent: Duration,
    pub code: Duration,
    pub access_token: Duration,
    /// For a client that asks for more than that.
    pub longest_access_token: Duration,
    pub refresh_token: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            consent: Duration::from_secs(15 * 60),
            // RFC 6749 section 4.1.2: ten minutes at most.
            code: Duration::from_secs(60),
            access_token: Duration::from_secs(60 * 60),
            longest_access_token: Duration::from_secs(60 * 60),
            refresh_token: Duration::from_secs(30 * 24 * 60 * 60),
        }
    }
}

impl CodePage {
    /// The address without its origin.
    pub(crate) fn path(&self) -> &'static str {
        path(self.address)
    }
}

fn path(address: &'static str) -> &'static str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.find('/').map_or("/", |at| &rest[at..])
}

impl Profile {
    pub fn client(&self, id: &str) -> Option<&Client> {
        self.clients.iter().find(|client| client.id == id)
    }

    /// Where the consent page sends its answer.
    pub fn decision_path(&self) -> String {
        format!("{}/decision", self.authorize_path)
    }

    /// RFC 8414: what a client can find out about this server.
    pub fn metadata(&self) -> Value {
        let Self { issuer, authorize_path, token_path, .. } = self;
        json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}{authorize_path}"),
            "token_endpoint": format!("{issuer}{token_path}"),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "code_challenge_methods_supported": [crate::pkce::METHOD],
            "token_endpoint_auth_methods_supported": ["none"],
        })
    }
}
