//! The daemon with everything but QEMU: real router, sessions, store and vault over a real socket; the VMM is a child
//! process, and the test plays what the guest's kernel and desktop would do.

#![expect(clippy::unwrap_used, reason = "what is not as a test expects it ends the test")]

mod access;
mod again;
mod audit;
mod burst;
mod chatter;
mod cli;
mod client;
mod codes;
mod console;
mod definitions;
mod description;
mod desktop;
mod embed;
mod event_stream;
mod events;
mod guest;
mod input;
mod keys;
mod limits;
mod lists;
mod live;
mod metrics;
mod operators;
mod page_of_old;
mod pages;
mod programs;
mod promises;
mod prompts;
mod reload;
mod service;
mod service_manager;
mod sign_in;
mod stream;
mod tls;
mod traces;
mod trouble;
mod vm_live;
mod vms;
mod webhook;
mod webhook_tls;
mod webrtc;
mod whep;
