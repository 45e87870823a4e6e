use super::{candidates, open};

#[test]
fn the_browser_of_the_environment_comes_first() {
    assert_eq!(candidates(Some("/bin/firefox".into())), ["/bin/firefox", "xdg-open"]);
    assert_eq!(candidates(Some("".into())), ["xdg-open"]);
    assert_eq!(candidates(None), ["xdg-open"]);
}

#[test]
fn a_program_that_does_not_exist_is_passed_over() {
    assert!(open(&["/nonexistent/browser".into(), "true".into()], "about:blank"));
    assert!(!open(&["/nonexistent/browser".into()], "about:blank"));
}
