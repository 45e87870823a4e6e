//! Which master keys there are: the present one, and the next one while a rotation is under way.
//!
//! ```text
//!                 present             next
//!  environment    ANTEROOM_MASTER_KEY ANTEROOM_MASTER_KEY_NEXT
//!  state dir      key                 key.next                   only when the present one is a file too
//! ```
//! The environment goes before the files. A daemon opens what either of them has sealed, so that a rotation that was
//! interrupted costs nothing; it seals with the present one.

use std::{collections::BTreeMap, path::Path};

use super::{KeyError, MasterKey};
use crate::private_file;

#[derive(Debug)]
pub struct KeyRing {
    pub present: MasterKey,
    pub next: Option<MasterKey>,
}

/// The keys that the environment has, as text. They are not printed.
#[derive(Clone, Copy, Default)]
pub struct KeyTexts<'a> {
    pub present: Option<&'a str>,
    pub next: Option<&'a str>,
}

impl<'a> KeyTexts<'a> {
    #[must_use]
    pub fn of(environment: &'a BTreeMap<String, String>) -> Self {
        let text = |variable| environment.get(variable).map(String::as_str);
        Self { present: text(MasterKey::VARIABLE), next: text(MasterKey::NEXT_VARIABLE) }
    }
}

impl std::fmt::Debug for KeyTexts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyTexts(present: {}, next: {})", self.present.is_some(), self.next.is_some())
    }
}

impl KeyRing {
    /// Makes the present key's file when neither it nor the environment has one.
    ///
    /// # Errors
    /// When a key is malformed, or a file cannot be read, made, or kept from others.
    pub fn load(state_directory: &Path, texts: KeyTexts<'_>) -> Result<Self, KeyError> {
        let present = match texts.present {
            Some(text) => MasterKey::parse(text, || MasterKey::VARIABLE.to_owned())?,
            None => MasterKey::read_or_make(&state_directory.join(MasterKey::FILE_NAME))?,
        };
        Self::with(present, state_directory, texts)
    }

    /// As [`KeyRing::load`], but makes nothing: `None` when there is no key yet.
    ///
    /// # Errors
    /// As [`KeyRing::load`].
    pub fn find(state_directory: &Path, texts: KeyTexts<'_>) -> Result<Option<Self>, KeyError> {
        let present = match texts.present {
            Some(text) => Some(MasterKey::parse(text, || MasterKey::VARIABLE.to_owned())?),
            None => MasterKey::read(&state_directory.join(MasterKey::FILE_NAME))?,
        };
        present.map(|present| Self::with(present, state_directory, texts)).transpose()
    }

    fn with(present: MasterKey, state_directory: &Path, texts: KeyTexts<'_>) -> Result<Self, KeyError> {
        let next = match (texts.next, texts.present) {
            (Some(text), _) => Some(MasterKey::parse(text, || MasterKey::NEXT_VARIABLE.to_owned())?),
            (None, None) => MasterKey::read(&state_directory.join(MasterKey::NEXT_FILE_NAME))?,
            (None, Some(_)) => None,
        };
        Ok(Self { present, next })
    }

    /// Writes the next key's file, unless there is a next key already. It is on the disk when this returns.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn make_next(&mut self, state_directory: &Path) -> Result<&MasterKey, KeyError> {
        match &mut self.next {
            Some(next) => Ok(next),
            none => {
                Ok(none.insert(MasterKey::read_or_make(&state_directory.join(MasterKey::NEXT_FILE_NAME))?))
            }
        }
    }

    /// Makes the next key's file the present one's. Nothing may be sealed with the present key any more.
    ///
    /// # Errors
    /// When the file cannot be renamed.
    pub fn retire_present(state_directory: &Path) -> Result<(), KeyError> {
        let [present, next] =
            [MasterKey::FILE_NAME, MasterKey::NEXT_FILE_NAME].map(|name| state_directory.join(name));
        Ok(private_file::replace(&present, &next)?)
    }
}
