//! What the agent tells of a sign-in. A guest is not to be believed: what people get to see is checked against the
//! definition first.

use std::time::Duration;

use anteroom_protocol::{EventBody, Secret, provider::FoundUrl};
use time::OffsetDateTime;

use super::Owner;
use crate::{
    session::{UserCode, attempt, history, machine::Event},
    vm::VmEvent,
};

/// Longest user code that is shown to people; RFC 8628 section 6.1 recommends eight characters.
const MAX_USER_CODE_CHARS: usize = 64;

impl Owner {
    pub(super) async fn on_agent_event(&mut self, VmEvent { event, at, guard }: VmEvent) {
        let id = self.id();
        match event.body {
            EventBody::UrlFound { session, found } if session == id => self.on_url(found).await,
            EventBody::CredentialsCaptured { session, generation } if session == id => {
                self.captured.insert(generation, guard);
                return self.apply(Event::Captured { generation }).await;
            }
            EventBody::UserCode { session, code, .. } if session == id => self.on_user_code(code, at),
            EventBody::AsksForCode { session } if session == id => {
                self.publish(|view| view.attempt.asks_for_code = true);
                self.history.add_at(at, "the terminal asks for a code of the page");
            }
            EventBody::Noted { session, note } if session == id => {
                let launch = self.publish.borrow().launch.clone();
                if let Some(text) = history::of_note(&note, &launch, &self.definition) {
                    self.history.add_at(at, &text);
                }
            }
            EventBody::SignInFailed { session, by, cause, last_lines } if session == id => {
                let failure = attempt::failure(by, &cause, &last_lines);
                self.history.add_at(at, &format!("the attempt failed: {}", failure.message));
                tracing::warn!(session = %id, code = failure.code, cause = failure.message, "the attempt failed");
                self.apply(Event::AttemptFailed(failure)).await;
            }
            EventBody::CliExited { session, code, .. } if session == id => {
                self.history.add_at(at, &format!("the command has ended with code {code}"));
                tracing::info!(session = %id, code, "the CLI has ended");
            }
            // What concerns the VM is its owner's; what names another session is a lie of the guest.
            _ => {}
        }
        guard.done();
    }

    /// The guest's word is not enough: only what the definition takes for a sign-in address is passed on to people.
    async fn on_url(&mut self, found: FoundUrl) {
        let text = found.url.expose_str().unwrap_or_default();
        let Some(checked) = self.definition.recognise(text, found.source) else {
            tracing::warn!(session = %self.id(), "the guest reported an address that is no sign-in address");
            return;
        };
        let better =
            self.publish.borrow().attempt.url.as_ref().is_none_or(|known| is_better(&checked, known));
        if better {
            let kind = checked.kind;
            self.publish(|view| view.attempt.url = Some(checked));
            tracing::info!(session = %self.id(), ?kind, "the sign-in address is known");
        }
        self.apply(Event::UrlFound).await;
    }

    /// How long it is good for is the definition's to say, not the guest's.
    fn on_user_code(&mut self, code: Secret, at: OffsetDateTime) {
        let plain = |text: &str| {
            (1..=MAX_USER_CODE_CHARS).contains(&text.chars().count())
                && !text.chars().any(|c| c.is_control() || c.is_whitespace())
        };
        let Some(device) = self.definition.device.as_ref().filter(|_| code.expose_str().is_some_and(plain))
        else {
            tracing::warn!(session = %self.id(), "the guest reported a code that is none");
            return;
        };
        let expires_at = at + Duration::from_secs(device.lifetime_s.into());
        self.publish(|view| view.attempt.user_code = Some(UserCode { code, expires_at }));
        self.history.add_at(at, "the terminal shows a code for the page");
        tracing::info!(session = %self.id(), "the code for the page is known");
    }
}

/// A newer attempt is better than an older one; of one attempt the more trusted source is better.
fn is_better(new: &FoundUrl, known: &FoundUrl) -> bool {
    new.attempt != known.attempt || new.source > known.source
}
