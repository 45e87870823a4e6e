use proptest::prelude::*;

use super::*;

fn cause(code: &str) -> Failure {
    Failure::new(code, code)
}

/// Runs the events and returns the state with every action.
fn run(events: impl IntoIterator<Item = Event>) -> (State, Vec<Action>) {
    events.into_iter().fold((State::new(), Vec::new()), |(state, mut actions), event| {
        let (state, more) = state.step(event);
        actions.extend(more);
        (state, actions)
    })
}

fn status_after(events: impl IntoIterator<Item = Event>) -> SessionStatus {
    run(events).0.status
}

#[test]
fn a_sign_in_goes_through_every_status_and_does_each_thing_once() {
    let events = [
        Event::VmBooting,
        Event::DesktopReady,
        Event::UrlFound,
        Event::Captured { generation: 1 },
        Event::Stored { generation: 1 },
        Event::VmEnded(None),
    ];
    let expected = [
        SessionStatus::VmCreated,
        SessionStatus::Ready,
        SessionStatus::AwaitingUserAuth,
        SessionStatus::AwaitingUserAuth,
        SessionStatus::Completed,
        SessionStatus::Completed,
    ];
    let mut state = State::new();
    for (event, status) in events.clone().into_iter().zip(expected) {
        state = state.step(event).0;
        assert_eq!(state.status, status);
    }
    let (_, actions) = run(events);
    assert_eq!(actions, [Action::StartSignIn, Action::StoreCredentials { generation: 1 }, Action::StopVm]);
}

#[test]
fn the_sign_in_is_started_once_even_if_the_desktop_becomes_ready_again() {
    let (_, actions) = run([Event::DesktopReady, Event::DesktopReady, Event::UrlFound, Event::DesktopReady]);
    assert_eq!(actions, [Action::StartSignIn]);
}

#[test]
fn a_late_or_repeated_event_does_not_take_the_status_back() {
    let later = [Event::DesktopReady, Event::UrlFound, Event::DesktopReady, Event::VmBooting];
    assert_eq!(status_after(later), SessionStatus::AwaitingUserAuth);
}

#[test]
fn each_kind_of_end_has_its_status_and_keeps_its_cause() {
    let ends = [
        (Event::VmEnded(Some(cause("kernel_panic"))), SessionStatus::Failed, "kernel_panic"),
        (Event::VmEnded(None), SessionStatus::Failed, "vm_gone"),
        (Event::SignInFailed(cause("cli_exited")), SessionStatus::Failed, "cli_exited"),
        (Event::NotStored(cause("credentials_refused")), SessionStatus::Failed, "credentials_refused"),
        (Event::Limit(cause("idle_limit")), SessionStatus::Timeout, "idle_limit"),
        (Event::Cancel(cause("cancelled")), SessionStatus::Cancelled, "cancelled"),
    ];
    for (end, status, code) in ends {
        let (state, actions) = run([Event::DesktopReady, end]);
        assert_eq!((state.status, state.failure.unwrap().code.as_str()), (status, code));
        assert_eq!(actions.last(), Some(&Action::StopVm));
    }
}

#[test]
fn a_failed_attempt_leaves_the_session_open_for_another() {
    let (state, actions) =
        run([Event::DesktopReady, Event::UrlFound, Event::AttemptFailed(cause("sign_in_denied"))]);
    assert_eq!(state.status, SessionStatus::AwaitingUserAuth);
    assert_eq!(state.attempt_failure.clone().unwrap().code, "sign_in_denied");
    assert!(!actions.contains(&Action::StopVm));
    assert_eq!(state.clone().step(Event::NewAttempt).0.attempt_failure, None);
    assert_eq!(state.step(Event::UrlFound).0.attempt_failure, None);
}

#[test]
fn a_cli_that_fails_every_time_fails_the_session() {
    let attempts: Vec<_> =
        (0..MOST_ATTEMPTS).map(|_| Event::AttemptFailed(cause("sign_in_failed"))).collect();
    let (state, _) = run(attempts[1..].to_vec());
    assert_eq!(state.status, SessionStatus::Initializing);
    let (state, actions) = run(attempts);
    assert_eq!(
        (state.status, state.failure.unwrap().code.as_str()),
        (SessionStatus::Failed, "sign_in_failed")
    );
    assert_eq!(actions, [Action::StopVm]);
}

#[test]
fn what_happens_while_credentials_are_stored_does_not_lose_them() {
    for meanwhile in [Event::VmEnded(None), Event::Cancel(cause("cancelled")), Event::Limit(cause("limit"))] {
        let captured = [Event::DesktopReady, Event::Captured { generation: 1 }, meanwhile];
        let (state, actions) = run(captured.clone());
        assert!(state.is_storing() && !actions.contains(&Action::StopVm), "{state:?}");
        let (state, actions) = run(captured.into_iter().chain([Event::Stored { generation: 1 }]));
        assert_eq!((state.status, state.failure), (SessionStatus::Completed, None));
        assert_eq!(actions.last(), Some(&Action::StopVm));
    }
}

#[test]
fn when_the_storing_fails_the_first_cause_is_told() {
    let panicked = Event::VmEnded(Some(cause("kernel_panic")));
    let not_stored = Event::NotStored(cause("guest_silent"));
    let (state, _) =
        run([Event::Captured { generation: 1 }, panicked, Event::Cancel(cause("cancelled")), not_stored]);
    assert_eq!((state.status, state.failure.unwrap().code.as_str()), (SessionStatus::Failed, "kernel_panic"));
}

#[test]
fn only_the_newest_generation_completes_a_session() {
    let (state, actions) = run([
        Event::Captured { generation: 1 },
        Event::Captured { generation: 1 },
        Event::Captured { generation: 2 },
        Event::Stored { generation: 1 },
    ]);
    assert!(state.is_storing());
    let store = |generation| Action::StoreCredentials { generation };
    assert_eq!(actions, [store(1), store(2)]);
    assert_eq!(state.step(Event::Stored { generation: 2 }).0.status, SessionStatus::Completed);
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::VmBooting),
        Just(Event::DesktopReady),
        Just(Event::UrlFound),
        (1..4u64).prop_map(|generation| Event::Captured { generation }),
        (1..4u64).prop_map(|generation| Event::Stored { generation }),
        Just(Event::NotStored(cause("a"))),
        Just(Event::SignInFailed(cause("b"))),
        Just(Event::AttemptFailed(cause("e"))),
        Just(Event::NewAttempt),
        Just(Event::VmEnded(None)),
        Just(Event::Limit(cause("c"))),
        Just(Event::Cancel(cause("d"))),
    ]
}

proptest! {
    /// Whatever happens in whatever order: statuses go forward, an end is an end, and the VM is stopped exactly when
    /// there is one.
    #[test]
    fn no_order_of_events_breaks_a_session(events in proptest::collection::vec(any_event(), 0..20)) {
        let (mut state, mut stops) = (State::new(), 0);
        for event in events {
            let before = state.clone();
            let (after, actions) = state.step(event);
            stops += actions.iter().filter(|action| **action == Action::StopVm).count();
            prop_assert!(after.status >= before.status);
            if before.status.is_final() {
                prop_assert_eq!(&after, &before);
                prop_assert!(actions.is_empty());
            }
            prop_assert_eq!(after.failure.is_some(), after.status > SessionStatus::Completed);
            state = after;
        }
        prop_assert_eq!(stops, usize::from(state.status.is_final()));
    }
}
