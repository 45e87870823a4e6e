//! What the terminal says to the person, in a colour of its own. Lines end as a raw terminal wants it.

use super::order::Run;
use crate::process::Exit;

/// No line is longer than the narrowest terminal that an image has.
pub(super) const WELCOME: &str = concat!(
    "\r\n  \x1b[1mWelcome.\x1b[0m This desktop is yours for one sign-in.\r\n",
    "  \x1b[2mIt starts in a moment, and the desktop is gone afterwards.\x1b[0m\r\n\r\n"
);

pub(super) fn begins(order: &Run) -> String {
    let command = printable(&order.argv.join(" "));
    format!("  \x1b[1mSigning in to {}\x1b[0m \x1b[2m({command})\x1b[0m\r\n\r\n", printable(&order.name))
}

pub(super) fn done(text: &str) -> String {
    format!("\r\n  \x1b[1;32m{}\x1b[0m\r\n", printable(text))
}

/// The CLI's own last words are above already, unless it could not even be started.
pub(super) fn over(exit: Exit, last_lines: &[String]) -> String {
    let (how, retry) = match exit {
        Exit::Code(0) => {
            ("The command has ended.".to_owned(), "If you are not signed in, press Enter to try again.")
        }
        Exit::Code(127) => (
            format!("The command could not be started: {}", last_lines.join(" ")),
            "Press Enter to try again.",
        ),
        exit => (format!("The command {exit}."), "Press Enter to try again."),
    };
    format!("\r\n  \x1b[1m{}\x1b[0m {retry}\r\n", printable(&how))
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
