//! The states of a VM, as a pure function: what is, what happened, what is then. The diagram is in [`super`].

use super::{StopReason, VmStatus};
use crate::failure::Failure;

/// Where a VM stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) status: VmStatus,
    /// The first failure; later ones follow from it.
    pub(super) failure: Option<Failure>,
}

/// What can happen to a VM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Happening {
    /// The VMM runs.
    Launched,
    /// The agent has answered and speaks our protocol.
    AgentAnswered,
    /// Every service that a viewer needs answers; of a VM without a desktop, programs can be run.
    DesktopReady,
    /// Nobody is in it, and it goes to the disk.
    HibernationBegun,
    /// All of it is on the disk.
    Hibernated,
    /// Somebody has come.
    WakingBegun,
    /// Somebody has asked for the end.
    StopAsked(StopReason),
    /// Something without which the VM is of no use.
    Failed(Failure),
    /// Nothing of it is left on the host.
    Gone,
}

impl Life {
    pub(super) fn new() -> Self {
        Self { status: VmStatus::Creating, failure: None }
    }

    /// Whether it has come to what it comes to at last when nothing goes wrong; it hibernates from there, and comes back to it.
    pub(super) fn is_at_its_goal(&self) -> bool {
        self.status == VmStatus::Ready
    }

    /// What is after `happening`. What cannot happen in a state changes nothing.
    #[must_use]
    pub(super) fn step(self, happening: Happening) -> Self {
        use VmStatus::{
            Booting, Creating, Destroyed, Failed, Hibernated, Hibernating, Ready, Running, Stopping, Waking,
        };
        let status = match (self.status, &happening) {
            (Creating, Happening::Launched) => Booting,
            (Booting, Happening::AgentAnswered) => Running,
            (Running, Happening::DesktopReady) => Ready,
            (_, Happening::HibernationBegun) if self.is_at_its_goal() => Hibernating,
            (Hibernating, Happening::Hibernated) => Hibernated,
            (Hibernated, Happening::WakingBegun) => Waking,
            // From the disk, or because it could not be put there.
            (Waking | Hibernating, Happening::AgentAnswered) => Ready,
            (
                Creating | Booting | Running | Ready | Hibernating | Hibernated | Waking,
                Happening::StopAsked(_) | Happening::Failed(_),
            ) => Stopping,
            (Stopping, Happening::Gone) if self.failure.is_some() => Failed,
            (Stopping, Happening::Gone) => Destroyed,
            (same, _) => same,
        };
        // A guest that dies while it is being ended has not failed.
        let fails = status == Stopping && self.status != Stopping;
        let failure = match happening {
            Happening::Failed(failure) if fails => Some(failure),
            _ => self.failure,
        };
        Self { status, failure }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn after(happenings: impl IntoIterator<Item = Happening>) -> Life {
        happenings.into_iter().fold(Life::new(), Life::step)
    }

    fn failed(code: &str) -> Happening {
        Happening::Failed(Failure::new(code, "it broke"))
    }

    const STOP: Happening = Happening::StopAsked(StopReason::Cancelled);

    #[test]
    fn a_vm_becomes_ready_and_is_destroyed_when_asked() {
        use Happening::{AgentAnswered, DesktopReady, Gone, Launched};
        let status = |happenings: &[Happening]| after(happenings.iter().cloned()).status;
        assert_eq!(status(&[Launched]), VmStatus::Booting);
        assert_eq!(status(&[Launched, AgentAnswered]), VmStatus::Running);
        assert_eq!(status(&[Launched, AgentAnswered, DesktopReady]), VmStatus::Ready);
        assert_eq!(status(&[Launched, AgentAnswered, DesktopReady, STOP]), VmStatus::Stopping);
        assert_eq!(status(&[Launched, AgentAnswered, DesktopReady, STOP, Gone]), VmStatus::Destroyed);
    }

    #[test]
    fn a_vm_hibernates_wakes_and_is_what_it_was() {
        use Happening::{
            AgentAnswered, DesktopReady, Gone, Hibernated, HibernationBegun, Launched, WakingBegun,
        };
        let sleep = [HibernationBegun, Hibernated, WakingBegun, AgentAnswered];
        let before = after([Launched, AgentAnswered, DesktopReady]);
        let states: Vec<_> = sleep
            .iter()
            .scan(before.clone(), |life, happening| {
                *life = life.clone().step(happening.clone());
                Some(life.status)
            })
            .collect();
        let away = [VmStatus::Hibernating, VmStatus::Hibernated, VmStatus::Waking];
        assert_eq!((&states[..3], states[3]), (&away[..], before.status));
        let given_up = before.clone().step(HibernationBegun).step(AgentAnswered);
        assert_eq!(given_up, before);
        for so_far in 0..4 {
            let asked = sleep.iter().take(so_far).cloned().fold(before.clone(), Life::step).step(STOP);
            assert_eq!(asked.step(Gone).status, VmStatus::Destroyed, "{so_far}");
        }
        let starting = after([Launched, AgentAnswered, HibernationBegun]);
        assert_eq!(starting.status, VmStatus::Running, "its desktop is not there yet");
    }

    #[test]
    fn a_failure_is_shown_while_the_vm_is_torn_down_and_stays() {
        let torn = after([Happening::Launched, failed("kernel_panic")]);
        assert_eq!(
            (torn.status, torn.failure.as_ref().unwrap().code.as_str()),
            (VmStatus::Stopping, "kernel_panic")
        );
        let gone = torn.step(Happening::Gone);
        assert_eq!((gone.status, gone.failure.unwrap().code.as_str()), (VmStatus::Failed, "kernel_panic"));
    }

    #[test]
    fn the_first_failure_counts_and_a_guest_that_dies_while_stopping_has_not_failed() {
        assert_eq!(after([failed("first"), failed("second")]).failure.unwrap().code, "first");
        assert_eq!(after([Happening::Launched, STOP, failed("vmm_died")]).failure, None);
    }

    fn any_happening() -> impl Strategy<Value = Happening> {
        prop_oneof![
            Just(Happening::Launched),
            Just(Happening::AgentAnswered),
            Just(Happening::DesktopReady),
            Just(Happening::HibernationBegun),
            Just(Happening::Hibernated),
            Just(Happening::WakingBegun),
            Just(STOP),
            Just(failed("vmm_died")),
            Just(Happening::Gone),
        ]
    }

    proptest! {
        #[test]
        fn whatever_happens_a_stop_and_its_end_are_final(happenings in prop::collection::vec(any_happening(), 0..20),
                                                          later in prop::collection::vec(any_happening(), 0..5)) {
            let end = after(happenings).step(STOP).step(Happening::Gone);
            prop_assert!(end.status.is_final());
            prop_assert_eq!(end.status == VmStatus::Failed, end.failure.is_some());
            prop_assert_eq!(later.into_iter().fold(end.clone(), Life::step), end);
        }

        #[test]
        fn no_state_is_left_backwards_but_by_waking(happenings in prop::collection::vec(any_happening(), 0..40)) {
            let mut life = Life::new();
            for happening in happenings {
                let next = life.clone().step(happening);
                let forward = next.status as u8 >= life.status as u8;
                prop_assert!(forward || (life.status.is_away() && next.is_at_its_goal()));
                life = next;
            }
        }

        #[test]
        fn what_is_on_the_disk_comes_from_where_it_was_and_goes_back_there(
            happenings in prop::collection::vec(any_happening(), 0..40),
        ) {
            let mut life = after([]);
            for happening in happenings {
                let next = life.clone().step(happening.clone());
                if next.status == VmStatus::Hibernating && life.status != VmStatus::Hibernating {
                    prop_assert!(life.is_at_its_goal());
                }
                if life.status == VmStatus::Hibernated && next.status != life.status {
                    prop_assert!(matches!(next.status, VmStatus::Waking | VmStatus::Stopping));
                }
                life = next;
            }
        }
    }
}
