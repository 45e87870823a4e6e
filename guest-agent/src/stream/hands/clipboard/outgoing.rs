//! What is on the clipboard, handed to the programs that ask, in pieces when it is long (ICCCM 2.7.2, "INCR").

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anteroom_protocol::Secret;
use x11rb::{
    protocol::xproto::{
        Atom, AtomEnum, ChangeWindowAttributesAux, ConnectionExt as _, EventMask, PropMode,
        SELECTION_NOTIFY_EVENT, SelectionNotifyEvent, SelectionRequestEvent, Timestamp, Window,
    },
    wrapper::ConnectionExt as _,
};

use super::{
    super::x::{DeskError, X},
    Atoms,
};

/// The longest text in one piece, in bytes: well below what a request of X can hold (256 KiB without BIG-REQUESTS).
const PIECE: usize = 64 * 1024;
/// A program that takes no piece for so long is given up.
const PATIENCE: Duration = Duration::from_secs(10);
/// The oldest transfer gives way to one more.
const MAX_TRANSFERS: usize = 8;

#[derive(Default)]
pub(super) struct Outgoing(Vec<Transfer>);

struct Transfer {
    to: Window,
    property: Atom,
    kind: Atom,
    text: Arc<Secret>,
    sent: usize,
    deadline: Instant,
}

impl Outgoing {
    /// `own` is what is on the clipboard, and since when.
    pub(super) fn answer(
        &mut self,
        x: &X,
        atoms: &Atoms,
        request: &SelectionRequestEvent,
        own: Option<&(Arc<Secret>, Timestamp)>,
        now: Instant,
    ) -> Result<(), DeskError> {
        // Clients of before ICCCM name no property ("obsolete client").
        let property = if request.property == x11rb::NONE { request.target } else { request.property };
        let done = match own {
            Some((text, since)) => self.convert(x, atoms, request, property, (text, *since), now)?,
            None => false,
        };
        let answer = SelectionNotifyEvent {
            response_type: SELECTION_NOTIFY_EVENT,
            sequence: 0,
            time: request.time,
            requestor: request.requestor,
            selection: request.selection,
            target: request.target,
            property: if done { property } else { x11rb::NONE },
        };
        x.connection.send_event(false, request.requestor, EventMask::NO_EVENT, answer)?;
        Ok(())
    }

    /// Whether the property holds now what was asked for, or its announcement.
    fn convert(
        &mut self,
        x: &X,
        atoms: &Atoms,
        request: &SelectionRequestEvent,
        property: Atom,
        (text, since): (&Arc<Secret>, Timestamp),
        now: Instant,
    ) -> Result<bool, DeskError> {
        let (to, target) = (request.requestor, request.target);
        if target == atoms.TARGETS {
            let known = [atoms.TARGETS, atoms.TIMESTAMP, atoms.UTF8_STRING, atoms.UTF8_TEXT];
            x.connection.change_property32(PropMode::REPLACE, to, property, AtomEnum::ATOM, &known)?;
        } else if target == atoms.TIMESTAMP {
            x.connection.change_property32(PropMode::REPLACE, to, property, AtomEnum::INTEGER, &[since])?;
        } else if target == atoms.UTF8_STRING || target == atoms.UTF8_TEXT {
            if text.len() <= PIECE {
                x.connection.change_property8(PropMode::REPLACE, to, property, target, text.expose())?;
            } else {
                self.begin(
                    x,
                    atoms,
                    Transfer {
                        to,
                        property,
                        kind: target,
                        text: Arc::clone(text),
                        sent: 0,
                        deadline: now + PATIENCE,
                    },
                )?;
            }
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn begin(&mut self, x: &X, atoms: &Atoms, transfer: Transfer) -> Result<(), DeskError> {
        self.0.retain(|old| (old.to, old.property) != (transfer.to, transfer.property));
        if self.0.len() == MAX_TRANSFERS {
            self.0.remove(0);
        }
        let (to, length) = (transfer.to, u32::try_from(transfer.text.len()).unwrap_or(u32::MAX));
        let watch = ChangeWindowAttributesAux::new().event_mask(EventMask::PROPERTY_CHANGE);
        x.connection.change_window_attributes(to, &watch)?;
        x.connection.change_property32(PropMode::REPLACE, to, transfer.property, atoms.INCR, &[length])?;
        self.0.push(transfer);
        Ok(())
    }

    /// A program has taken what was there: the next piece, or an empty one as the end.
    pub(super) fn taken(
        &mut self,
        x: &X,
        window: Window,
        property: Atom,
        now: Instant,
    ) -> Result<(), DeskError> {
        let Some(index) = self.0.iter().position(|one| (one.to, one.property) == (window, property)) else {
            return Ok(());
        };
        let transfer = &mut self.0[index];
        let text = transfer.text.expose();
        let piece = &text[transfer.sent..text.len().min(transfer.sent + PIECE)];
        x.connection.change_property8(PropMode::REPLACE, window, property, transfer.kind, piece)?;
        transfer.sent += piece.len();
        transfer.deadline = now + PATIENCE;
        if piece.is_empty() {
            self.0.remove(index);
            if self.0.iter().all(|other| other.to != window) {
                let no_more = ChangeWindowAttributesAux::new().event_mask(EventMask::NO_EVENT);
                x.connection.change_window_attributes(window, &no_more)?;
            }
        }
        Ok(())
    }

    pub(super) fn expire(&mut self, now: Instant) {
        self.0.retain(|transfer| transfer.deadline > now);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.0.iter().map(|transfer| transfer.deadline).min()
    }
}
