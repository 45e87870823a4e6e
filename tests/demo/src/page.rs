//! The look that the pages of provider and tool share: one card in the middle, large type, no script, nothing loaded.
//!
//! A page is made of text somebody else may have chosen, so a [`Html`] only comes out of [`escape`] or of a literal.

use std::sync::LazyLock;

use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

const STYLE: &str = include_str!("page/style.css");

/// No script, no frame around it, no style but ours; of images only the empty icon, which spares us a question for one.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; img-src data:; style-src 'sha256-{style}'; base-uri 'none'; frame-ancestors 'none'"
    )
});

/// What the page has to say, before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Question,
    Success,
    Trouble,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Question => "question",
            Self::Success => "success",
            Self::Trouble => "trouble",
        }
    }
}

/// Markup that may stand in a page as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Html(String);

impl Html {
    /// Our own markup; foreign text goes in through [`escape`].
    pub(crate) fn ours(markup: impl Into<String>) -> Self {
        Self(markup.into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Foreign text, made harmless for element content and quoted attributes.
pub(crate) fn escape(text: &str) -> Html {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    Html(safe)
}

/// A whole page. `title` is plain text, shown in the tab and as the heading.
pub(crate) fn page(status: StatusCode, tone: Tone, title: &str, body: &Html) -> Response {
    let (title, class) = (escape(title).0, tone.class());
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body class=\"{class}\">\n\
         <main>\n<p class=\"brand\">Anteroom demo</p>\n<h1>{title}</h1>\n{}\n</main>\n</body>\n</html>\n",
        body.as_str()
    );
    let headers: [(HeaderName, &str); 6] = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, &POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        // Else a browser's idle connection would keep the listener of a finished sign-in alive.
        (header::CONNECTION, "close"),
    ];
    (status, headers, html).into_response()
}

#[cfg(test)]
mod tests;
