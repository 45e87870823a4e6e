//! The desktop's clipboard (ICCCM 2.0, chapter 2: "Peer-to-Peer Communication by Means of Selections"). Text only.
//!
//! ```text
//!  page ──text──▶ own CLIPBOARD and PRIMARY ──▶ programs ask, [`outgoing`] answers
//!  page ◀──text── [`incoming`] asks the owner ◀── another program owns CLIPBOARD (XFixes tells)
//! ```
//! PRIMARY is only given, not watched: it changes with every stroke of the mouse over a text, and the person has not asked
//! for that to be copied. What a page has set is not told to it again, and what it was told makes nobody an owner when it
//! comes back. What a program copies is told each time, although it be the same: meanwhile the person may have copied
//! something else outside, and who copies once more wants it there.

mod incoming;
mod outgoing;

use std::{sync::Arc, time::Instant};

use anteroom_protocol::Secret;
use x11rb::{
    connection::Connection as _,
    protocol::{
        xfixes::{ConnectionExt as _, SelectionEventMask, SelectionNotifyEvent as OwnerChange},
        xproto::{
            Atom, AtomEnum, ConnectionExt as _, CreateWindowAux, EventMask, PropMode, Property,
            PropertyNotifyEvent, SelectionClearEvent, SelectionNotifyEvent, SelectionRequestEvent, Timestamp,
            Window, WindowClass,
        },
    },
    wrapper::ConnectionExt as _,
};

use self::{incoming::Incoming, outgoing::Outgoing};
use super::x::{DeskError, X};

x11rb::atom_manager! {
    /// The names that programs agree on.
    pub(super) Atoms: AtomsCookie {
        CLIPBOARD,
        INCR,
        TARGETS,
        TIMESTAMP,
        UTF8_STRING,
        UTF8_TEXT: b"text/plain;charset=utf-8",
        ANTEROOM_STAMP,
        ANTEROOM_TEXT,
    }
}

/// Something for the pages.
pub(super) enum News {
    /// A program has copied this.
    Copied(Secret),
    /// It has copied too much.
    TooLong,
}

pub(super) struct Clipboard {
    window: Window,
    atoms: Atoms,
    /// To be owned when the server has told the time.
    wanted: Option<Secret>,
    /// What programs get from here, and since when.
    own: Option<(Arc<Secret>, Timestamp)>,
    /// Of which selections.
    owned: Vec<Atom>,
    /// What crossed last, in either direction.
    last: Option<Secret>,
    /// `last` came from a page.
    ours: bool,
    /// `last` came from a program, which still owns it.
    theirs: bool,
    incoming: Option<Incoming>,
    outgoing: Outgoing,
}

impl Clipboard {
    pub(super) fn open(x: &X) -> Result<Self, DeskError> {
        let atoms = Atoms::new(&x.connection)?.reply()?;
        let window = x.connection.generate_id()?;
        let looks = CreateWindowAux::new().event_mask(EventMask::PROPERTY_CHANGE);
        let (only, same) = (WindowClass::INPUT_ONLY, x11rb::COPY_FROM_PARENT);
        x.connection.create_window(0, window, x.root, -1, -1, 1, 1, 0, only, same, &looks)?.check()?;
        x.connection.xfixes_query_version(5, 0)?.reply()?;
        let changes = SelectionEventMask::SET_SELECTION_OWNER;
        x.connection.xfixes_select_selection_input(window, atoms.CLIPBOARD, changes)?;
        Ok(Self {
            window,
            atoms,
            wanted: None,
            own: None,
            owned: Vec::new(),
            last: None,
            ours: false,
            theirs: false,
            incoming: None,
            outgoing: Outgoing::default(),
        })
    }

    /// Makes this the desktop's clipboard, as soon as the server has told the time, which owning needs.
    pub(super) fn set(&mut self, x: &X, text: Secret) -> Result<(), DeskError> {
        if self.theirs && self.last.as_ref() == Some(&text) {
            return Ok(());
        }
        self.wanted = Some(text);
        let (stamp, kind) = (self.atoms.ANTEROOM_STAMP, AtomEnum::STRING);
        x.connection.change_property8(PropMode::APPEND, self.window, stamp, kind, &[])?;
        Ok(())
    }

    /// Whether a text waits for the time. Until then nothing else is done to the desktop: the next may be the keys that paste.
    pub(super) fn is_waiting(&self) -> bool {
        self.wanted.is_some()
    }

    /// Another program, or this one, owns CLIPBOARD now. `wanted`: somebody would take the text.
    pub(super) fn owner_changed(
        &mut self,
        x: &X,
        change: &OwnerChange,
        wanted: bool,
        now: Instant,
    ) -> Result<(), DeskError> {
        if change.owner == self.window || change.selection != self.atoms.CLIPBOARD {
            return Ok(());
        }
        self.theirs = false;
        self.incoming = None;
        if change.owner != x11rb::NONE && wanted {
            self.incoming =
                Some(Incoming::ask(x, self.window, &self.atoms, change.selection_timestamp, now)?);
        }
        Ok(())
    }

    /// The owner has answered.
    pub(super) fn answered(
        &mut self,
        x: &X,
        answer: &SelectionNotifyEvent,
    ) -> Result<Option<News>, DeskError> {
        if answer.requestor != self.window {
            return Ok(None);
        }
        let Some(incoming) = &mut self.incoming else { return Ok(None) };
        let step = incoming.answered(x, self.window, &self.atoms, answer)?;
        Ok(self.take(step))
    }

    pub(super) fn property_changed(
        &mut self,
        x: &X,
        change: &PropertyNotifyEvent,
        now: Instant,
    ) -> Result<Option<News>, DeskError> {
        if change.window != self.window {
            if change.state == Property::DELETE {
                self.outgoing.taken(x, change.window, change.atom, now)?;
            }
            return Ok(None);
        }
        if change.state != Property::NEW_VALUE {
            return Ok(None);
        }
        if change.atom == self.atoms.ANTEROOM_STAMP {
            self.own(x, change.time)?;
            return Ok(None);
        }
        let Some(incoming) = &mut self.incoming else { return Ok(None) };
        if change.atom != self.atoms.ANTEROOM_TEXT {
            return Ok(None);
        }
        let step = incoming.grown(x, self.window, &self.atoms, now)?;
        Ok(self.take(step))
    }

    /// A program wants what is on the clipboard.
    pub(super) fn asked(
        &mut self,
        x: &X,
        request: &SelectionRequestEvent,
        now: Instant,
    ) -> Result<(), DeskError> {
        let own = self.own.as_ref().filter(|_| self.owned.contains(&request.selection));
        self.outgoing.answer(x, &self.atoms, request, own, now)
    }

    /// Another program owns a selection that was ours.
    pub(super) fn lost(&mut self, lost: &SelectionClearEvent) {
        self.owned.retain(|selection| *selection != lost.selection);
        if self.owned.is_empty() {
            self.own = None;
        }
    }

    /// Gives up what has waited too long. When to come again, if anything is under way.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Instant> {
        if self.incoming.as_ref().is_some_and(|incoming| incoming.deadline() <= now) {
            self.incoming = None;
        }
        self.outgoing.expire(now);
        let incoming = self.incoming.as_ref().map(Incoming::deadline);
        incoming.into_iter().chain(self.outgoing.deadline()).min()
    }

    fn own(&mut self, x: &X, time: Timestamp) -> Result<(), DeskError> {
        let Some(text) = self.wanted.take() else { return Ok(()) };
        self.owned = vec![self.atoms.CLIPBOARD, AtomEnum::PRIMARY.into()];
        for selection in &self.owned {
            x.connection.set_selection_owner(self.window, *selection, time)?;
        }
        self.last = Some(text.clone());
        self.ours = true;
        self.theirs = false;
        self.incoming = None;
        self.own = Some((Arc::new(text), time));
        Ok(())
    }

    fn take(&mut self, step: incoming::Step) -> Option<News> {
        match step {
            incoming::Step::More => None,
            incoming::Step::Nothing => {
                self.incoming = None;
                None
            }
            incoming::Step::TooLong => {
                self.incoming = None;
                Some(News::TooLong)
            }
            incoming::Step::Text(text) => {
                self.incoming = None;
                self.theirs = true;
                // A clipboard manager has taken over what a page has set.
                self.ours = self.ours && self.last.as_ref() == Some(&text);
                let news = !self.ours;
                self.last = Some(text.clone());
                news.then_some(News::Copied(text))
            }
        }
    }
}
