//! What a client without a browser calls: first for its codes, then again and again for what has become of them.

use std::time::Instant;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::StringRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::idp::authorize::{SignIn, scope};
use crate::idp::device::{Device, Poll};
use crate::idp::error::{ErrorCode, OauthError};
use crate::idp::exchange::params;
use crate::idp::profile::{DeviceDialect, Mishap};
use crate::idp::redirect::{RedirectUri, ReturnAddress};
use crate::idp::tickets::SignInNumber;
use crate::idp::{Endpoint, Event, GrantType, Idp, Params, Renewable, SecretKind, answer};
use crate::pkce::Verifier;
use crate::secret::Secret;

const NO_FLOW: OauthError = OauthError {
    code: ErrorCode::UnsupportedGrantType,
    description: "there are no device codes at this provider",
};

/// Where the client gets its codes (RFC 8628 section 3.1).
pub(crate) async fn start(
    State(idp): State<Idp>,
    headers: HeaderMap,
    body: Result<String, StringRejection>,
) -> Response {
    let begun = idp.params(&headers, body).and_then(|params| idp.begin_device(&params));
    idp.note_refusal(&begun);
    answer::written(idp.profile().token_answer, &headers, begun)
}

/// Where a client asks that redeems an authorization code in the end; 403 is what it takes for "not yet".
pub(crate) async fn poll(
    State(idp): State<Idp>,
    headers: HeaderMap,
    body: Result<String, StringRejection>,
) -> Response {
    let polled = idp.params(&headers, body).and_then(|params| idp.poll_for_code(&params));
    idp.note_refusal(&polled);
    match polled {
        Ok(code) => ([(header::CACHE_CONTROL, "no-store")], Json(code)).into_response(),
        Err(error) if matches!(error.code, ErrorCode::AuthorizationPending | ErrorCode::SlowDown) => {
            (StatusCode::FORBIDDEN, Json(error.body())).into_response()
        }
        Err(error) => error.into_response(),
    }
}

impl Idp {
    fn params(
        &self,
        headers: &HeaderMap,
        body: Result<String, StringRejection>,
    ) -> Result<Params, OauthError> {
        let body = body
            .map_err(|_| OauthError::new(ErrorCode::InvalidRequest, "the body is too large or not UTF-8"))?;
        params(self.profile().token_body, headers, &body)
    }

    fn note_refusal(&self, answer: &Result<Value, OauthError>) {
        if let Err(error) = answer
            && error.code != ErrorCode::AuthorizationPending
        {
            self.log().record(Event::Refused { endpoint: Endpoint::Device, reason: error.description });
        }
    }

    fn begin_device(&self, params: &Params) -> Result<Value, OauthError> {
        let flow = self.profile().device.ok_or(NO_FLOW)?;
        let client = params.value("client_id").and_then(|id| self.profile().client(id));
        let client = client
            .ok_or(OauthError::new(ErrorCode::InvalidClient, "client_id names no registered client"))?;
        let granted = scope(client, params.value("scope"))?;
        let (number, device_code, user_code) = {
            let mut tables = self.tables();
            tables.sign_ins += 1;
            let number = tables.sign_ins;
            let (device_code, user_code) =
                tables.devices.begin(Instant::now(), number, client.id, granted)?;
            (number, device_code, user_code)
        };
        self.ledger().enter(number, SecretKind::DeviceCode, &device_code);
        self.ledger().enter(number, SecretKind::UserCode, &user_code);
        self.log().record(Event::DeviceBegun { sign_in: number, client_id: client.id });
        Ok(match flow.dialect {
            DeviceDialect::Standard => json!({
                "device_code": device_code.reveal(),
                "user_code": user_code.reveal(),
                "verification_uri": flow.page,
                "expires_in": flow.lifetime.as_secs(),
                "interval": flow.interval.as_secs(),
            }),
            DeviceDialect::CodeAndVerifier { .. } => json!({
                "device_auth_id": device_code.reveal(),
                "user_code": user_code.reveal(),
                "interval": flow.interval.as_secs().to_string(),
            }),
        })
    }

    /// For the token endpoint (RFC 8628 section 3.4).
    pub(crate) fn redeem_device_code(
        &self,
        client_id: &'static str,
        device_code: &Secret,
    ) -> Result<(SignInNumber, Renewable), OauthError> {
        let polled =
            self.tables().devices.poll(Instant::now(), device_code, |device| device.client_id == client_id);
        let (number, device) = self.decided(device_code, polled)?;
        Ok((number, Renewable { client_id: device.client_id, scope: device.scope }))
    }

    /// An authorization code, and the verifier with which the client redeems it as if it had made that itself.
    fn poll_for_code(&self, params: &Params) -> Result<Value, OauthError> {
        let Some(DeviceDialect::CodeAndVerifier { redirect_uri, .. }) =
            self.profile().device.map(|flow| flow.dialect)
        else {
            return Err(NO_FLOW);
        };
        let secret = |name| params.value(name).map(Secret::new);
        let (Some(device_code), Some(user_code)) = (secret("device_auth_id"), secret("user_code")) else {
            let missing = "device_auth_id or user_code is missing";
            return Err(OauthError::new(ErrorCode::InvalidRequest, missing));
        };
        let polled =
            self.tables().devices.poll(Instant::now(), &device_code, |device| device.shows(&user_code));
        let (number, device) = self.decided(&device_code, polled)?;
        let client = self.profile().client(device.client_id).ok_or(NO_FLOW)?;
        let verifier = Verifier::random()?;
        let challenge = verifier.challenge();
        let sign_in = SignIn {
            client_id: client.id,
            client_name: client.name,
            consent: client.consent,
            back: ReturnAddress { redirect: RedirectUri::Registered(redirect_uri), state: None },
            challenge: Some(challenge.clone()),
            scope: device.scope,
        };
        let code = self.tables().codes.issue(Instant::now(), number, sign_in)?;
        self.ledger().enter(number, SecretKind::Code, &code);
        self.ledger().enter(number, SecretKind::Verifier, verifier.secret());
        self.log().record(Event::CodeIssued { sign_in: number });
        Ok(json!({
            "authorization_code": code.reveal(),
            "code_challenge": challenge.as_str(),
            "code_verifier": verifier.secret().reveal(),
        }))
    }

    /// The sign-in, once its person has allowed it.
    fn decided(&self, device_code: &Secret, polled: Poll) -> Result<(SignInNumber, Device), OauthError> {
        let number = self.ledger().owner(SecretKind::DeviceCode, device_code);
        let mishap = |mishap| number.is_some_and(|number| self.meets(number, mishap));
        let refused = |code, description| Err(OauthError::new(code, description));
        match polled {
            _ if mishap(Mishap::Denied) => refused(ErrorCode::AccessDenied, "the person said no"),
            _ if mishap(Mishap::CodeExpired) => {
                refused(ErrorCode::ExpiredToken, "the device code has expired")
            }
            Poll::Pending => refused(ErrorCode::AuthorizationPending, "the person has not decided yet"),
            Poll::TooSoon => refused(ErrorCode::SlowDown, "the client asks more often than it may"),
            Poll::Denied => refused(ErrorCode::AccessDenied, "the person said no"),
            Poll::Expired => refused(ErrorCode::ExpiredToken, "the device code is unknown or has expired"),
            Poll::Done(redeemed) => self.fresh(redeemed, GrantType::DeviceCode),
        }
    }
}
