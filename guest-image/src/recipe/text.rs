//! The short texts of a recipe, each checked where it is read: they become file names, arguments and shell words, so that
//! nothing outside a small alphabet gets that far, and an error names the line.

use std::borrow::Borrow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A newtype over `String` whose values satisfy `$holds`.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $holds:expr, $expected:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = Unexpected;

            fn try_from(text: String) -> Result<Self, Unexpected> {
                let holds: fn(&str) -> bool = $holds;
                if holds(&text) { Ok(Self(text)) } else { Err(Unexpected { text, expected: $expected }) }
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// A text outside its alphabet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {expected}")]
pub struct Unexpected {
    text: String,
    expected: &'static str,
}

checked_text!(
    /// Of a recipe, a profile, a layer or a program.
    Name,
    |text| (1..=40).contains(&text.len()) && starts_plain(text) && only(text, is_name_char),
    "a name: lower-case letters, digits, '-' and '.', at most 40"
);

checked_text!(
    /// Of a distribution package.
    PackageName,
    |text| text.len() >= 2 && starts_plain(text) && only(text, |c| is_name_char(c) || c == '+'),
    "a package name"
);

checked_text!(
    /// Of a kernel module, with '_' for '-' as the kernel has it.
    ModuleName,
    |text| !text.is_empty() && only(text, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'),
    "a kernel module: lower-case letters, digits and '_'"
);

checked_text!(
    /// Of a file in the guest: absolute and without detours.
    GuestPath,
    |text| is_plain_path(text) && only(text, is_path_char),
    "an absolute path in the guest, without '..' and unusual characters"
);

checked_text!(
    /// Files in the guest, as dpkg's `path-exclude` matches them ('*' passes over '/').
    GuestGlob,
    |text| is_plain_path(text) && only(text, |c| is_path_char(c) || c == '*' || c == '?'),
    "an absolute path in the guest, in which '*' and '?' may stand"
);

checked_text!(
    /// The target of a symbolic link, absolute or relative.
    LinkTarget,
    |text| !text.is_empty() && only(text, is_path_char),
    "the target of a link"
);

checked_text!(
    /// A path inside `node_modules`.
    ModulePath,
    |text| is_plain_path(&format!("/{text}")) && only(text, is_path_char),
    "a path inside node_modules, without '..'"
);

checked_text!(
    /// A suite or a component of an archive.
    ArchiveWord,
    |text| !text.is_empty() && starts_plain(text) && only(text, |c| is_name_char(c) || c == '/'),
    "a suite or component"
);

checked_text!(
    /// Where an archive is.
    ArchiveUri,
    |text| {
        (text.starts_with("http://") || text.starts_with("https://"))
            && only(text, |c| c.is_ascii_alphanumeric() || "-._~:/".contains(c))
    },
    "an http or https address without user, query or fragment"
);

checked_text!(
    /// Of the keys that sign an archive, on the build host.
    KeyringPath,
    |text| is_plain_path(text) && only(text, is_path_char),
    "an absolute path without unusual characters"
);

fn only(text: &str, allowed: impl Fn(char) -> bool) -> bool {
    text.chars().all(allowed)
}

fn starts_plain(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.'
}

fn is_path_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "/@._+-".contains(c)
}

/// Absolute, no empty segment, no '.' and no '..'.
fn is_plain_path(text: &str) -> bool {
    text.strip_prefix('/')
        .is_some_and(|rest| rest.split('/').all(|segment| !matches!(segment, "" | "." | "..")))
}
