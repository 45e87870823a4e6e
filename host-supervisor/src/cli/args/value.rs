//! The values on the command line that are more than text.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use clap::{ValueEnum, builder::PossibleValue};

use crate::store::SessionStatus;

pub(super) fn setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE, for example vm.max=4")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    text.parse().map(Duration::from_secs).map_err(|_| "expected a number of seconds".to_owned())
}

/// A time that something counts, in the largest unit that people use for it.
pub(super) fn life(text: &str) -> Result<Duration, String> {
    let expected = || "expected a time such as 30m, 12h or 90d".to_owned();
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(expected)?;
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(expected()),
    };
    let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    seconds.filter(|seconds| *seconds > 0).map(Duration::from_secs).ok_or_else(expected)
}

/// `NAME=VALUE`, or a name whose value is ours.
pub(super) fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => {
            let value = std::env::var(text).map_err(|_| format!("there is no variable {text} here"))?;
            Ok((text.to_owned(), value))
        }
    }
}

/// `PORT` or `PORT:LOCAL`, where LOCAL is a port of our loopback.
pub(super) fn ports(text: &str) -> Result<(u16, SocketAddr), String> {
    let (port, local) = text.split_once(':').unwrap_or((text, text));
    let number = |text: &str| text.parse::<u16>().map_err(|_| format!("{text:?} is no port"));
    match (number(port)?, number(local)?) {
        (0, _) => Err("port 0 of a VM is none".to_owned()),
        (port, local) => Ok((port, (Ipv4Addr::LOCALHOST, local).into())),
    }
}

/// The flags that were given, as settings.
pub(super) fn given<const N: usize>(flags: [(&str, &Option<String>); N]) -> Vec<(String, String)> {
    flags.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value.clone()?))).collect()
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
