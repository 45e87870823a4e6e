//! The thread that speaks with the X server: it alone has the connection, does what the pages order, and tells the room
//! what the server tells it.

use std::{
    os::fd::AsFd as _,
    sync::Arc,
    time::{Duration, Instant},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use x11rb::{connection::Connection as _, errors::ReplyError, protocol::Event};

use crate::display::{
    DisplayError,
    size::{self, Size},
};

use super::{
    clipboard::{Clipboard, News},
    cursor,
    keyboard::{Keyboard, Pressed},
    orders::{Inbox, Input, Next, Order},
    pointer::Pointer,
    room::Room,
    touch::{Act, Point, Touches},
    wheel::Wheel,
    x::{DeskError, X},
};

/// While one key has to wait, those of so many orders after it get ready.
const LOOK_AHEAD: usize = 64;

pub(super) struct Worker {
    x: X,
    keyboard: Keyboard,
    pointer: Pointer,
    wheel: Wheel,
    touches: Touches,
    clipboard: Clipboard,
    size: Size,
    /// The keyboard has no key for the next order before then.
    stalled: Option<Instant>,
}

/// Whether an order is done.
enum Done {
    Yes,
    NotBefore(Instant, Order),
}

impl Worker {
    /// Connects, lets go what an earlier one has left pressed, and watches what there is to watch.
    pub(super) fn open(display: &str) -> Result<Self, DeskError> {
        let x = X::connect(display)?;
        let keyboard = Keyboard::open(&x)?;
        let pointer = Pointer::open(&x)?;
        Keyboard::stop_repeating(&x)?;
        size::watch(&x.connection, x.root)?;
        // XFixes wants to be asked for its version first, which the clipboard does.
        let clipboard = Clipboard::open(&x)?;
        cursor::watch(&x)?;
        let size = size::now(&x.connection, x.root)?;
        let (wheel, touches) = (Wheel::default(), Touches::default());
        Ok(Self { x, keyboard, pointer, wheel, touches, clipboard, size, stalled: None })
    }

    pub(super) fn size(&self) -> Size {
        self.size
    }

    /// Until it is told to stop, or the X server is gone.
    pub(super) fn run(mut self, inbox: &Inbox, room: &Arc<Room>) -> Result<(), DeskError> {
        room.cursor(cursor::message(&self.x)?);
        loop {
            inbox.hush();
            while let Some(event) = self.x.connection.poll_for_event()? {
                self.heard(&event, room)?;
            }
            if self.stalled.is_some_and(|until| until <= Instant::now()) {
                self.stalled = None;
            }
            while self.stalled.is_none() && !self.clipboard.is_waiting() {
                match inbox.next() {
                    Next::Stop => return self.let_go(),
                    Next::Nothing => break,
                    Next::Order(order) => self.obey(order, inbox, room)?,
                }
            }
            let again = self.clipboard.expire(Instant::now());
            self.x.connection.flush()?;
            // An answer that was waited for may have brought events along: then there is nothing to wait for.
            if let Some(event) = self.x.connection.poll_for_event()? {
                self.heard(&event, room)?;
                continue;
            }
            self.wait(inbox, again.into_iter().chain(self.stalled).min())?;
        }
    }

    fn wait(&self, inbox: &Inbox, until: Option<Instant>) -> Result<(), DeskError> {
        let left =
            until.map(|until| until.saturating_duration_since(Instant::now()) + Duration::from_millis(1));
        let left =
            left.map_or(PollTimeout::NONE, |left| PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX));
        let server = self.x.connection.stream();
        let mut ready =
            [PollFd::new(server.as_fd(), PollFlags::POLLIN), PollFd::new(inbox.bell(), PollFlags::POLLIN)];
        match poll(&mut ready, left) {
            Ok(_) | Err(nix::Error::EINTR) => Ok(()),
            Err(error) => Err(DeskError::Thread(error.into())),
        }
    }

    fn obey(&mut self, order: Order, inbox: &Inbox, room: &Room) -> Result<(), DeskError> {
        let done = match order {
            Order::Input(input) => self.input(input, room)?,
            Order::LetGo => {
                self.let_go()?;
                Done::Yes
            }
            Order::Clipboard(text) => {
                self.clipboard.set(&self.x, text)?;
                Done::Yes
            }
            Order::Resize { width, height } => {
                match size::set(&self.x.connection, self.x.root, width, height) {
                    Ok(()) => {}
                    Err(
                        error @ (DisplayError::Reply(ReplyError::X11Error(_))
                        | DisplayError::NoOutput
                        | DisplayError::NoSuchSize),
                    ) => {
                        tracing::warn!(%error, "the desktop keeps its size");
                        room.refuse_holder("resize: the X server refuses this size");
                    }
                    Err(error) => return Err(error.into()),
                }
                Done::Yes
            }
        };
        if let Done::NotBefore(until, order) = done {
            self.stalled = Some(until);
            inbox.put_back(order);
            self.keyboard.prepare(&self.x, &inbox.coming_keys(LOOK_AHEAD), Instant::now())?;
        }
        Ok(())
    }

    fn input(&mut self, input: Input, room: &Room) -> Result<Done, DeskError> {
        let at = |x: anteroom_protocol::desk::Coordinate, y: anteroom_protocol::desk::Coordinate| Point {
            x: x.pixel(),
            y: y.pixel(),
        };
        match input {
            Input::Key { keysym, down: true } => match self.keyboard.down(&self.x, keysym, Instant::now())? {
                Pressed::Done => {}
                Pressed::Refused(why) => room.refuse_holder(&format!("key: {why}")),
                Pressed::Wait(until) => return Ok(Done::NotBefore(until, Order::Input(input))),
            },
            Input::Key { keysym, down: false } => self.keyboard.up(&self.x, keysym, Instant::now())?,
            Input::Pointer { x, y } => self.pointer.to(&self.x, self.size, at(x, y))?,
            Input::Button { button, down, x, y } => {
                self.pointer.to(&self.x, self.size, at(x, y))?;
                self.pointer.button(&self.x, button, down)?;
            }
            Input::Wheel { dx, dy, x, y } => {
                self.pointer.to(&self.x, self.size, at(x, y))?;
                Pointer::turn(&self.x, self.wheel.turn(dx.units(), dy.units()))?;
            }
            Input::Touch { id, phase, x, y } => {
                for act in self.touches.step(id, phase, at(x, y)) {
                    if let Act::Wheel { dx, dy } = act {
                        Pointer::turn(&self.x, self.wheel.turn(dx, dy))?;
                    }
                    self.pointer.act(&self.x, self.size, act)?;
                }
            }
        }
        Ok(Done::Yes)
    }

    fn let_go(&mut self) -> Result<(), DeskError> {
        self.keyboard.let_go(&self.x, Instant::now())?;
        self.pointer.let_go(&self.x)?;
        (self.wheel, self.touches) = (Wheel::default(), Touches::default());
        // A player comes or goes: the moment to see that nobody else has the server repeat keys.
        Keyboard::stop_repeating(&self.x)?;
        self.x.connection.flush()?;
        Ok(())
    }

    fn heard(&mut self, event: &Event, room: &Room) -> Result<(), DeskError> {
        let (x, now) = (&self.x, Instant::now());
        let news = match event {
            Event::XfixesCursorNotify(_) => {
                room.cursor(cursor::message(x)?);
                None
            }
            Event::RandrScreenChangeNotify(_) => {
                self.size = size::now(&x.connection, x.root)?;
                room.resized(self.size);
                None
            }
            Event::XkbMapNotify(change) => {
                let one = change.n_key_syms == 1;
                self.keyboard.map_changed(one.then_some(change.first_key_sym));
                None
            }
            Event::XkbNewKeyboardNotify(_) => {
                self.keyboard.map_changed(None);
                None
            }
            Event::XfixesSelectionNotify(change) => {
                self.clipboard.owner_changed(x, change, room.wants_clipboard(), now)?;
                None
            }
            Event::SelectionRequest(request) => {
                self.clipboard.asked(x, request, now)?;
                None
            }
            Event::SelectionClear(lost) => {
                self.clipboard.lost(lost);
                None
            }
            Event::SelectionNotify(answer) => self.clipboard.answered(x, answer)?,
            Event::PropertyNotify(change) => self.clipboard.property_changed(x, change, now)?,
            // A window that was gone before it got its piece of the clipboard, a mode in use: nothing of it matters here.
            Event::Error(error) => {
                tracing::debug!(kind = ?error.error_kind, request = ?error.request_name, "an X error");
                None
            }
            _ => None,
        };
        match news {
            Some(News::Copied(text)) => room.copied(&text),
            Some(News::TooLong) => room.refuse_holder("clipboard: what was copied is longer than 1 MiB"),
            None => {}
        }
        Ok(())
    }
}
