//! The sign-in addresses of one start of the CLI: which are the same, which count, and which are opened.
//!
//! The hook got what the CLI meant for a browser, so with an address from the terminal the page waits a moment for the
//! hook's; what is told meanwhile depends on its kind.

use anteroom_protocol::{
    Secret,
    provider::{FoundUrl, UrlKind, UrlSource},
};

/// A program that shows addresses in a loop gets no further than this.
const MAX_ADDRESSES: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Addresses(Vec<Seen>);

#[derive(Debug)]
struct Seen {
    found: FoundUrl,
    told: bool,
    opened: bool,
}

/// What is to be done about an address, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Tell(FoundUrl),
    Open(Secret),
    WaitForHook { attempt: Secret },
}

impl Addresses {
    /// The one that a person was sent to before a crash of this role.
    pub(super) fn resumed(url: Option<FoundUrl>) -> Self {
        Self(url.into_iter().map(|found| Seen { found, told: true, opened: true }).collect())
    }

    /// The newest that counts.
    pub(super) fn told(&self) -> Option<&FoundUrl> {
        self.0.iter().rfind(|seen| seen.told).map(|seen| &seen.found)
    }

    pub(super) fn knows(&self, found: &FoundUrl) -> bool {
        self.position(&found.attempt).is_some()
    }

    pub(super) fn add(&mut self, found: FoundUrl) -> Vec<Step> {
        match (self.position(&found.attempt), found.source) {
            (Some(_), UrlSource::Terminal) => Vec::new(),
            (Some(index), UrlSource::Hook) => {
                let seen = &mut self.0[index];
                if seen.found.source == UrlSource::Hook {
                    return Vec::new();
                }
                *seen = Seen { found, told: false, ..*seen };
                seen.accept()
            }
            (None, _) if self.0.len() >= MAX_ADDRESSES => Vec::new(),
            (None, source) => {
                let mut seen = Seen { found, told: false, opened: false };
                let steps = match (source, seen.found.kind) {
                    // No other address leads to this page, so there is nothing to wait for.
                    (UrlSource::Hook, _) | (UrlSource::Terminal, UrlKind::Device) => seen.accept(),
                    // The hook gets the same one, if it gets any.
                    (UrlSource::Terminal, UrlKind::Callback | UrlKind::Ticket) => {
                        seen.tell().into_iter().chain([seen.wait()]).collect()
                    }
                    // The hook may get a better one, which leads back by itself.
                    (UrlSource::Terminal, UrlKind::Manual) => vec![seen.wait()],
                };
                self.0.push(seen);
                steps
            }
        }
    }

    /// The hook has had its time to show the same attempt.
    pub(super) fn hook_grace_over(&mut self, attempt: &Secret) -> Vec<Step> {
        let waits = self.0.iter_mut().find(|seen| seen.found.attempt == *attempt && !seen.opened);
        waits.map(Seen::accept).unwrap_or_default()
    }

    fn position(&self, attempt: &Secret) -> Option<usize> {
        self.0.iter().position(|seen| seen.found.attempt == *attempt)
    }
}

impl Seen {
    /// The address counts: it is told, and opened unless its attempt has a page already.
    fn accept(&mut self) -> Vec<Step> {
        let told = self.tell();
        let opened = !std::mem::replace(&mut self.opened, true);
        told.into_iter().chain(opened.then(|| Step::Open(self.found.url.clone()))).collect()
    }

    fn tell(&mut self) -> Option<Step> {
        let first = !std::mem::replace(&mut self.told, true);
        first.then(|| Step::Tell(self.found.clone()))
    }

    fn wait(&self) -> Step {
        Step::WaitForHook { attempt: self.found.attempt.clone() }
    }
}
