//! The page that shows a code for the person to carry into the terminal, where no listener of the tool can be reached.

use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use crate::idp::profile::Shown;
use crate::idp::{Idp, Params};
use crate::page::{Html, Tone, escape, page};

/// The browser was sent here with what it would have brought to a listener.
pub(crate) async fn code_page(State(idp): State<Idp>, uri: Uri, RawQuery(query): RawQuery) -> Response {
    let mut pages = idp.profile().clients.iter().filter_map(|client| client.code_page);
    let shows = pages.find(|page| page.path() == uri.path()).map(|page| page.shows);
    let params = Params::parse(&query.unwrap_or_default()).ok();
    let value = |name| params.as_ref().and_then(|params| params.value(name));
    match (shows, value("code"), value("state")) {
        (Some(Shown::CodeAndState), Some(code), Some(state)) => shown(&format!("{code}#{state}")),
        (Some(Shown::Code), Some(code), _) => shown(code),
        _ => page(
            StatusCode::BAD_REQUEST,
            Tone::Trouble,
            "There is no code",
            &Html::ours("<p>The sign-in was denied, or this page was opened without one.</p>"),
        ),
    }
}

fn shown(code: &str) -> Response {
    let body = format!(
        "<p>Paste this into the terminal:</p>\n<p class=\"code\">{code}</p>\n<p class=\"soft\">It is good for a minute.</p>",
        code = escape(code).as_str()
    );
    page(StatusCode::OK, Tone::Success, "You are nearly signed in", &Html::ours(body))
}
