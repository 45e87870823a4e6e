use anteroom_protocol::{event::FailedBy, provider::UrlKind};

use super::*;

fn found(source: UrlSource, attempt: &str) -> FoundUrl {
    let url = format!("https://id.example/{source}/{attempt}");
    FoundUrl { url: Secret::new(url), kind: UrlKind::Callback, source, attempt: Secret::new(attempt) }
}

fn address(source: UrlSource, attempt: &str) -> Event {
    Event::Address(found(source, attempt))
}

/// Without the notes, which change nothing.
fn step(flow: &mut Flow, event: Event) -> Vec<Action> {
    let noted = |action: &Action| matches!(action, Action::Publish(Happened::Noted(_)));
    flow.step(event).into_iter().filter(|action| !noted(action)).collect()
}

fn notes(actions: Vec<Action>) -> Vec<Note> {
    let note = |action| match action {
        Action::Publish(Happened::Noted(note)) => Some(note),
        _ => None,
    };
    actions.into_iter().filter_map(note).collect()
}

fn opened(actions: &[Action]) -> usize {
    actions.iter().filter(|action| matches!(action, Action::OpenPage(_))).count()
}

/// A flow whose CLI runs.
fn running() -> Flow {
    let mut flow = Flow::new();
    assert_eq!(step(&mut flow, Event::TerminalIdle), [Action::RunCli { run: 1 }]);
    flow
}

fn exit(run: u32, code: i32) -> Event {
    Event::CliExited { run, code, last_lines: vec!["bad state".into()] }
}

#[test]
fn the_hooks_address_is_told_and_opened_at_once_and_only_once() {
    let mut flow = running();
    let actions = step(&mut flow, address(UrlSource::Hook, "a"));
    let told = Action::Publish(Happened::UrlFound(found(UrlSource::Hook, "a")));
    assert_eq!(actions, [told, Action::OpenPage(found(UrlSource::Hook, "a").url)]);
    assert_eq!(flow.phase, SignInPhase::AwaitingPerson);
    assert_eq!(step(&mut flow, address(UrlSource::Hook, "a")), []);
    assert_eq!(step(&mut flow, address(UrlSource::Terminal, "a")), []);
}

fn of_terminal(kind: UrlKind) -> Event {
    Event::Address(FoundUrl { kind, ..found(UrlSource::Terminal, "a") })
}

fn told(actions: &[Action]) -> usize {
    actions.iter().filter(|action| matches!(action, Action::Publish(Happened::UrlFound(_)))).count()
}

#[test]
fn an_address_of_the_terminal_is_told_at_once_and_its_page_waits_for_the_hook() {
    let mut flow = running();
    let attempt = || Secret::new("a");
    let waiting = step(&mut flow, of_terminal(UrlKind::Callback));
    assert_eq!(waiting.last(), Some(&Action::WaitForHook { attempt: attempt() }));
    assert_eq!((told(&waiting), opened(&waiting)), (1, 0));
    let better = step(&mut flow, address(UrlSource::Hook, "a"));
    assert_eq!((told(&better), opened(&better)), (1, 1));
    assert_eq!(step(&mut flow, Event::HookGraceOver { attempt: attempt() }), []);
    assert_eq!(flow.url().map(|found| found.source), Some(UrlSource::Hook));
}

#[test]
fn an_address_that_leads_to_a_code_is_not_even_told_before_the_hook_had_its_time() {
    let mut flow = running();
    let attempt = Secret::new("a");
    assert_eq!(
        step(&mut flow, of_terminal(UrlKind::Manual)),
        [Action::WaitForHook { attempt: attempt.clone() }]
    );
    assert!(flow.url().is_none());
    let accepted = step(&mut flow, Event::HookGraceOver { attempt });
    assert_eq!((told(&accepted), opened(&accepted)), (1, 1));
}

#[test]
fn the_page_of_a_device_code_waits_for_nothing() {
    let mut flow = running();
    let accepted = step(&mut flow, of_terminal(UrlKind::Device));
    assert_eq!((told(&accepted), opened(&accepted), accepted.len()), (1, 1, 2));
    let hook = step(&mut flow, address(UrlSource::Hook, "a"));
    assert_eq!((told(&hook), opened(&hook)), (1, 0));
}

#[test]
fn without_a_hook_the_terminals_address_is_opened_and_a_late_hook_opens_no_second_page() {
    let mut flow = running();
    step(&mut flow, of_terminal(UrlKind::Callback));
    let over = step(&mut flow, Event::HookGraceOver { attempt: Secret::new("a") });
    assert_eq!((told(&over), opened(&over)), (0, 1));
    let late = step(&mut flow, address(UrlSource::Hook, "a"));
    assert_eq!(late, [Action::Publish(Happened::UrlFound(found(UrlSource::Hook, "a")))]);
}

#[test]
fn another_attempt_is_another_page() {
    let mut flow = running();
    assert_eq!(opened(&step(&mut flow, address(UrlSource::Hook, "a"))), 1);
    assert_eq!(opened(&step(&mut flow, address(UrlSource::Hook, "b"))), 1);
    assert_eq!(flow.url(), Some(&found(UrlSource::Hook, "b")));
}

#[test]
fn a_program_that_opens_pages_in_a_loop_is_stopped() {
    let mut flow = running();
    let pages: usize =
        (0..1000).map(|_| opened(&step(&mut flow, Event::Page(Secret::new("https://x/"))))).sum();
    assert_eq!(pages, MAX_PAGES as usize);
}

#[test]
fn a_cli_that_writes_its_files_and_leaves_has_not_failed() {
    let mut flow = running();
    let actions = step(&mut flow, exit(1, 0));
    assert_eq!(actions.last(), Some(&Action::WaitAfterExit { run: 1 }));
    step(&mut flow, Event::Complete);
    assert_eq!(step(&mut flow, Event::ExitGraceOver { run: 1 }), []);
    assert_eq!((flow.phase, flow.generation), (SignInPhase::Captured, 1));
}

#[test]
fn a_cli_that_leaves_without_files_has_failed_with_what_it_said() {
    let mut flow = running();
    step(&mut flow, exit(1, 41));
    let cause = "the command ended with code 41 before the credentials were complete".to_owned();
    let told = Happened::Failed { by: FailedBy::CommandEnded, cause, last_lines: vec!["bad state".into()] };
    assert_eq!(step(&mut flow, Event::ExitGraceOver { run: 1 }), [Action::Publish(told)]);
    assert_eq!(flow.phase, SignInPhase::Failed);
}

#[test]
fn a_second_try_in_time_is_a_new_run_and_the_first_ones_news_come_too_late() {
    let mut flow = running();
    step(&mut flow, exit(1, 1));
    assert_eq!(step(&mut flow, Event::Again), [Action::RunCli { run: 2 }]);
    assert_eq!(step(&mut flow, Event::ExitGraceOver { run: 1 }), []);
    assert_eq!(step(&mut flow, exit(1, 1)), []);
    assert_eq!(flow.phase, SignInPhase::Starting);
}

#[test]
fn a_terminal_that_was_closed_starts_the_cli_again_unless_it_is_done() {
    let mut flow = running();
    let told = step(&mut flow, Event::TerminalIdle);
    assert!(matches!(&told[0], Action::Publish(Happened::Failed { by: FailedBy::TerminalClosed, .. })));
    assert_eq!(told[1..], [Action::RunCli { run: 2 }]);
    // Whoever asks for another attempt now has it; but not for one more.
    assert!(flow.has_begun_again() && !flow.can_begin_again());
    step(&mut flow, address(UrlSource::Hook, "a"));
    assert!(!flow.has_begun_again());
    step(&mut flow, Event::Complete);
    assert_eq!(step(&mut flow, Event::TerminalIdle), []);
}

#[test]
fn a_cli_that_outlived_this_role_is_not_started_again_and_its_end_counts() {
    let mut flow = Flow::new();
    assert_eq!(step(&mut flow, Event::TerminalBusy { run: 3 }), []);
    assert_eq!(step(&mut flow, exit(3, 0)).last(), Some(&Action::WaitAfterExit { run: 3 }));
    assert_eq!(step(&mut flow, Event::Again), [Action::RunCli { run: 4 }]);
}

#[test]
fn a_resumed_sign_in_knows_its_address_and_opens_it_no_second_time() {
    let mut flow = Flow::resumed(0, Some(found(UrlSource::Hook, "a")));
    assert_eq!(flow.phase, SignInPhase::AwaitingPerson);
    assert_eq!(flow.url(), Some(&found(UrlSource::Hook, "a")));
    assert_eq!(step(&mut flow, address(UrlSource::Hook, "a")), []);
    assert_eq!(Flow::resumed(2, None).phase, SignInPhase::Captured);
}

#[test]
fn every_capture_has_the_next_generation() {
    let mut flow = running();
    for generation in 1..=3 {
        let told = Action::Publish(Happened::Captured { generation });
        assert_eq!(step(&mut flow, Event::Complete).first(), Some(&told));
    }
}

#[test]
fn a_capture_that_the_cli_does_not_believe_in_fails() {
    let mut flow = running();
    step(&mut flow, Event::NotVerified { cause: "no".into() });
    assert_eq!(flow.phase, SignInPhase::Failed);
}

#[test]
fn a_cli_that_ended_is_not_given_up_while_its_files_are_being_verified() {
    let mut flow = running();
    step(&mut flow, Event::Verifying);
    step(&mut flow, exit(1, 0));
    assert_eq!(step(&mut flow, Event::ExitGraceOver { run: 1 }), []);
    step(&mut flow, Event::Complete);
    assert_eq!(flow.phase, SignInPhase::Captured);
}

#[test]
fn an_address_that_is_the_same_in_every_attempt_is_opened_in_every_attempt() {
    let mut flow = running();
    assert_eq!(opened(&step(&mut flow, address(UrlSource::Hook, "the device page"))), 1);
    step(&mut flow, exit(1, 1));
    step(&mut flow, Event::ExitGraceOver { run: 1 });
    step(&mut flow, Event::Again);
    assert_eq!(flow.url(), None);
    assert_eq!(opened(&step(&mut flow, address(UrlSource::Hook, "the device page"))), 1);
}

#[test]
fn a_code_for_the_page_is_told_once_and_again_when_it_is_another_one() {
    let mut flow = running();
    let code = |run, text: &str| Event::UserCode { run, code: Secret::new(text) };
    let told = |text: &str| [Action::Publish(Happened::UserCode(Secret::new(text)))];
    assert_eq!(step(&mut flow, code(1, "ABCD-1234")), told("ABCD-1234"));
    assert_eq!(step(&mut flow, code(1, "ABCD-1234")), []);
    assert_eq!(step(&mut flow, code(1, "EFGH-5678")), told("EFGH-5678"));
    step(&mut flow, exit(1, 1));
    step(&mut flow, Event::Again);
    assert_eq!(step(&mut flow, code(1, "too late")), []);
    assert_eq!(step(&mut flow, code(2, "EFGH-5678")), told("EFGH-5678"));
}

#[test]
fn a_code_of_the_page_is_asked_for_only_while_the_command_runs() {
    let mut flow = running();
    assert!(!flow.asks_for_code());
    assert_eq!(step(&mut flow, Event::AsksForCode { run: 1 }), [Action::Publish(Happened::AsksForCode)]);
    assert_eq!(step(&mut flow, Event::AsksForCode { run: 1 }), []);
    assert!(flow.asks_for_code());
    step(&mut flow, exit(1, 1));
    assert!(!flow.asks_for_code());
    step(&mut flow, Event::Again);
    assert!(!flow.asks_for_code());
}

#[test]
fn what_was_seen_is_noted_without_secrets_and_within_bounds() {
    let mut flow = running();
    let seen = notes(flow.step(address(UrlSource::Terminal, "a?state=s3cret")));
    assert_eq!(
        seen,
        [Note::Address {
            place: "https://id.example/terminal/a".into(),
            parameters: vec!["state".into()],
            source: UrlSource::Terminal,
            meaning: Meaning::SignIn(UrlKind::Callback),
        }]
    );
    let problem = || Event::Incomplete { problem: "~/x lacks y".into() };
    assert_eq!(notes(flow.step(problem())).len(), 1);
    assert_eq!(notes(flow.step(problem())), []);
    let many: usize = (0..10_000).map(|step| notes(flow.step(Event::Answered { step })).len()).sum();
    assert!(many < MAX_NOTES as usize);
}
