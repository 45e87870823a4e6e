use super::*;

fn role(pid: u32, arguments: &[&str]) -> Result<Role, UsageError> {
    Role::of(pid, &arguments.iter().map(ToString::to_string).collect::<Vec<_>>())
}

#[test]
fn pid_1_is_init_whatever_the_kernel_hands_over() {
    assert_eq!(role(1, &["/init"]), Ok(Role::Init));
    assert_eq!(role(1, &["/sbin/init", "splash", "oauth"]), Ok(Role::Init));
}

#[test]
fn another_process_cannot_be_init() {
    assert_eq!(role(7, &["anteroom-agent", "init"]), Err(UsageError::NotPid1(7)));
}

#[test]
fn every_name_of_a_browser_opens_its_arguments() {
    for name in ["/usr/local/bin/xdg-open", "/etc/alternatives/x-www-browser", "anteroom-browser"] {
        assert_eq!(
            role(9, &[name, "https://a.example/"]),
            Ok(Role::OpenUrl(vec!["https://a.example/".into()]))
        );
    }
    assert_eq!(role(9, &["anteroom-agent", "open-url", "u"]), Ok(Role::OpenUrl(vec!["u".into()])));
}

#[test]
fn the_portal_hands_pages_to_the_oauth_role_unless_told_otherwise() {
    assert_eq!(role(9, &["anteroom-agent", "portal"]), Ok(Role::Portal(OAUTH_SOCKET.into())));
    assert_eq!(role(9, &["anteroom-agent", "portal", "/tmp/sock"]), Ok(Role::Portal("/tmp/sock".into())));
}

#[test]
fn what_runs_is_told_as_often_as_is_asked_for_but_not_without_a_pause() {
    let every = |arguments: &[&str]| role(9, &[&["anteroom-agent", "processes"], arguments].concat());
    assert_eq!(every(&["500"]), Ok(Role::Processes(Duration::from_millis(500))));
    assert_eq!(every(&["0"]), Ok(Role::Processes(Duration::from_millis(100))));
    assert_eq!(every(&[]), Ok(Role::Processes(Duration::from_secs(2))));
}

#[test]
fn the_desktop_is_filmed_at_a_rate_that_there_is() {
    let rate = |arguments: &[&str]| role(9, &[&["anteroom-agent", "record"], arguments].concat());
    assert_eq!(
        [rate(&["30"]), rate(&["0"]), rate(&["200"]), rate(&["-"])],
        [30, 1, 60, 15].map(|rate| Ok(Role::Record(rate)))
    );
}

#[test]
fn an_unknown_or_missing_role_is_refused() {
    assert_eq!(role(9, &["anteroom-agent", "dance"]), Err(UsageError::Unknown("dance".into())));
    assert_eq!(role(9, &["anteroom-agent"]), Err(UsageError::Missing));
}
