//! Standard error, and whether the journal listens there (systemd.exec(5), `JOURNAL_STREAM`): to it each line says how grave it is
//! (sd-daemon(3)), so that `journalctl --priority` can choose.

use std::{
    io::{self, Stderr, Write},
    os::fd::AsFd,
};

use nix::sys::stat::fstat;
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

use crate::config::Environment;

#[derive(Debug, Clone, Copy)]
pub(super) struct StandardError {
    pub(super) is_journal: bool,
}

impl StandardError {
    pub(super) fn of(environment: &Environment) -> Self {
        let named = environment.get("JOURNAL_STREAM");
        Self { is_journal: named.is_some_and(|stream| names(stream, io::stderr())) }
    }
}

/// Whether a text of device and inode means this file: the variable is inherited, also by those who write somewhere else.
fn names(stream: &str, file: impl AsFd) -> bool {
    fstat(file).is_ok_and(|file| stream == format!("{}:{}", file.st_dev, file.st_ino))
}

impl<'a> MakeWriter<'a> for StandardError {
    type Writer = Event;

    fn make_writer(&'a self) -> Event {
        Event { prefix: None, to: io::stderr() }
    }

    fn make_writer_for(&'a self, about: &Metadata<'_>) -> Event {
        Event { prefix: self.is_journal.then(|| priority(*about.level())), to: io::stderr() }
    }
}

/// As syslog(3) counts, in the form that the journal takes off again.
fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => "<3>",
        Level::WARN => "<4>",
        Level::INFO => "<6>",
        _ => "<7>",
    }
}

/// Takes one event, which comes as a whole.
#[derive(Debug)]
pub(super) struct Event<W = Stderr> {
    prefix: Option<&'static str>,
    to: W,
}

impl<W: Write> Write for Event<W> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        match self.prefix.take() {
            // In one piece, so that no other thread's line comes between.
            Some(prefix) => {
                self.to.write_all(&[prefix.as_bytes(), text].concat())?;
                Ok(text.len())
            }
            None => self.to.write(text),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn the_journal_is_there_when_the_variable_means_this_very_file() {
        let file = tempfile::tempfile().unwrap();
        let metadata = file.metadata().unwrap();
        assert!(names(&format!("{}:{}", metadata.dev(), metadata.ino()), &file));
        for other in [&format!("{}:{}", metadata.dev(), metadata.ino() + 1), "", "here"] {
            assert!(!names(other, &file), "{other}");
        }
    }

    #[test]
    fn an_event_says_once_how_grave_it_is_and_only_to_the_journal() {
        for (prefix, said) in
            [(Some(priority(Level::WARN)), "<4>short of memory\n"), (None, "short of memory\n")]
        {
            let mut event = Event { prefix, to: Vec::new() };
            event.write_all(b"short of ").unwrap();
            event.write_all(b"memory\n").unwrap();
            assert_eq!(String::from_utf8(event.to).unwrap(), said);
        }
    }
}
