use anteroom_protocol::provider::UrlKind;

use super::*;

fn found(source: UrlSource, attempt: &str) -> FoundUrl {
    let url = format!("https://id.example/{source}/{attempt}");
    FoundUrl { url: Secret::new(url), kind: UrlKind::Callback, source, attempt: Secret::new(attempt) }
}

fn address(source: UrlSource, attempt: &str) -> Event {
    Event::Address(found(source, attempt))
}

fn opened(actions: &[Action]) -> usize {
    actions.iter().filter(|action| matches!(action, Action::OpenPage(_))).count()
}

/// A flow whose CLI runs.
fn running() -> Flow {
    let mut flow = Flow::new();
    assert_eq!(flow.step(Event::TerminalIdle), [Action::RunCli { run: 1 }]);
    flow
}

fn exit(run: u32, code: i32) -> Event {
    Event::CliExited { run, code, last_lines: vec!["bad state".into()] }
}

#[test]
fn the_hooks_address_is_told_and_opened_at_once_and_only_once() {
    let mut flow = running();
    let actions = flow.step(address(UrlSource::Hook, "a"));
    let told = Action::Publish(Happened::UrlFound(found(UrlSource::Hook, "a")));
    assert_eq!(actions, [told, Action::OpenPage(found(UrlSource::Hook, "a").url)]);
    assert_eq!(flow.phase, SignInPhase::AwaitingPerson);
    assert_eq!(flow.step(address(UrlSource::Hook, "a")), []);
    assert_eq!(flow.step(address(UrlSource::Terminal, "a")), []);
}

#[test]
fn an_address_of_the_terminal_waits_for_the_hook_and_loses_to_it() {
    let mut flow = running();
    let attempt = Secret::new("a");
    let waiting = flow.step(address(UrlSource::Terminal, "a"));
    assert_eq!(waiting, [Action::WaitForHook { attempt: attempt.clone() }]);
    assert!(flow.url().is_none());
    assert_eq!(opened(&flow.step(address(UrlSource::Hook, "a"))), 1);
    assert_eq!(flow.step(Event::HookGraceOver { attempt }), []);
    assert_eq!(flow.url().map(|found| found.source), Some(UrlSource::Hook));
}

#[test]
fn without_a_hook_the_terminals_address_is_opened_and_a_late_hook_opens_no_second_page() {
    let mut flow = running();
    flow.step(address(UrlSource::Terminal, "a"));
    assert_eq!(opened(&flow.step(Event::HookGraceOver { attempt: Secret::new("a") })), 1);
    let late = flow.step(address(UrlSource::Hook, "a"));
    assert_eq!(late, [Action::Publish(Happened::UrlFound(found(UrlSource::Hook, "a")))]);
}

#[test]
fn another_attempt_is_another_page() {
    let mut flow = running();
    assert_eq!(opened(&flow.step(address(UrlSource::Hook, "a"))), 1);
    assert_eq!(opened(&flow.step(address(UrlSource::Hook, "b"))), 1);
    assert_eq!(flow.url(), Some(&found(UrlSource::Hook, "b")));
}

#[test]
fn a_program_that_opens_pages_in_a_loop_is_stopped() {
    let mut flow = running();
    let pages: usize = (0..1000).map(|_| opened(&flow.step(Event::Page(Secret::new("https://x/"))))).sum();
    assert_eq!(pages, MAX_PAGES as usize);
}

#[test]
fn a_cli_that_writes_its_files_and_leaves_has_not_failed() {
    let mut flow = running();
    let actions = flow.step(exit(1, 0));
    assert_eq!(actions.last(), Some(&Action::WaitAfterExit { run: 1 }));
    flow.step(Event::Complete);
    assert_eq!(flow.step(Event::ExitGraceOver { run: 1 }), []);
    assert_eq!((flow.phase, flow.generation), (SignInPhase::Captured, 1));
}

#[test]
fn a_cli_that_leaves_without_files_has_failed_with_what_it_said() {
    let mut flow = running();
    flow.step(exit(1, 41));
    let cause = "the command ended with code 41 before the credentials were complete".to_owned();
    let told = Happened::Failed { cause, last_lines: vec!["bad state".into()] };
    assert_eq!(flow.step(Event::ExitGraceOver { run: 1 }), [Action::Publish(told)]);
    assert_eq!(flow.phase, SignInPhase::Failed);
}

#[test]
fn a_second_try_in_time_is_a_new_run_and_the_first_ones_news_come_too_late() {
    let mut flow = running();
    flow.step(exit(1, 1));
    assert_eq!(flow.step(Event::Again), [Action::RunCli { run: 2 }]);
    assert_eq!(flow.step(Event::ExitGraceOver { run: 1 }), []);
    assert_eq!(flow.step(exit(1, 1)), []);
    assert_eq!(flow.phase, SignInPhase::Starting);
}

#[test]
fn a_second_run_forgets_the_address_of_the_first_and_may_show_it_again() {
    let mut flow = running();
    flow.step(address(UrlSource::Hook, "a"));
    flow.step(exit(1, 1));
    flow.step(Event::Again);
    assert_eq!((flow.phase, flow.url()), (SignInPhase::Starting, None));
    assert_eq!(opened(&flow.step(address(UrlSource::Hook, "a"))), 1);
    assert_eq!((flow.phase, flow.url()), (SignInPhase::AwaitingPerson, Some(&found(UrlSource::Hook, "a"))));
}

#[test]
fn a_terminal_that_was_closed_starts_the_cli_again_unless_it_is_done() {
    let mut flow = running();
    let told = flow.step(Event::TerminalIdle);
    assert!(matches!(&told[0], Action::Publish(Happened::Failed { cause, .. }) if cause.contains("closed")));
    assert_eq!(told[1..], [Action::RunCli { run: 2 }]);
    flow.step(Event::Complete);
    assert_eq!(flow.step(Event::TerminalIdle), []);
}

#[test]
fn a_cli_that_outlived_this_role_is_not_started_again_and_its_end_counts() {
    let mut flow = Flow::new();
    assert_eq!(flow.step(Event::TerminalBusy { run: 3 }), []);
    assert_eq!(flow.step(exit(3, 0)).last(), Some(&Action::WaitAfterExit { run: 3 }));
    assert_eq!(flow.step(Event::Again), [Action::RunCli { run: 4 }]);
}

#[test]
fn a_resumed_sign_in_knows_its_address_and_opens_it_no_second_time() {
    let mut flow = Flow::resumed(0, Some(found(UrlSource::Hook, "a")));
    assert_eq!(flow.phase, SignInPhase::AwaitingPerson);
    assert_eq!(flow.url(), Some(&found(UrlSource::Hook, "a")));
    assert_eq!(flow.step(address(UrlSource::Hook, "a")), []);
    assert_eq!(Flow::resumed(2, None).phase, SignInPhase::Captured);
}

#[test]
fn every_capture_has_the_next_generation() {
    let mut flow = running();
    for generation in 1..=3 {
        let told = Action::Publish(Happened::Captured { generation });
        assert_eq!(flow.step(Event::Complete).first(), Some(&told));
    }
}

#[test]
fn a_capture_that_the_cli_does_not_believe_in_fails() {
    let mut flow = running();
    flow.step(Event::NotVerified { cause: "no".into() });
    assert_eq!(flow.phase, SignInPhase::Failed);
}

#[test]
fn a_cli_that_ended_is_not_given_up_while_its_files_are_being_verified() {
    let mut flow = running();
    flow.step(Event::Verifying);
    flow.step(exit(1, 0));
    assert_eq!(flow.step(Event::ExitGraceOver { run: 1 }), []);
    flow.step(Event::Complete);
    assert_eq!(flow.phase, SignInPhase::Captured);
}
