//! Where things are kept when nobody says otherwise (XDG Base Directory Specification 0.8).

use std::path::{Path, PathBuf};

use super::Environment;

#[derive(Debug, Clone)]
pub(super) struct Directories {
    pub(super) state: String,
    pub(super) cache: String,
    pub(super) images: String,
    pub(super) providers: String,
    /// Configuration files, the first that exists is read.
    pub(super) files: Vec<PathBuf>,
}

impl Directories {
    /// A service without a home directory keeps its things under /var.
    pub(super) fn of(environment: &Environment) -> Self {
        let set = |name: &str| environment.get(name).filter(|value| Path::new(value).is_absolute());
        let place = |variable: &str, in_home: &str, without_home: &str| -> PathBuf {
            match (set(variable), set("HOME")) {
                (Some(directory), _) => Path::new(directory).join("anteroom"),
                (None, Some(home)) => Path::new(home).join(in_home).join("anteroom"),
                (None, None) => Path::new(without_home).join("anteroom"),
            }
        };
        let cache = place("XDG_CACHE_HOME", ".cache", "/var/cache");
        let config = place("XDG_CONFIG_HOME", ".config", "/etc");
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        Self {
            state: text(place("XDG_STATE_HOME", ".local/state", "/var/lib")),
            images: text(cache.join("images")),
            cache: text(cache),
            providers: text(config.join("providers")),
            files: vec![config.join("anteroom.toml"), "/etc/anteroom/anteroom.toml".into()],
        }
    }
}
