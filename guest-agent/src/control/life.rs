//! Which VM this machine is, and whether it may become another one.
//!
//! ```text
//!  Booted ──POST /freeze──▶ Frozen ──(is copied; each copy:) PUT /resume──▶ Resumed
//! ```
//! A sign-in, a viewer or a program of the host's would leave in the memory what no two machines may share, so they make a freeze impossible; and a
//! frozen guest takes none, because the copy that it is of may have been made already.

use std::fmt;

use anteroom_protocol::VmId;
use tokio::sync::watch;

use super::Refusal;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Booted,
    Frozen,
    Resumed,
}

/// What no two machines may share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    SignIn,
    Viewer,
    /// One that the host has started.
    Program,
}

#[derive(Debug, Clone)]
struct Now {
    stage: Stage,
    vm: Option<VmId>,
    uses: Vec<Use>,
    /// It is about to be put to disk, or was and has not been told yet.
    dozes: bool,
}

#[derive(Debug)]
pub(super) struct Life(watch::Sender<Now>);

/// What a resume is to this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resumption {
    First,
    /// The host has not heard the answer to the one before.
    Again,
}

impl Life {
    pub(super) fn new(vm: Option<VmId>) -> Self {
        Self(watch::Sender::new(Now { stage: Stage::Booted, vm, uses: Vec::new(), dozes: false }))
    }

    pub(super) fn vm(&self) -> Option<VmId> {
        self.0.borrow().vm
    }

    pub(super) fn is_frozen(&self) -> bool {
        self.0.borrow().stage == Stage::Frozen
    }

    /// Whether the host is about to lose sight of it, and will look for it again.
    pub(super) fn is_away(&self) -> bool {
        self.0.borrow().is_away()
    }

    /// Returns when it is so.
    pub(super) async fn away(&self) {
        // An error would mean that the sender is gone, which lives in `self`.
        let _ = self.0.subscribe().wait_for(Now::is_away).await;
    }

    pub(super) fn doze(&self) {
        self.0.send_modify(|now| now.dozes = true);
    }

    pub(super) fn wake(&self) {
        self.0.send_modify(|now| now.dozes = false);
    }

    /// To be asked before anything is done for one of them.
    ///
    /// # Errors
    /// When the machine is frozen.
    pub(super) fn begin(&self, what: Use) -> Result<(), Refusal> {
        self.change(|now| {
            if now.stage == Stage::Frozen {
                return Err(Refusal::conflict(
                    "this machine is frozen: only a copy that was resumed can be used",
                ));
            }
            if !now.uses.contains(&what) {
                now.uses.push(what);
            }
            Ok(())
        })
    }

    pub(super) fn may_freeze(&self) -> Result<(), Refusal> {
        self.0.borrow().may_freeze()
    }

    /// From now on nothing begins here.
    pub(super) fn freeze(&self) -> Result<(), Refusal> {
        self.change(|now| {
            now.may_freeze()?;
            now.stage = Stage::Frozen;
            Ok(())
        })
    }

    pub(super) fn may_resume(&self, vm: VmId) -> Result<Resumption, Refusal> {
        let now = self.0.borrow();
        match now.stage {
            _ if now.uses.contains(&Use::SignIn) => {
                Err(Refusal::conflict("a sign-in has begun in this machine"))
            }
            Stage::Booted => Err(Refusal::conflict("this machine was never frozen")),
            Stage::Frozen => Ok(Resumption::First),
            Stage::Resumed if now.vm == Some(vm) => Ok(Resumption::Again),
            Stage::Resumed => Err(Refusal::conflict("this machine was resumed as another VM already")),
        }
    }

    pub(super) fn resumed(&self, vm: VmId) {
        self.0.send_modify(|now| (now.stage, now.vm) = (Stage::Resumed, Some(vm)));
    }

    /// Whoever waits is told, whatever came of it; they look for themselves.
    fn change(&self, change: impl FnOnce(&mut Now) -> Result<(), Refusal>) -> Result<(), Refusal> {
        let mut result = Ok(());
        self.0.send_modify(|now| result = change(now));
        result
    }
}

impl Now {
    fn is_away(&self) -> bool {
        self.dozes || self.stage == Stage::Frozen
    }

    fn may_freeze(&self) -> Result<(), Refusal> {
        if let Some(first) = self.uses.first() {
            return Err(Refusal::conflict(format!(
                "{first} has begun in this machine: it cannot be copied any more"
            )));
        }
        if self.stage == Stage::Resumed {
            return Err(Refusal::conflict("this machine is a copy itself"));
        }
        Ok(())
    }
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SignIn => "a sign-in",
            Self::Viewer => "a viewer's connection",
            Self::Program => "a program of the host's",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why<T>(refused: Result<T, Refusal>) -> String {
        refused.err().map(|refusal| format!("{refusal:?}")).unwrap_or_default()
    }

    #[test]
    fn what_was_used_is_frozen_no_more_and_what_is_frozen_is_not_used() {
        for what in [Use::SignIn, Use::Viewer, Use::Program] {
            let life = Life::new(None);
            life.begin(what).unwrap();
            assert!(why(life.freeze()).contains(&what.to_string()));
            assert!(!life.is_frozen());
        }
        let life = Life::new(None);
        life.freeze().unwrap();
        life.freeze().unwrap();
        assert!(why(life.begin(Use::SignIn)).contains("frozen"));
        life.resumed(VmId::random());
        life.begin(Use::SignIn).unwrap();
    }

    #[test]
    fn a_machine_that_dozes_is_used_all_the_same_and_is_no_other_one_afterwards() {
        let life = Life::new(Some(VmId::random()));
        let vm = life.vm();
        life.doze();
        assert!(life.is_away() && !life.is_frozen());
        life.begin(Use::SignIn).unwrap();
        life.wake();
        assert!(!life.is_away() && life.vm() == vm);
    }

    #[test]
    fn only_a_frozen_machine_becomes_another_one_and_only_once() {
        let (template, copy) = (VmId::random(), VmId::random());
        let life = Life::new(Some(template));
        assert!(why(life.may_resume(copy)).contains("never frozen"));
        life.freeze().unwrap();
        assert_eq!(life.may_resume(copy).unwrap(), Resumption::First);
        life.resumed(copy);
        assert_eq!((life.vm(), life.may_resume(copy).unwrap()), (Some(copy), Resumption::Again));
        assert!(why(life.may_resume(template)).contains("another VM"));
        assert!(why(life.freeze()).contains("copy itself"));
        life.begin(Use::SignIn).unwrap();
        assert!(why(life.may_resume(copy)).contains("sign-in"));
    }
}
