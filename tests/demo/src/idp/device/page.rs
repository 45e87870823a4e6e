//! The page on which a person types the code that a client without a browser shows, and then decides.
//!
//! Two forms without script: the code first, then the question. The second one carries the code along; whoever knows that
//! can ask the question, and nobody else.

use std::time::Instant;

use axum::extract::State;
use axum::extract::rejection::StringRejection;
use axum::http::StatusCode;
use axum::response::Response;

use crate::idp::consent::meanings;
use crate::idp::device::Decision;
use crate::idp::profile::{Client, Consent, DeviceFlow};
use crate::idp::{Endpoint, Event, Idp, Params};
use crate::page::{Html, Tone, escape, page};

pub(crate) async fn ask_for_code(State(idp): State<Idp>) -> Response {
    match idp.profile().device {
        Some(flow) => code_form(&flow, StatusCode::OK, ""),
        None => page(StatusCode::NOT_FOUND, Tone::Trouble, "There is nothing here", &Html::ours("")),
    }
}

pub(crate) async fn take_code(State(idp): State<Idp>, body: Result<String, StringRejection>) -> Response {
    let params = body.ok().and_then(|body| Params::parse(&body).ok());
    let value = |name| params.as_ref().and_then(|params| params.value(name));
    let decision = match value("decision") {
        None => None,
        Some("allow") => Some(Decision::Allowed),
        Some(_) => Some(Decision::Denied),
    };
    match (idp.profile().device, value("user_code")) {
        (Some(flow), Some(typed)) => idp.typed(&flow, typed, decision),
        _ => page(StatusCode::BAD_REQUEST, Tone::Trouble, "There is no code", &Html::ours("")),
    }
}

impl Idp {
    fn typed(&self, flow: &DeviceFlow, typed: &str, decision: Option<Decision>) -> Response {
        let mut tables = self.tables();
        let Some((number, device)) = tables.devices.find(Instant::now(), typed) else {
            let reason = "no sign-in shows this code";
            self.log().record(Event::Refused { endpoint: Endpoint::Device, reason });
            let said = "<p>Nobody waits for this code, or not any more.</p>";
            return code_form(flow, StatusCode::BAD_REQUEST, said);
        };
        let client = self.profile().client(device.client_id);
        let asked = client.is_some_and(|client| client.consent == Consent::Asked);
        let event = match decision {
            None if asked => {
                self.log().record(Event::ConsentAsked { sign_in: number, client_id: device.client_id });
                let scopes = client.map(|client| meanings(client, &device.scope));
                return self.question(flow, typed, client, &scopes.unwrap_or(Html::ours("")));
            }
            Some(Decision::Denied) => Event::Denied { sign_in: number },
            _ => Event::Authorized { sign_in: number, client_id: device.client_id },
        };
        device.decide(decision.unwrap_or(Decision::Allowed));
        self.log().record(event);
        let (tone, title) = match decision {
            Some(Decision::Denied) => (Tone::Trouble, "You have said no"),
            _ => (Tone::Success, "You are signed in"),
        };
        page(StatusCode::OK, tone, title, &Html::ours("<p>Go back to the terminal.</p>"))
    }

    fn question(&self, flow: &DeviceFlow, typed: &str, client: Option<&Client>, scopes: &Html) -> Response {
        let body = format!(
            "<p>The account is <span class=\"account\">{email}</span>. Your permission lets the tool:</p>\n\
             {scopes}\n\
             <form method=\"post\" action=\"{action}\">\n\
             <input type=\"hidden\" name=\"user_code\" value=\"{typed}\">\n\
             <button class=\"allow\" name=\"decision\" value=\"allow\" autofocus>Allow</button>\n\
             <button name=\"decision\" value=\"deny\">Deny</button>\n\
             </form>",
            email = escape(self.profile().account.email).as_str(),
            scopes = scopes.as_str(),
            action = escape(flow.page_path()).as_str(),
            typed = escape(typed).as_str(),
        );
        let title = format!("{} wants to sign in", client.map_or("A tool", |client| client.name));
        page(StatusCode::OK, Tone::Question, &title, &Html::ours(body))
    }
}

fn code_form(flow: &DeviceFlow, status: StatusCode, said: &'static str) -> Response {
    let tone = if status.is_success() { Tone::Question } else { Tone::Trouble };
    let body = format!(
        "{said}<form method=\"post\" action=\"{action}\">\n\
         <input name=\"user_code\" autocomplete=\"off\" maxlength=\"16\" required autofocus>\n\
         <button class=\"allow\">Continue</button>\n\
         </form>",
        action = escape(flow.page_path()).as_str(),
    );
    page(status, tone, "Type the code that the terminal shows", &Html::ours(body))
}
