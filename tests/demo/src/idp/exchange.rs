//! The token endpoint: tickets in, tokens out.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::extract::rejection::StringRejection;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use serde_json::{Value, json};

use crate::http::FORM;
use crate::idp::access::ELSEWHERE;
use crate::idp::answer;
use crate::idp::authorize::Granted;
use crate::idp::error::{ErrorCode, OauthError};
use crate::idp::mint::{self, UnixSeconds};
use crate::idp::params::Params;
use crate::idp::profile::{Mishap, RefreshToken, Rotation, TokenBody};
use crate::idp::tickets::{Redeemed, SignInNumber};
use crate::idp::token::{TokenRequest, invalid_grant, same_sign_in};
use crate::idp::{Endpoint, Event, GrantType, Idp, Renewable, SecretKind};
use crate::pkce::Verifier;
use crate::secret::Secret;

const UNKNOWN: &str = "the code or refresh token is unknown or expired";

pub(crate) async fn token(
    State(idp): State<Idp>,
    headers: HeaderMap,
    body: Result<String, StringRejection>,
) -> Response {
    let answer = body
        .map_err(|_| OauthError::new(ErrorCode::InvalidRequest, "the body is too large or not UTF-8"))
        .and_then(|body| params(idp.profile().token_body, &headers, &body))
        .and_then(|params| TokenRequest::parse(idp.profile(), &params))
        .and_then(|request| idp.grant(request));
    if let Err(error) = &answer
        && error.code != ErrorCode::AuthorizationPending
    {
        idp.log().record(Event::Refused { endpoint: Endpoint::Token, reason: error.description });
    }
    answer::written(idp.profile().token_answer, &headers, answer)
}

/// The parameters of a body in one of the accepted forms.
pub(crate) fn params(accepted: TokenBody, headers: &HeaderMap, body: &str) -> Result<Params, OauthError> {
    let refused = |description| OauthError::new(ErrorCode::InvalidRequest, description);
    let media_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    let params = if media_type.eq_ignore_ascii_case(FORM) {
        Params::parse(body)
    } else if accepted == TokenBody::FormOrJson && media_type.eq_ignore_ascii_case("application/json") {
        Params::parse_json(body)
    } else {
        return Err(refused("the body must be application/x-www-form-urlencoded"));
    };
    params.map_err(|_| refused("the parameters are malformed, too many or repeated"))
}

impl Idp {
    fn grant(&self, request: TokenRequest) -> Result<Value, OauthError> {
        match request {
            TokenRequest::Code { client_id, code, redirect_uri, verifier, lifetime } => {
                let (number, renewable) =
                    self.redeem_code(client_id, &code, &redirect_uri, verifier.as_ref())?;
                self.issue(number, renewable, GrantType::AuthorizationCode, lifetime)
            }
            TokenRequest::DeviceCode { client_id, device_code } => {
                let (number, renewable) = self.redeem_device_code(client_id, &device_code)?;
                self.issue(number, renewable, GrantType::DeviceCode, self.profile().lifetimes.access_token)
            }
            TokenRequest::Refresh { client_id, refresh_token } => self.renew(client_id, &refresh_token),
            TokenRequest::ApiKey { client_id, id_token } => self.exchange_for_key(client_id, &id_token),
        }
    }

    /// Shown once, a code is used up, whatever else is wrong with the request: there is no second guess.
    fn redeem_code(
        &self,
        client_id: &'static str,
        code: &Secret,
        redirect_uri: &str,
        verifier: Option<&Verifier>,
    ) -> Result<(SignInNumber, Renewable), OauthError> {
        let redeemed = self.tables().codes.redeem(Instant::now(), code);
        let (number, sign_in) = self.fresh(redeemed, GrantType::AuthorizationCode)?;
        if let Some(verifier) = verifier {
            self.ledger().enter(number, SecretKind::Verifier, verifier.secret());
        }
        same_sign_in(&sign_in, client_id, redirect_uri)?;
        if self.meets(number, Mishap::CodeExpired) {
            return Err(invalid_grant(UNKNOWN));
        }
        if let Some(challenge) = &sign_in.challenge {
            let met = verifier.is_some_and(|verifier| challenge.is_met_by(verifier));
            if !met || self.meets(number, Mishap::PkceBroken) {
                self.log().record(Event::PkceRefused { sign_in: number });
                return Err(invalid_grant("code_verifier does not meet the code_challenge"));
            }
            self.log().record(Event::PkceVerified { sign_in: number });
        }
        Ok((number, Renewable { client_id, scope: sign_in.scope }))
    }

    fn renew(&self, client_id: &'static str, refresh_token: &Secret) -> Result<Value, OauthError> {
        let (number, renewable) = self.redeem_refresh_token(client_id, refresh_token)?;
        if renewable.client_id != client_id {
            return Err(invalid_grant("the refresh token was issued to another client"));
        }
        self.issue(number, renewable, GrantType::RefreshToken, self.profile().lifetimes.access_token)
    }

    /// As the profile's rotation has it.
    fn redeem_refresh_token(
        &self,
        client_id: &'static str,
        refresh_token: &Secret,
    ) -> Result<(SignInNumber, Renewable), OauthError> {
        let mut tables = self.tables();
        let redeemed = match self.profile().rotation {
            Rotation::EachUse => tables.refresh_tokens.redeem(Instant::now(), refresh_token),
            Rotation::Never => match tables.refresh_tokens.find(Instant::now(), refresh_token) {
                Some((number, renewable)) => Redeemed::Fresh(number, renewable.clone()),
                None => Redeemed::Unknown,
            },
        };
        if matches!(redeemed, Redeemed::Unknown)
            && tables.strangers.take(refresh_token)
            && let Some(client) = self.profile().client(client_id)
        {
            return Ok((ELSEWHERE, Renewable { client_id, scope: Granted::all_of(client) }));
        }
        drop(tables);
        self.fresh(redeemed, GrantType::RefreshToken)
    }

    fn exchange_for_key(&self, client_id: &str, id_token: &Secret) -> Result<Value, OauthError> {
        let number = self.ledger().owner(SecretKind::IdToken, id_token);
        let number = number.ok_or(invalid_grant("the ID token was not issued here"))?;
        let random = Secret::random().map_err(|_| OauthError::NO_RANDOMNESS)?;
        let key = Secret::new(format!("sk-demo-{}", random.reveal()));
        self.ledger().enter(number, SecretKind::ApiKey, &key);
        self.log().record(Event::TokenIssued { sign_in: number, grant: GrantType::TokenExchange });
        Ok(json!({
            "access_token": key.reveal(),
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "token_type": "Bearer",
            "client_id": client_id,
        }))
    }

    pub(crate) fn fresh<T>(
        &self,
        redeemed: Redeemed<T>,
        grant: GrantType,
    ) -> Result<(SignInNumber, T), OauthError> {
        match redeemed {
            Redeemed::Fresh(number, value) => Ok((number, value)),
            Redeemed::Unknown => Err(invalid_grant(UNKNOWN)),
            Redeemed::UsedBefore(number) => {
                self.tables().refresh_tokens.revoke(number);
                self.log().record(Event::Replayed { sign_in: number, grant });
                Err(invalid_grant("the code or refresh token was used before"))
            }
        }
    }

    fn issue(
        &self,
        number: SignInNumber,
        renewable: Renewable,
        grant: GrantType,
        lifetime: Duration,
    ) -> Result<Value, OauthError> {
        let Renewable { client_id, scope } = renewable;
        let offline = match self.profile().refresh_token {
            RefreshToken::OfflineAccess => scope.contains("offline_access"),
            RefreshToken::Always => true,
        };
        let keeps_its_own = grant == GrantType::RefreshToken && self.profile().rotation == Rotation::Never;
        let refresh = if offline && !keeps_its_own {
            let renewable = Renewable { client_id, scope: scope.clone() };
            let ticket = self.tables().refresh_tokens.issue(Instant::now(), number, renewable)?;
            Some(ticket.prefixed(self.profile().prefixes.refresh_token))
        } else {
            None
        };
        let tokens = mint::tokens(self.profile(), client_id, &scope, refresh, lifetime, now())?;
        self.tables().access_tokens.enter(Instant::now(), number, &tokens.access, lifetime);
        self.ledger().enter(number, SecretKind::AccessToken, &tokens.access);
        for (kind, token) in [(SecretKind::IdToken, &tokens.id), (SecretKind::RefreshToken, &tokens.refresh)]
        {
            if let Some(token) = token {
                self.ledger().enter(number, kind, token);
            }
        }
        self.log().record(Event::TokenIssued { sign_in: number, grant });
        Ok(mint::response(self.profile(), &scope, &tokens))
    }
}

fn now() -> UnixSeconds {
    UnixSeconds(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}
