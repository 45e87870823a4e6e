//! Moments from before there was a timeline. Where the agent was loaded, the loader tells them, by the arguments of the program that it
//! becomes: children do not inherit those, as they would the environment.

use std::ffi::CString;

/// The word before the two moments.
const LOADED: &str = "loaded";

/// In nanoseconds of the kernel's clock (`boottime`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EarlyMarks {
    /// PID 1 ran, whoever that was.
    pub(crate) started_ns: u64,
    /// A kernel with built-in drivers has none.
    pub(crate) modules_loaded_ns: Option<u64>,
}

impl EarlyMarks {
    /// What the loader tells the agent.
    pub(crate) fn told(started_ns: u64, modules_loaded_ns: u64) -> [CString; 3] {
        // A number has no zero byte.
        [LOADED.to_owned(), started_ns.to_string(), modules_loaded_ns.to_string()]
            .map(|word| CString::new(word).unwrap_or_default())
    }

    /// What PID 1 was told by its arguments; nobody told it when it is the first itself, which was at `started_ns`.
    pub(crate) fn of(arguments: &[String], started_ns: u64) -> Self {
        let told = match arguments {
            [_, word, started, loaded] if word == LOADED => started.parse().ok().zip(loaded.parse().ok()),
            _ => None,
        };
        match told {
            Some((started_ns, loaded_ns)) => Self { started_ns, modules_loaded_ns: Some(loaded_ns) },
            None => Self { started_ns, modules_loaded_ns: None },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &[&str]) -> EarlyMarks {
        let arguments: Vec<String> = words.iter().map(ToString::to_string).collect();
        EarlyMarks::of(&arguments, 9)
    }

    #[test]
    fn the_agent_understands_what_the_loader_tells() {
        let told = EarlyMarks::told(3, 5).map(|word| word.into_string().unwrap());
        let words = ["/init", &told[0], &told[1], &told[2]];
        assert_eq!(of(&words), EarlyMarks { started_ns: 3, modules_loaded_ns: Some(5) });
    }

    #[test]
    fn words_that_the_kernel_hands_on_are_no_moments() {
        let own = EarlyMarks { started_ns: 9, modules_loaded_ns: None };
        for words in [
            &["/init"][..],
            &["/init", "loaded", "3"],
            &["/init", "single", "3", "5"],
            &["/init", "loaded", "a", "b"],
        ] {
            assert_eq!(of(words), own, "{words:?}");
        }
    }
}
