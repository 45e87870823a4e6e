//! The web pages, built from `web/` and part of this program. Pages are asked for anew every time, assets carry a hash
//! of their contents in their names and are kept for ever.

use axum::{
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{
            ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
            IF_NONE_MATCH, VARY,
        },
    },
    response::{IntoResponse, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};

/// `web/dist`, made by `make web`; `build.rs` says so when it is missing.
#[derive(RustEmbed)]
#[folder = "web/dist"]
struct Dist;

/// The pages of the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// Starts sessions and lists them.
    Start,
    /// What runs here, for operators and developers.
    Console,
    /// One session: progress, desktop, end.
    Session,
    /// Nothing but the desktop, for a frame of another site.
    Desktop,
    /// A terminal in a VM.
    Terminal,
}

impl Page {
    fn file(self) -> &'static str {
        match self {
            Self::Start => "index.html",
            Self::Console => "console.html",
            Self::Session => "session.html",
            Self::Desktop => "novnc.html",
            Self::Terminal => "terminal.html",
        }
    }

    /// xterm.js draws with style sheets that it writes itself; what a guest shows never becomes one.
    fn styles(self) -> &'static str {
        match self {
            Self::Terminal => "'self' 'unsafe-inline'",
            Self::Start | Self::Console | Self::Session | Self::Desktop => "'self'",
        }
    }
}

/// A page, or 304 when the browser has this very one. `ancestors` are the sites that may show it in a frame.
#[must_use]
pub fn page(page: Page, ancestors: &[String], request: &HeaderMap) -> Response {
    let Some(file) = Dist::get(page.file()) else { return StatusCode::NOT_FOUND.into_response() };
    let tag = entity_tag(&file);
    if request.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response();
    }
    let mut response = body("text/html; charset=utf-8", file);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    insert(headers, ETAG, &tag);
    insert(headers, CONTENT_SECURITY_POLICY, &content_security_policy(page.styles(), ancestors));
    response
}

/// A script, style or picture of the pages, compressed where the browser takes it so.
#[must_use]
pub fn asset(name: &str, request: &HeaderMap) -> Option<Response> {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    let path = plain.then(|| format!("assets/{name}"))?;
    let (coding, file) = compressed(&path, request).or_else(|| Some((None, Dist::get(&path)?)))?;
    let mut response = body(content_type(name), file);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(coding) = coding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    Some(response)
}

/// As the build has compressed it, in the smallest form that the browser names.
fn compressed(path: &str, request: &HeaderMap) -> Option<(Option<&'static str>, EmbeddedFile)> {
    [("br", "br"), ("gzip", "gz")].into_iter().find_map(|(coding, ending)| {
        let file = takes(request, coding).then(|| Dist::get(&format!("{path}.{ending}")))??;
        Some((Some(coding), file))
    })
}

/// Whether the browser names this coding, and does not rule it out (RFC 9110, section 12.5.3).
fn takes(request: &HeaderMap, coding: &str) -> bool {
    let lines = request.get_all(ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|offer| {
        let (name, weight) = offer.split_once(';').unwrap_or((offer, ""));
        let never = weight.trim().strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0_f32));
        name.trim().eq_ignore_ascii_case(coding) && !never
    })
}

fn body(content_type: &'static str, file: EmbeddedFile) -> Response {
    ([(CONTENT_TYPE, content_type)], file.data).into_response()
}

fn entity_tag(file: &EmbeddedFile) -> String {
    let hash: String = file.metadata.sha256_hash()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hash}\"")
}

/// Only our own files run; noVNC draws its cursor from `data:` addresses.
fn content_security_policy(styles: &str, ancestors: &[String]) -> String {
    let ancestors = if ancestors.is_empty() { "'none'".to_owned() } else { ancestors.join(" ") };
    format!(
        "default-src 'none'; script-src 'self'; style-src {styles}; img-src 'self' data:; connect-src 'self'; \
         base-uri 'none'; form-action 'self'; frame-ancestors {ancestors}"
    )
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn insert(headers: &mut HeaderMap, name: axum::http::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_there_and_runs_no_inline_script() {
        for which in [Page::Start, Page::Console, Page::Session, Page::Desktop, Page::Terminal] {
            let response = page(which, &[], &HeaderMap::new());
            assert_eq!(response.status(), StatusCode::OK, "{which:?}");
            let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(policy.contains("script-src 'self';"), "{policy}");
            assert_eq!(policy.contains("unsafe"), which == Page::Terminal, "{policy}");
            assert!(policy.ends_with("frame-ancestors 'none'"), "{policy}");
            let html = Dist::get(which.file()).unwrap().data;
            let html = std::str::from_utf8(&html).unwrap();
            assert!(!html.contains("<script>") && !html.contains("<style"), "{which:?}");
        }
    }

    #[test]
    fn a_browser_that_has_the_page_gets_no_second_copy() {
        let first = page(Page::Start, &[], &HeaderMap::new());
        let mut request = HeaderMap::new();
        request.insert(IF_NONE_MATCH, first.headers()[ETAG].clone());
        assert_eq!(page(Page::Start, &[], &request).status(), StatusCode::NOT_MODIFIED);
    }

    #[test]
    fn an_asset_is_kept_for_ever_and_nothing_else_is_served_as_one() {
        let name = a_script();
        let response = asset(&name, &HeaderMap::new()).unwrap();
        assert!(response.headers()[CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        assert!(!response.headers().contains_key(CONTENT_ENCODING));
        assert!(asset("../index.html", &HeaderMap::new()).is_none());
        assert!(asset("nothing.js", &HeaderMap::new()).is_none());
    }

    fn a_script() -> String {
        let name = |path: std::borrow::Cow<'static, str>| Some(path.strip_prefix("assets/")?.to_owned());
        Dist::iter()
            .filter_map(name)
            .find(|name| name.starts_with("session-") && name.ends_with(".js"))
            .unwrap()
    }

    #[test]
    fn an_asset_is_compressed_for_whoever_takes_it_so() {
        for (accepts, coding) in [
            ("gzip, deflate, br, zstd", Some("br")),
            ("gzip, deflate", Some("gzip")),
            ("GZIP;q=0.5, br; q=0", Some("gzip")),
            ("identity", None),
        ] {
            let request = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(accepts))]);
            let response = asset(&a_script(), &request).unwrap();
            let said = response.headers().get(CONTENT_ENCODING).map(|value| value.to_str().unwrap());
            assert_eq!(said, coding, "{accepts}");
            assert_eq!(response.headers()[CONTENT_TYPE], "text/javascript; charset=utf-8");
            assert_eq!(response.headers()[VARY], "accept-encoding");
        }
    }
}
