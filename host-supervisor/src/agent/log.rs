//! A service's log, of which an agent tells the last lines only.

/// What came since, where both are the last lines of one log.
#[must_use]
pub fn log_news<'a>(before: &str, now: &'a str) -> &'a str {
    // The newest lines of before are somewhere in now, unless more came than are kept.
    let mut from = before;
    while !from.is_empty() {
        if let Some(rest) = now.strip_prefix(from) {
            return rest;
        }
        from = from.split_once('\n').map_or("", |(_, rest)| rest);
    }
    now
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_came_since_is_said_again() {
        assert_eq!(log_news("a\nb\n", "a\nb\nc\n"), "c\n");
        assert_eq!(log_news("a\nb\nc\n", "c\nd\n"), "d\n");
        assert_eq!(log_news("a\nb\n", "a\nb\n"), "");
        assert_eq!(log_news("a\n", "y\nz\n"), "y\nz\n");
        assert_eq!(log_news("", "first\n"), "first\n");
        assert_eq!(log_news("x\nx\n", "x\nx\nx\n"), "x\n");
    }
}
