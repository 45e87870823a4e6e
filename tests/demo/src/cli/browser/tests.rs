use super::{Way, open, ways};

fn programs(ways: &[Way]) -> Vec<&str> {
    ways.iter().map(|way| way.program.to_str().unwrap()).collect()
}

#[test]
fn the_browser_of_the_environment_comes_first() {
    assert_eq!(programs(&ways(None, Some("/bin/firefox".into()))), ["/bin/firefox", "xdg-open"]);
    assert_eq!(programs(&ways(None, Some("".into()))), ["xdg-open"]);
    assert_eq!(programs(&ways(Some("".into()), None)), ["xdg-open"]);
}

#[test]
fn the_portal_is_the_only_way_when_it_is_asked_for() {
    let ways = ways(Some("1".into()), Some("/bin/firefox".into()));
    assert_eq!(programs(&ways), ["gdbus"]);
    assert_eq!((ways[0].before.last(), ways[0].after), (Some(&""), ["{}"].as_slice()));
}

#[test]
fn a_program_that_does_not_exist_is_passed_over() {
    let mut ways = ways(None, Some("/nonexistent/browser".into()));
    ways[1].program = "true".into();
    assert!(open(&ways, "about:blank"));
    assert!(!open(&ways[..1], "about:blank"));
}
