//! The authorize endpoint: asks the person, or not, and sends the browser back to the tool.
//!
//! The page is a form without script. Its hidden ticket is known to nobody but that page, which also makes it the
//! protection against forged submissions. An answered page stays answered: whoever submits it again (a double click, the
//! Back button) is sent to the same place with the same code.

use std::time::Instant;

use axum::extract::rejection::StringRejection;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::idp::authorize::{Granted, Refusal, SignIn};
use crate::idp::error::{ErrorCode, OauthError};
use crate::idp::params::Params;
use crate::idp::profile::{Client, Mishap};
use crate::idp::redirect::RedirectUri;
use crate::idp::tickets::SignInNumber;
use crate::idp::{Consent, Endpoint, Event, Idp, SecretKind, Tables};
use crate::page::{Html, Tone, escape, page};
use crate::secret::{NoRandomness, Secret};

/// A consent page, from showing it to forgetting it.
pub(crate) enum Asked {
    Open(SignIn),
    /// Where the browser was sent, code or error included.
    Answered(Secret),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    Allow,
    Deny,
}

pub(crate) async fn authorize(State(idp): State<Idp>, RawQuery(query): RawQuery) -> Response {
    let sign_in = Params::parse(&query.unwrap_or_default())
        .map_err(|_| Refusal::Here("the parameters are too long, too many or repeated"))
        .and_then(|params| SignIn::parse(idp.profile(), &params));
    match sign_in {
        Ok(sign_in) => {
            idp.begin(sign_in).unwrap_or_else(|_| refusal_page(OauthError::NO_RANDOMNESS.description))
        }
        Err(Refusal::Here(reason)) => {
            idp.log().record(Event::Refused { endpoint: Endpoint::Authorize, reason });
            refusal_page(reason)
        }
        Err(Refusal::There(back, error)) => {
            idp.log().record(Event::Refused { endpoint: Endpoint::Authorize, reason: error.description });
            send_back(StatusCode::FOUND, &back.with_error(error))
        }
    }
}

pub(crate) async fn decide(State(idp): State<Idp>, body: Result<String, StringRejection>) -> Response {
    let answer = body.ok().and_then(|body| Params::parse(&body).ok()).and_then(|params| {
        let decision = match params.value("decision")? {
            "allow" => Decision::Allow,
            "deny" => Decision::Deny,
            _ => return None,
        };
        Some((Secret::new(params.value("request")?), decision))
    });
    let Some((ticket, decision)) = answer else {
        return refusal_page("the answer is incomplete");
    };
    match idp.answer(&ticket, decision) {
        // 303: the browser goes on with GET (OAuth 2.1 section 7.5.2 forbids 307 here).
        Ok(Some(location)) => send_back(StatusCode::SEE_OTHER, &location),
        Ok(None) => refusal_page("this page has expired"),
        Err(NoRandomness { .. }) => refusal_page(OauthError::NO_RANDOMNESS.description),
    }
}

impl Idp {
    fn begin(&self, sign_in: SignIn) -> Result<Response, NoRandomness> {
        let mut tables = self.tables();
        tables.sign_ins += 1;
        let number = tables.sign_ins;
        if let Some(state) = &sign_in.back.state {
            self.ledger().enter(number, SecretKind::State, state);
        }
        if self.meets(number, Mishap::Denied) {
            self.log().record(Event::Denied { sign_in: number });
            let denied = OauthError::new(ErrorCode::AccessDenied, "the person said no");
            return Ok(send_back(StatusCode::FOUND, &sign_in.back.with_error(denied)));
        }
        match sign_in.consent {
            Consent::Given => Ok(send_back(StatusCode::FOUND, &self.allow(&mut tables, number, sign_in)?)),
            Consent::Asked => {
                let ticket = tables.consents.issue(Instant::now(), number, Asked::Open(sign_in.clone()))?;
                self.log().record(Event::ConsentAsked { sign_in: number, client_id: sign_in.client_id });
                Ok(self.consent_page(&sign_in, &ticket))
            }
        }
    }

    /// Where the browser goes after the decision; `None` for a page that was never shown or has expired.
    fn answer(&self, ticket: &Secret, decision: Decision) -> Result<Option<Secret>, NoRandomness> {
        let now = Instant::now();
        // Held to the end: of two answers at once, the first one counts for both.
        let mut tables = self.tables();
        let (number, sign_in) = match tables.consents.find(now, ticket) {
            None => return Ok(None),
            Some((_, Asked::Answered(location))) => return Ok(Some(location.clone())),
            Some((number, Asked::Open(sign_in))) => (number, sign_in.clone()),
        };
        let location = match decision {
            Decision::Allow => self.allow(&mut tables, number, sign_in)?,
            Decision::Deny => {
                self.log().record(Event::Denied { sign_in: number });
                sign_in.back.with_error(OauthError::new(ErrorCode::AccessDenied, "the person said no"))
            }
        };
        if let Some((_, asked)) = tables.consents.find(now, ticket) {
            *asked = Asked::Answered(location.clone());
        }
        Ok(Some(location))
    }

    fn allow(
        &self,
        tables: &mut Tables,
        number: SignInNumber,
        sign_in: SignIn,
    ) -> Result<Secret, NoRandomness> {
        self.log().record(Event::Authorized { sign_in: number, client_id: sign_in.client_id });
        let back = sign_in.back.clone();
        let code = tables.codes.issue(Instant::now(), number, sign_in)?;
        self.ledger().enter(number, SecretKind::Code, &code);
        self.log().record(Event::CodeIssued { sign_in: number });
        Ok(back.with_code(&code))
    }

    fn consent_page(&self, sign_in: &SignIn, ticket: &Secret) -> Response {
        let profile = self.profile();
        let client = profile.client(sign_in.client_id);
        let scopes = client.map_or(Html::ours(""), |client| meanings(client, &sign_in.scope));
        let back = match &sign_in.back.redirect {
            RedirectUri::Loopback(address) => {
                format!("You will be sent back to {} on this machine.", escape(address).as_str())
            }
            RedirectUri::Registered(_) => "You will be shown a code to paste into the terminal.".to_owned(),
        };
        let body = format!(
            "<p>The account is <span class=\"account\">{email}</span>. Your permission lets the tool:</p>\n\
             {scopes}\n\
             <form method=\"post\" action=\"{action}\">\n\
             <input type=\"hidden\" name=\"request\" value=\"{ticket}\">\n\
             <button class=\"allow\" name=\"decision\" value=\"allow\" autofocus>Allow</button>\n\
             <button name=\"decision\" value=\"deny\">Deny</button>\n\
             </form>\n\
             <p class=\"soft\">{back} The provider is a stand-in ({issuer}), its accounts are made up.</p>",
            scopes = scopes.as_str(),
            email = escape(profile.account.email).as_str(),
            action = escape(&profile.decision_path()).as_str(),
            ticket = escape(ticket.reveal()).as_str(),
            issuer = escape(&profile.issuer).as_str(),
        );
        let title = format!("{} wants to sign in", sign_in.client_name);
        page(StatusCode::OK, Tone::Question, &title, &Html::ours(body))
    }
}

/// What the scopes let the client do, as a list.
pub(crate) fn meanings(client: &Client, granted: &Granted) -> Html {
    let granted = client.scopes.iter().filter(|scope| granted.contains(scope.name));
    let items: String = granted.map(|scope| format!("<li>{}</li>", escape(scope.meaning).as_str())).collect();
    Html::ours(format!("<ul>{items}</ul>"))
}

fn refusal_page(reason: &'static str) -> Response {
    let body =
        format!("<p>{}.</p><p>Start the sign-in again from the terminal.</p>", escape(reason).as_str());
    page(StatusCode::BAD_REQUEST, Tone::Trouble, "This sign-in cannot go on", &Html::ours(body))
}

fn send_back(status: StatusCode, location: &Secret) -> Response {
    let headers = [
        (header::LOCATION, location.reveal()),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (status, headers).into_response()
}
