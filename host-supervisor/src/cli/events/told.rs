//! Which of a list's events were told before.
//!
//! A daemon always answers with all events that it knows. One that has taken a VM over has learnt them anew: the guest tells its
//! own again, and by a clock that was read again they are milliseconds off.

use std::{collections::HashMap, time::Duration};

use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::cli::show;

/// What is later than everything that was told, by more than clocks differ, cannot have been told.
const CLOCKS_DIFFER: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct Told {
    /// How often each text was told.
    times: HashMap<(String, String), usize>,
    newest: Option<OffsetDateTime>,
}

impl Told {
    /// Those events that were not told so far; they count as told then.
    pub(super) fn news<'a>(&mut self, events: &'a Value) -> Vec<&'a Value> {
        let mut here = HashMap::<_, usize>::new();
        let (mut news, newest_before) = (Vec::new(), self.newest);
        for event in events.as_array().into_iter().flatten() {
            let name = (show::text(event, "of"), show::text(event, "text"));
            let count = here.entry(name.clone()).or_default();
            *count += 1;
            let at = event["at"].as_str().and_then(|at| OffsetDateTime::parse(at, &Rfc3339).ok());
            let later = at.zip(newest_before).is_some_and(|(at, newest)| at > newest + CLOCKS_DIFFER);
            let told = self.times.entry(name).or_default();
            if *count > *told || later {
                *told = (*told).max(*count);
                self.newest = self.newest.max(at);
                news.push(event);
            }
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn events(list: &[(&str, &str)]) -> Value {
        let event = |(at, text): &(&str, &str)| json!({ "at": format!("2026-01-01T00:00:{at}Z"), "of": "vm", "text": text });
        list.iter().map(event).collect()
    }

    fn news(told: &mut Told, list: &[(&str, &str)]) -> Vec<String> {
        let events = events(list);
        told.news(&events).into_iter().map(|event| show::text(event, "text")).collect()
    }

    #[test]
    fn an_event_is_told_once_and_a_second_one_of_its_kind_again() {
        let mut told = Told::default();
        assert_eq!(news(&mut told, &[("01.000", "a"), ("02.000", "b")]), ["a", "b"]);
        assert!(news(&mut told, &[("01.000", "a"), ("02.000", "b")]).is_empty());
        assert_eq!(
            news(&mut told, &[("01.000", "a"), ("01.500", "late"), ("02.000", "b"), ("02.001", "b")]),
            ["late", "b"]
        );
    }

    #[test]
    fn what_a_daemon_has_learnt_anew_is_no_news_and_that_it_was_replaced_again_is() {
        let mut told = Told::default();
        news(&mut told, &[("01.000", "a"), ("02.000", "b")]);
        assert_eq!(
            news(&mut told, &[("01.007", "a"), ("02.007", "b"), ("09.000", "taken over")]),
            ["taken over"]
        );
        assert_eq!(
            news(&mut told, &[("01.003", "a"), ("02.003", "b"), ("20.000", "taken over")]),
            ["taken over"]
        );
        assert!(news(&mut told, &[("01.003", "a"), ("02.003", "b"), ("20.000", "taken over")]).is_empty());
    }
}
