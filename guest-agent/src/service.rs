//! The programs of the desktop: declared as data, started in parallel, watched, restarted, stopped in order.
//!
//! ```text
//!  *.toml ──▶ spec ──▶ supervisor (one task, owns all services)
//!                        │  step(state, event): machine, pure
//!                        ├─ readiness: answers in the service's own protocol
//!                        └─ process: spawn, signal, exit
//! ```

pub(crate) mod cgroup;
pub(crate) mod environment;
mod machine;
mod readiness;
mod spec;
mod supervisor;

pub(crate) use cgroup::Groups;
pub(crate) use spec::{ServiceSet, SpecError};
pub(crate) use supervisor::Supervisor;
