//! The host side of Anteroom: launches disposable VMs, lets a person sign in inside one, keeps the credentials.
//!
//! ```text
//!   cli ──HTTP──▶ api ──▶ session ──▶ vm ──▶ vmm · net · disk · agent
//!                  │         └──────────┴──▶ store · vault
//!                  └── page      ▲                  └──▶ protocol
//!                            webhook (reads the outbox)
//! ```
//! Arrows go down only. [`daemon`] is the composition root: nothing else constructs what it uses.

pub mod agent;
pub mod api;
pub mod audit;
mod blocking;
pub mod cli;
pub mod config;
pub mod core_file;
pub mod credentials;
pub mod daemon;
pub mod disk;
pub mod doctor;
pub mod failure;
pub mod guest_programs;
pub mod host_memory;
pub mod images;
pub mod live;
pub mod log;
mod mac;
pub mod media;
pub mod metrics;
pub mod net;
mod outbound;
pub mod page;
pub mod private_file;
pub mod prompt;
pub mod providers;
pub mod relay;
mod request_id;
pub mod session;
pub mod snapshots;
mod socket_directory;
mod sparse;
pub mod store;
pub mod traces;
pub mod vault;
pub mod vm;
pub mod vmm;
pub mod webhook;
