//! A command-line tool that signs in, and the identity provider it signs in to.
//!
//! Both exist so that the whole job of Anteroom can be seen and tested without a network: in a development image the
//! binary `anteroom-demo` is provider and tool at once, and on the host the library's [`idp`] stands in for a real
//! provider, so that a real CLI completes its real OAuth flow on loopback.
//!
//! It is not an identity provider for anybody's account: it knows one made-up person, keeps everything in memory and
//! signs nothing.

pub mod cli;
pub mod http;
pub mod idp;
pub mod jwt;
mod page;
pub mod pkce;
pub mod secret;
mod serve;
