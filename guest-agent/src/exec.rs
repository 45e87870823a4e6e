//! Programs that the host runs here, as `anteroom_protocol::exec` lays it down.
//!
//! ```text
//!  GET /exec ──▶ attachment ──input──▶ Inflow ──▶ pipe or terminal ──▶ program
//!   (frames)        ▲                                                    │
//!                   └──────output───── Outflow ◀── pipe or terminal ◀────┘
//! ```
//! Both flows are bounded and count their bytes, so that a connection that breaks loses none: the program stays in the table
//! of [`Programs`] until somebody has seen its end, or nobody comes for it.

mod attachment;
mod inflow;
mod launch;
mod outflow;
mod running;
mod said;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use attachment::serve;
pub(crate) use table::Programs;
