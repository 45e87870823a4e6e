//! The values on the command line that are more than text.

use std::time::Duration;

use clap::{ValueEnum, builder::PossibleValue};

use crate::store::SessionStatus;

pub(super) fn setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE, for example vm.max=4")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    text.parse().map(Duration::from_secs).map_err(|_| "expected a number of seconds".to_owned())
}

impl ValueEnum for SessionStatus {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self::Initializing,
            Self::VmCreated,
            Self::Ready,
            Self::AwaitingUserAuth,
            Self::Completed,
            Self::Failed,
            Self::Timeout,
            Self::Cancelled,
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.as_str()))
    }
}
