use nix::sys::signal::Signal;
use proptest::prelude::*;

use super::*;

const POLICY: Restart =
    Restart { first_delay_ms: 100, max_delay_ms: 300, give_up_after: 4, stable_after_ms: 1_000 };

fn daemon() -> Machine {
    Machine::new(POLICY, false, true)
}

fn started(machine: &mut Machine) {
    assert_eq!(machine.step(Event::Go, 0), Some(Action::Spawn));
    assert_eq!(machine.step(Event::Spawned { pid: 9 }, 0), Some(Action::Probe));
}

fn crash(machine: &mut Machine, now_ms: u64) -> Option<Action> {
    machine.step(Event::Ended(Exit::Code(1)), now_ms)
}

#[test]
fn a_service_becomes_ready_when_it_answers() {
    let mut machine = daemon();
    started(&mut machine);
    assert!(!machine.is_satisfied());
    assert_eq!(machine.step(Event::Answered, 5), None);
    assert!(machine.is_satisfied());
    assert_eq!(machine.pid(), Some(9));
}

#[test]
fn delays_double_up_to_a_bound_and_the_fourth_failure_is_the_last() {
    let mut machine = daemon();
    for delay_ms in [100, 200, 300] {
        started(&mut machine);
        assert_eq!(crash(&mut machine, 0), Some(Action::RetryAfter { delay_ms }));
        machine.step(Event::RetryDue, 0);
    }
    started(&mut machine);
    assert_eq!(crash(&mut machine, 0), None);
    assert_eq!(machine.state, State::Failed { cause: "ended with code 1".into() });
    assert_eq!(machine.restarts, 3);
}

#[test]
fn a_service_that_was_stable_starts_counting_anew() {
    let mut machine = daemon();
    for _ in 0..20 {
        started(&mut machine);
        machine.step(Event::Answered, 0);
        assert_eq!(crash(&mut machine, 1_000), Some(Action::RetryAfter { delay_ms: 100 }));
        machine.step(Event::RetryDue, 0);
    }
}

#[test]
fn a_program_that_is_missing_fails_at_once() {
    let mut machine = daemon();
    machine.step(Event::Go, 0);
    machine.step(Event::Refused { cause: "no such file".into(), permanent: true }, 0);
    assert_eq!(machine.state, State::Failed { cause: "no such file".into() });
}

#[test]
fn a_service_that_does_not_answer_is_ended_and_the_cause_is_its_silence() {
    let mut machine = daemon();
    started(&mut machine);
    let cause = "no answer within 30 s".to_owned();
    assert_eq!(machine.step(Event::Silent { cause: cause.clone() }, 0), Some(Action::Terminate));
    machine.step(Event::Ended(Exit::Signal(Signal::SIGTERM)), 0);
    assert_eq!(machine.state, State::BackOff { cause, delay_ms: 100 });
}

#[test]
fn a_one_shot_is_done_only_when_it_succeeded() {
    let mut machine = Machine::new(POLICY, true, true);
    started(&mut machine);
    machine.step(Event::Ended(Exit::Code(0)), 0);
    assert!(machine.is_satisfied());
    assert_eq!(machine.state, State::Done);

    let mut machine = Machine::new(POLICY, true, true);
    started(&mut machine);
    crash(&mut machine, 0);
    assert!(!machine.is_satisfied());
}

#[test]
fn stopping_waits_for_the_end_and_a_crash_meanwhile_is_no_failure() {
    let mut machine = daemon();
    started(&mut machine);
    assert_eq!(machine.step(Event::StopAsked, 0), Some(Action::Terminate));
    assert!(!machine.is_at_rest());
    crash(&mut machine, 0);
    assert_eq!(machine.state, State::Stopped);
    assert_eq!(machine.step(Event::RetryDue, 0), None);
    assert_eq!(machine.state, State::Stopped);
}

#[test]
fn an_on_demand_service_waits_until_it_is_asked_for() {
    let mut machine = Machine::new(POLICY, false, false);
    assert_eq!(machine.step(Event::Go, 0), None);
    machine.step(Event::StartAsked, 0);
    started(&mut machine);
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Go),
        (1..9u32).prop_map(|pid| Event::Spawned { pid }),
        any::<bool>().prop_map(|permanent| Event::Refused { cause: String::new(), permanent }),
        Just(Event::Answered),
        Just(Event::Silent { cause: String::new() }),
        Just(Event::Ended(Exit::Code(1))),
        Just(Event::RetryDue),
        Just(Event::StopAsked),
        Just(Event::StartAsked),
    ]
}

proptest! {
    /// Whatever comes in whatever order: no second process while there is one, and never more failures than allowed.
    #[test]
    fn no_order_of_events_starts_a_second_process(events in proptest::collection::vec(event(), 0..60)) {
        let mut machine = daemon();
        for event in events {
            let had = machine.pid();
            let action = machine.step(event.clone(), 0);
            prop_assert!(!(action == Some(Action::Spawn) && had.is_some()));
            prop_assert!(machine.streak <= POLICY.give_up_after);
            if had.is_some() && machine.pid().is_none() {
                prop_assert!(matches!(event, Event::Ended(_)));
            }
        }
    }
}
