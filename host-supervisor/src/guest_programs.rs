//! Where the programs of ours are that go into guests: the agent and its loader, and the demo CLI of development images.

use std::path::{Path, PathBuf};

pub const AGENT: &str = "anteroom-agent";
pub const LOADER: &str = "anteroom-loader";
pub const DEMO: &str = "anteroom-demo";

#[derive(Debug, thiserror::Error)]
#[error(
    "the guests' program {name} is not beside {daemon} nor in /usr/lib/anteroom: build it with `make guest`{hint}"
)]
pub struct NoGuestProgram {
    name: &'static str,
    daemon: PathBuf,
    hint: &'static str,
}

/// The agent: where the setting `agent` says, else where it is installed or built.
///
/// # Errors
/// When it is nowhere.
pub fn agent(setting: Option<&Path>) -> Result<PathBuf, NoGuestProgram> {
    match setting {
        // Whether it is there is for whoever reads it to say.
        Some(path) => Ok(path.to_owned()),
        None => find(AGENT, ", or say with the setting `agent` where it is"),
    }
}

/// What a kernel with modules begins with: beside the agent, where both are built and installed, or else where it is installed.
///
/// # Errors
/// When it is nowhere.
pub fn loader(agent: &Path) -> Result<PathBuf, NoGuestProgram> {
    let beside = agent.with_file_name(LOADER);
    if beside.is_file() { Ok(beside) } else { find(LOADER, ", or put it beside the agent") }
}

/// The demo CLI with its identity provider.
///
/// # Errors
/// When it is nowhere.
pub fn demo() -> Result<PathBuf, NoGuestProgram> {
    find(DEMO, "")
}

fn find(name: &'static str, hint: &'static str) -> Result<PathBuf, NoGuestProgram> {
    let daemon = std::env::current_exe().unwrap_or_default();
    let found = places(&daemon, name).into_iter().find(|path| path.is_file());
    found.ok_or(NoGuestProgram { name, daemon, hint })
}

/// Where cargo puts guest binaries, beside the daemon, and in its installation. In this order, because a cargo directory
/// can hold the same programs linked for the host, which do not run in a guest.
fn places(daemon: &Path, name: &str) -> Vec<PathBuf> {
    let directory = daemon.parent().unwrap_or(Path::new("/"));
    let above = directory.parent().unwrap_or(Path::new("/"));
    vec![
        above.join("x86_64-unknown-linux-gnu/guest").join(name),
        directory.join(name),
        above.join("lib/anteroom").join(name),
        Path::new("/usr/lib/anteroom").join(name),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installed_and_a_built_daemon_both_find_their_agent() {
        let has = |daemon: &str, path: &str| places(Path::new(daemon), AGENT).contains(&PathBuf::from(path));
        assert!(has("/opt/bin/anteroom", "/opt/bin/anteroom-agent"));
        assert!(has("/usr/local/bin/anteroom", "/usr/local/lib/anteroom/anteroom-agent"));
        assert!(has(
            "/src/target/release/anteroom",
            "/src/target/x86_64-unknown-linux-gnu/guest/anteroom-agent"
        ));
    }

    #[test]
    fn a_program_built_for_guests_goes_before_the_same_built_for_the_host() {
        let first = places(Path::new("/src/target/debug/anteroom"), DEMO).remove(0);
        assert_eq!(first, Path::new("/src/target/x86_64-unknown-linux-gnu/guest/anteroom-demo"));
    }

    #[test]
    fn the_loader_beside_the_agent_goes_before_every_other() {
        let directory = tempfile::tempdir().unwrap();
        let beside = directory.path().join(LOADER);
        std::fs::write(&beside, "").unwrap();
        assert_eq!(loader(&directory.path().join("an-agent-of-mine")).unwrap(), beside);
    }

    #[test]
    fn a_program_that_is_nowhere_is_told_how_to_get() {
        let error = find("anteroom-nothing", "").unwrap_err().to_string();
        assert!(error.contains("anteroom-nothing") && error.contains("make guest"), "{error}");
    }
}
