//! The pages that look at one desktop, who of them has control, and what they are told.
//!
//! One lock holds it together: what a page is told of control and what the desktop is told to do come in the same order.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use anteroom_protocol::{
    Secret,
    desk::{DeskMessage, Directions, PageMessage},
};

use crate::display::size::Size;

use super::{
    control::{Control, Role, Seat},
    orders::{Input, Order, Orders},
    outbox::Outbox,
};

#[derive(Debug)]
pub(super) struct Room {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    members: BTreeMap<Seat, Member>,
    next_seat: u64,
    control: Control,
    size: Size,
    cursor: Option<Arc<str>>,
    orders: Orders,
    /// The desktop is gone.
    closed: bool,
}

#[derive(Debug)]
struct Member {
    role: Role,
    clipboard: Directions,
    outbox: Arc<Outbox>,
    /// It knows already that its input is not taken.
    told: bool,
}

impl Room {
    pub(super) fn new(size: Size, orders: Orders) -> Self {
        let state = State {
            members: BTreeMap::new(),
            next_seat: 0,
            control: Control::default(),
            size,
            cursor: None,
            orders,
            closed: false,
        };
        Self { state: Mutex::new(state) }
    }

    /// A page comes. It is greeted; the others hear of it if control has changed.
    pub(super) fn join(&self, role: Role, clipboard: Directions, now: Instant) -> (Seat, Arc<Outbox>) {
        let mut state = self.lock();
        let (seat, outbox) = (Seat(state.next_seat), Arc::new(Outbox::default()));
        state.next_seat += 1;
        let before = state.control.holder();
        state.control.join(seat, role, now);
        outbox.hello(
            DeskMessage::Hello {
                width: state.size.width.into(),
                height: state.size.height.into(),
                control: state.control.seen_by(seat),
                clipboard,
                view_only: role == Role::Viewer,
            }
            .to_json(),
        );
        if let Some(cursor) = &state.cursor {
            outbox.cursor(Arc::clone(cursor));
        }
        if state.closed {
            outbox.close();
        }
        state.tell_control(before);
        state.members.insert(seat, Member { role, clipboard, outbox: Arc::clone(&outbox), told: false });
        (seat, outbox)
    }

    /// A page goes. What it held down is let go, and control is free.
    pub(super) fn leave(&self, seat: Seat) {
        let mut state = self.lock();
        state.members.remove(&seat);
        state.give_back(seat);
    }

    /// Takes a message. Whether a hand has done something that the desktop gets: not what is refused, nor what a page sends by
    /// itself, such as its size.
    pub(super) fn receive(&self, seat: Seat, text: &str, now: Instant) -> bool {
        let message = PageMessage::parse(text);
        let mut state = self.lock();
        match message {
            Ok(message) => state.obey(seat, message, now),
            Err(error) => {
                state.refuse(seat, &error.to_string());
                false
            }
        }
    }

    /// To whoever has control: what it sent was not taken.
    pub(super) fn refuse_holder(&self, what: &str) {
        let state = self.lock();
        if let Some(holder) = state.control.holder() {
            state.refuse(holder, what);
        }
    }

    /// Whether somebody may be told what a program copies.
    pub(super) fn wants_clipboard(&self) -> bool {
        self.lock().receiver().is_some()
    }

    /// A program has copied this: only the page in control is told, since a viewer was only asked to look.
    pub(super) fn copied(&self, text: &Secret) {
        let state = self.lock();
        if let (Some(receiver), Some(text)) = (state.receiver(), text.expose_str()) {
            receiver.outbox.clipboard(DeskMessage::Clipboard { text }.to_json());
        }
    }

    pub(super) fn resized(&self, size: Size) {
        let mut state = self.lock();
        if state.size != size {
            state.size = size;
            let text = DeskMessage::Size { width: size.width.into(), height: size.height.into() }.to_json();
            state.members.values().for_each(|member| member.outbox.size(text.clone()));
        }
    }

    pub(super) fn cursor(&self, text: String) {
        let mut state = self.lock();
        if state.cursor.as_deref() != Some(&text) {
            let text: Arc<str> = text.into();
            state.members.values().for_each(|member| member.outbox.cursor(Arc::clone(&text)));
            state.cursor = Some(text);
        }
    }

    /// The desktop is gone.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.members.values().for_each(|member| member.outbox.close());
    }

    /// Ends the thread of the desktop.
    pub(super) fn stop(&self) {
        self.lock().orders.stop();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn obey(&mut self, seat: Seat, message: PageMessage, now: Instant) -> bool {
        let kind = message.kind();
        let order = match message {
            PageMessage::TakeControl {} => {
                self.take(seat, now);
                return false;
            }
            PageMessage::ReleaseControl {} => {
                self.give_back(seat);
                return false;
            }
            PageMessage::ReleaseAll {} if !self.control.has(seat) => return false,
            PageMessage::ReleaseAll {} => Order::LetGo,
            PageMessage::Clipboard { .. } | PageMessage::Paste { .. } if !self.opens_to_desktop(seat) => {
                self.refuse(seat, "clipboard: it may not travel to this desktop");
                return false;
            }
            PageMessage::Clipboard { text } | PageMessage::Paste { text } => {
                Order::Clipboard(Secret::new(text))
            }
            PageMessage::Resize { width, height } => Order::Resize { width, height },
            PageMessage::Key { keysym, down } => Order::Input(Input::Key { keysym, down }),
            PageMessage::Pointer { x, y } => Order::Input(Input::Pointer { x, y }),
            PageMessage::Button { button, down, x, y } => Order::Input(Input::Button { button, down, x, y }),
            PageMessage::Wheel { dx, dy, x, y } => Order::Input(Input::Wheel { dx, dy, x, y }),
            PageMessage::Touch { id, phase, x, y } => Order::Input(Input::Touch { id, phase, x, y }),
        };
        if !self.control.touch(seat, now) {
            self.refuse_input(seat, kind);
            return false;
        }
        let by_hand = matches!(order, Order::Input(_) | Order::Clipboard(_));
        if self.orders.give(order) {
            return by_hand;
        }
        self.refuse(seat, "too much input at once: what waited is dropped, and every key let go");
        false
    }

    fn opens_to_desktop(&self, seat: Seat) -> bool {
        self.members.get(&seat).is_some_and(|member| member.clipboard.to_desktop)
    }

    /// Who is told what a program copies, if anybody may be.
    fn receiver(&self) -> Option<&Member> {
        let holder = self.members.get(&self.control.holder()?)?;
        holder.clipboard.from_desktop.then_some(holder)
    }

    fn take(&mut self, seat: Seat, now: Instant) {
        let Some(role) = self.members.get(&seat).map(|member| member.role) else { return };
        let before = self.control.holder();
        match self.control.take(seat, role, now) {
            Ok(()) => self.hand_over(before),
            Err(denied) => self.refuse(seat, &format!("take-control: {denied}")),
        }
    }

    fn give_back(&mut self, seat: Seat) {
        let before = self.control.holder();
        self.control.release(seat);
        self.hand_over(before);
    }

    /// What the last one held down is not the next one's.
    fn hand_over(&mut self, before: Option<Seat>) {
        if before.is_some() && before != self.control.holder() {
            self.orders.give(Order::LetGo);
        }
        self.tell_control(before);
    }

    fn tell_control(&mut self, before: Option<Seat>) {
        if before == self.control.holder() {
            return;
        }
        for (seat, member) in &mut self.members {
            member.told = false;
            let control = self.control.seen_by(*seat);
            member.outbox.control(DeskMessage::Control { control }.to_json());
        }
    }

    /// Told once: a hand that moves over a page makes hundreds of messages.
    fn refuse_input(&mut self, seat: Seat, kind: &str) {
        let Some(member) = self.members.get_mut(&seat) else { return };
        if !std::mem::replace(&mut member.told, true) {
            let why = match member.role {
                Role::Viewer => "this page may only view",
                Role::Player => "this page does not have control",
            };
            self.refuse(seat, &format!("{kind}: {why}"));
        }
    }

    fn refuse(&self, seat: Seat, what: &str) {
        if let Some(member) = self.members.get(&seat) {
            member.outbox.refused(DeskMessage::Refused { what }.to_json());
        }
    }
}
