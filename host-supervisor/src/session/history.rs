//! What was seen of a session, in words and in order: for whoever writes a definition or looks for a fault.
//!
//! What a guest tells is bounded and without control characters here, and holds no secret where it is made.

use anteroom_protocol::{
    Note, ProviderDefinition,
    event::Meaning,
    provider::{UrlKind, UrlSource},
};
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::store::{SessionPurpose, SessionRecord, SessionStatus};

/// A guest that tells more is not listened to.
const MAX_MOMENTS: usize = 512;
const MAX_TEXT_CHARS: usize = 300;

#[derive(Debug, Clone)]
pub struct Moment {
    pub at: OffsetDateTime,
    pub text: String,
}

/// The owner's end; others read.
#[derive(Debug, Clone)]
pub(super) struct History(watch::Sender<Vec<Moment>>);

impl History {
    pub(super) fn new() -> (Self, watch::Receiver<Vec<Moment>>) {
        let (sender, receiver) = watch::channel(Vec::new());
        (Self(sender), receiver)
    }

    /// Something that has just happened.
    pub(super) fn add(&self, text: &str) {
        self.add_at(OffsetDateTime::now_utc(), text);
    }

    pub(super) fn add_at(&self, at: OffsetDateTime, text: &str) {
        self.0.send_if_modified(|moments| {
            let room = moments.len() < MAX_MOMENTS;
            if room {
                moments.push(Moment { at, text: printable(text) });
            }
            room
        });
    }
}

fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().take(MAX_TEXT_CHARS).map(shown).collect()
}

/// What became of a session.
pub fn status_in_words(record: &SessionRecord) -> String {
    match (&record.failure, record.purpose, record.status) {
        (Some(failure), ..) => format!("{}: {}", record.status.in_words(), failure.message),
        (None, SessionPurpose::Test, SessionStatus::Completed) => "signed in".to_owned(),
        (None, ..) => record.status.in_words().to_owned(),
    }
}

/// A note of the agent; `None` for one of a newer agent.
pub(super) fn of_note(note: &Note, launch: &str, definition: &ProviderDefinition) -> Option<String> {
    Some(match note {
        Note::CommandStarted { run } => {
            let argv = definition.launch.get(launch).map(|launch| launch.argv.join(" ")).unwrap_or_default();
            match run {
                0 | 1 => format!("started: {argv}"),
                again => format!("started, attempt {again}: {argv}"),
            }
        }
        Note::Answered { step } => format!("answered question {step} of the definition"),
        Note::Address { place, parameters, source, meaning } => {
            let with = match parameters.as_slice() {
                [] => String::new(),
                names => format!(" with {}", names.join(", ")),
            };
            format!("{} {place}{with}: {}", of_source(*source), of_meaning(*meaning))
        }
        Note::PageOpened { place } => format!("opened in the VM's browser: {place}"),
        Note::Incomplete { problem } => format!("not signed in yet: {problem}"),
        Note::Checking => {
            let argv = definition.verify.as_ref().map(|verify| verify.argv.join(" ")).unwrap_or_default();
            format!("the credentials are complete; asking: {argv}")
        }
        Note::Unknown => return None,
    })
}

fn of_source(source: UrlSource) -> &'static str {
    match source {
        UrlSource::Hook => "the command opens",
        UrlSource::Terminal => "the terminal shows",
    }
}

fn of_meaning(meaning: Meaning) -> String {
    match meaning {
        Meaning::SignIn(kind) => format!("the sign-in page ({kind}{})", of_kind(kind)),
        Meaning::Again => "the same attempt again".to_owned(),
        Meaning::Other => "no [[url]] rule fits".to_owned(),
    }
}

fn of_kind(kind: UrlKind) -> &'static str {
    match kind {
        UrlKind::Callback => ", it leads back by itself",
        UrlKind::Manual => ", it shows a code to paste",
        UrlKind::Device => ", the code is typed there",
        UrlKind::Ticket => ", the command asks its server",
    }
}

/// The captured files, each with its length in bytes.
pub(super) fn of_files(sizes: &[(String, usize)]) -> String {
    let files: Vec<String> = sizes.iter().map(|(path, bytes)| format!("{path} ({bytes} bytes)")).collect();
    format!("captured: {}", files.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition() -> ProviderDefinition {
        let text = crate::providers::EMBEDDED.iter().find(|(name, _)| *name == "codex.toml").unwrap().1;
        ProviderDefinition::parse(text).unwrap()
    }

    #[test]
    fn a_note_is_a_line_that_explains_itself() {
        let address = Note::Address {
            place: "https://auth.openai.com/oauth/authorize".into(),
            parameters: vec!["state".into(), "code_challenge".into()],
            source: UrlSource::Hook,
            meaning: Meaning::SignIn(UrlKind::Callback),
        };
        let cases = [
            (Note::CommandStarted { run: 1 }, "started: codex login"),
            (Note::CommandStarted { run: 2 }, "started, attempt 2: codex login"),
            (
                address,
                "the command opens https://auth.openai.com/oauth/authorize with state, code_challenge: \
                 the sign-in page (callback, it leads back by itself)",
            ),
            (Note::Checking, "the credentials are complete; asking: codex login status"),
        ];
        for (note, text) in cases {
            assert_eq!(of_note(&note, "browser", &definition()).as_deref(), Some(text));
        }
        assert_eq!(of_note(&Note::Unknown, "browser", &definition()), None);
    }

    #[test]
    fn a_talkative_guest_is_bounded_and_writes_no_escape_sequences() {
        let (history, seen) = History::new();
        for _ in 0..2 * MAX_MOMENTS {
            history.add(&"\u{1b}[2J".repeat(1000));
        }
        assert_eq!(seen.borrow().len(), MAX_MOMENTS);
        assert_eq!(seen.borrow()[0].text.chars().count(), MAX_TEXT_CHARS);
        assert!(!seen.borrow()[0].text.contains('\u{1b}'));
    }
}
