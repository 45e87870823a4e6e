//! The way from the pages to the thread that speaks with the X server: a bounded queue and a bell.
//!
//! Of a clipboard and of a size only the newest waits. A page that sends more than fits loses what waits, and its keys are
//! let go: a lost "up" would be a stuck key.

use std::{
    collections::VecDeque,
    io::{ErrorKind, Read as _, Write as _},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anteroom_protocol::{
    Secret,
    desk::{Button, Coordinate, TouchPhase, Turn},
};

/// A person makes a hundred in a second.
const MAX_WAITING: usize = 1024;

pub(super) enum Order {
    Input(Input),
    /// Whatever is down goes up.
    LetGo,
    Clipboard(Secret),
    Resize {
        width: u32,
        height: u32,
    },
}

/// What hands do. Never printed: it is what a person types.
pub(super) enum Input {
    Key { keysym: u32, down: bool },
    Pointer { x: Coordinate, y: Coordinate },
    Button { button: Button, down: bool, x: Coordinate, y: Coordinate },
    Wheel { dx: Turn, dy: Turn, x: Coordinate, y: Coordinate },
    Touch { id: u32, phase: TouchPhase, x: Coordinate, y: Coordinate },
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Order>,
    stopped: bool,
}

/// The end that gives.
pub(super) struct Orders {
    queue: Arc<Mutex<Queue>>,
    bell: UnixStream,
}

/// The end that takes.
pub(super) struct Inbox {
    queue: Arc<Mutex<Queue>>,
    bell: UnixStream,
}

/// What the thread does next.
pub(super) enum Next {
    Order(Order),
    Nothing,
    Stop,
}

pub(super) fn channel() -> std::io::Result<(Orders, Inbox)> {
    let (ring, hear) = UnixStream::pair()?;
    ring.set_nonblocking(true)?;
    hear.set_nonblocking(true)?;
    let queue = Arc::new(Mutex::new(Queue::default()));
    Ok((Orders { queue: Arc::clone(&queue), bell: ring }, Inbox { queue, bell: hear }))
}

impl Orders {
    /// Whether there was room for it.
    pub(super) fn give(&self, order: Order) -> bool {
        let mut queue = lock(&self.queue);
        match &order {
            Order::Clipboard(_) => queue.waiting.retain(|waiting| !matches!(waiting, Order::Clipboard(_))),
            Order::Resize { .. } => queue.waiting.retain(|waiting| !matches!(waiting, Order::Resize { .. })),
            Order::Input(_) | Order::LetGo => {}
        }
        let fits = queue.waiting.len() < MAX_WAITING;
        if fits {
            queue.waiting.push_back(order);
        } else {
            queue.waiting.clear();
            queue.waiting.push_back(Order::LetGo);
        }
        drop(queue);
        self.ring();
        fits
    }

    pub(super) fn stop(&self) {
        lock(&self.queue).stopped = true;
        self.ring();
    }

    fn ring(&self) {
        // A full bell has rung already; one without a hearer rings for nobody.
        let _ = (&self.bell).write(&[0]);
    }
}

impl Inbox {
    pub(super) fn next(&self) -> Next {
        let mut queue = lock(&self.queue);
        if queue.stopped {
            return Next::Stop;
        }
        queue.waiting.pop_front().map_or(Next::Nothing, Next::Order)
    }

    /// The keys that go down next, up to so many orders ahead.
    pub(super) fn coming_keys(&self, orders: usize) -> Vec<u32> {
        let queue = lock(&self.queue);
        let down = |order: &Order| match order {
            Order::Input(Input::Key { keysym, down: true }) => Some(*keysym),
            _ => None,
        };
        queue.waiting.iter().take(orders).filter_map(down).collect()
    }

    /// Puts one back that could not be done yet. It is dropped if there is no room.
    pub(super) fn put_back(&self, order: Order) {
        let mut queue = lock(&self.queue);
        if queue.waiting.len() < MAX_WAITING {
            queue.waiting.push_front(order);
        }
    }

    /// What to poll(2) for: readable when an order may wait.
    pub(super) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    /// Makes the bell silent. Look for orders afterwards, not before.
    pub(super) fn hush(&self) {
        let mut rings = [0; 256];
        loop {
            match (&self.bell).read(&mut rings) {
                Ok(256) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => return,
            }
        }
    }
}

impl std::fmt::Debug for Orders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Orders").finish_non_exhaustive()
    }
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}
