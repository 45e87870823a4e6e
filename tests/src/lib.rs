//! What the end-to-end tests share: a daemon of their own, a scene for real CLIs with a person in it, a browser, a
//! viewer of the desktop, turns at the machine, and honest skipping.
//!
//! Every test starts the real `anteroom` with a state directory of its own and boots real VMs. Nothing here knows
//! how the daemon works inside: it is driven by its command line and its API, as its users do.

pub mod browser;
pub mod chaos;
pub mod daemon;
pub mod desktop;
pub mod hop;
pub mod machine;
pub mod meter;
pub mod nested;
pub mod person;
pub mod scene;
pub mod screen;
pub mod seclusion;
pub mod service_manager;
pub mod spread;
pub mod stage;
pub mod turn;
pub mod viewer;

use std::path::{Path, PathBuf};

pub use daemon::Daemon;
pub use person::Person;
pub use scene::Scene;
pub use seclusion::Seclusion;
pub use service_manager::ServiceManager;
pub use stage::Stage;
pub use turn::Turn;
pub use viewer::Viewer;

/// The root of the checkout.
#[must_use]
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are a member of the workspace")
}

/// Where a test leaves what a person may want to look at: `artefacts/<name>` in the checkout.
#[must_use]
pub fn artefact(name: &str) -> PathBuf {
    let directory =
        std::env::var_os("ARTEFACTS").map_or_else(|| workspace().join("artefacts"), PathBuf::from);
    std::fs::create_dir_all(&directory).expect("the artefacts directory can be made");
    directory.join(name)
}

/// Notes that a test cannot run on this machine, and why; `make test` prints the list. The test then returns.
pub fn skip(test: &str, reason: &str) {
    use std::io::Write as _;
    eprintln!("SKIPPED {test}: {reason}");
    let file = std::fs::OpenOptions::new().create(true).append(true).open(artefact("skipped"));
    let _ = file.and_then(|mut file| writeln!(file, "{test}: {reason}"));
}
