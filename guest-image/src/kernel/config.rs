//! What a custom kernel is to consist of, in the syntax of the kernel's own `.config`, and whether it came to be so: Kconfig
//! drops an option without a word when something that it depends on is missing or when it has another name.

use std::collections::BTreeMap;
use std::fmt;

/// Options that were asked for, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fragment {
    options: Vec<(String, Value)>,
}

/// What is behind an option's name.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    /// "y", a number, a quoted text.
    Is(String),
    /// `# CONFIG_X is not set`.
    NotSet,
}

/// A line that is no option and no comment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FragmentError {
    #[error(
        "line {line}: {text:?} is neither CONFIG_NAME=value nor \"# CONFIG_NAME is not set\" nor a comment"
    )]
    NoOption { line: usize, text: String },
    #[error("line {line}: {option} is a module, and this kernel has none")]
    Module { line: usize, option: String },
    #[error("line {line}: {option} is there twice")]
    Twice { line: usize, option: String },
}

/// Options that did not survive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostOptions {
    lost: Vec<LostOption>,
    of: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct LostOption {
    option: String,
    wanted: Value,
    /// `None` when the configuration does not mention it.
    found: Option<Value>,
}

impl Fragment {
    pub(crate) fn parse(text: &str) -> Result<Self, FragmentError> {
        let mut options: Vec<(String, Value)> = Vec::new();
        for (index, text) in text.lines().enumerate() {
            let (line, text) = (index + 1, text.trim_end());
            let Some((name, value)) = option(text) else {
                if text.is_empty() || text.starts_with('#') {
                    continue;
                }
                return Err(FragmentError::NoOption { line, text: text.to_owned() });
            };
            let option = name.to_owned();
            if value == Value::Is("m".to_owned()) {
                return Err(FragmentError::Module { line, option });
            }
            if options.iter().any(|(other, _)| *other == option) {
                return Err(FragmentError::Twice { line, option });
            }
            options.push((option, value));
        }
        Ok(Self { options })
    }

    /// Compares with `config`, the contents of a `.config`. An option that is to be off and is not mentioned is off.
    ///
    /// # Errors
    /// With the options that are otherwise there.
    pub(crate) fn check(&self, config: &str) -> Result<(), LostOptions> {
        let found: BTreeMap<&str, Value> = config.lines().filter_map(option).collect();
        let lost: Vec<_> = self
            .options
            .iter()
            .filter(|(name, wanted)| found.get(name.as_str()).unwrap_or(&Value::NotSet) != wanted)
            .map(|(name, wanted)| LostOption {
                option: name.clone(),
                wanted: wanted.clone(),
                found: found.get(name.as_str()).cloned(),
            })
            .collect();
        if lost.is_empty() { Ok(()) } else { Err(LostOptions { lost, of: self.options.len() }) }
    }
}

/// Name and value of a line that sets one.
fn option(line: &str) -> Option<(&str, Value)> {
    let is_name = |name: &str| {
        name.strip_prefix("CONFIG_").is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        })
    };
    let (name, value) = match line.strip_prefix("# ").and_then(|line| line.strip_suffix(" is not set")) {
        Some(name) => (name, Value::NotSet),
        None => {
            let (name, value) = line.split_once('=')?;
            (name, if value == "n" { Value::NotSet } else { Value::Is(value.to_owned()) })
        }
    };
    (is_name(name) && value != Value::Is(String::new())).then_some((name, value))
}

impl fmt::Display for LostOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} options", self.lost.len(), self.of)?;
        self.lost.iter().try_for_each(|lost| write!(f, "\n    {lost}"))
    }
}

impl fmt::Display for LostOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={} ", self.option, self.wanted)?;
        match &self.found {
            Some(found) => write!(f, "became {found}"),
            None => f.write_str("is unknown, or depends on something that is missing"),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(value) => f.write_str(value),
            Self::NotSet => f.write_str("n"),
        }
    }
}

#[cfg(test)]
mod tests;
