use axum::body::to_bytes;
use axum::http::{StatusCode, header};

use super::{Html, Tone, escape, page};

#[test]
fn foreign_text_cannot_become_markup() {
    let hostile = escape("<script>\"x\" & 'y'</script>");
    assert_eq!(hostile.as_str(), "&lt;script&gt;&quot;x&quot; &amp; &#39;y&#39;&lt;/script&gt;");
}

#[tokio::test]
async fn a_page_carries_its_title_and_forbids_scripts_frames_and_caches() {
    let page = page(StatusCode::BAD_REQUEST, Tone::Trouble, "a < b", &Html::ours("<p>why</p>"));
    assert_eq!(page.status(), 400);
    let policy = page.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(
        policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(page.headers()[header::CACHE_CONTROL], "no-store");
    assert_eq!(page.headers()[header::REFERRER_POLICY], "no-referrer");
    let body = to_bytes(page.into_body(), 64 * 1024).await.unwrap();
    let body = String::from_utf8_lossy(&body);
    assert!(body.contains("<h1>a &lt; b</h1>\n<p>why</p>"), "{body}");
    assert!(!body.contains("<script"), "{body}");
}
