//! A service as its file declares it: `/usr/lib/anteroom/services/<name>.toml`.

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use anteroom_protocol::desk::Directions;
use serde::Deserialize;

use crate::process::Limits;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServiceSpec {
    /// The file's name without `.toml`.
    pub(crate) name: String,
    /// Program and arguments.
    pub(crate) command: Vec<String>,
    pub(crate) user: String,
    /// Added to what every process of the user gets.
    #[serde(default)]
    pub(crate) environment: BTreeMap<String, String>,
    /// Services that must be ready before this one is started.
    #[serde(default)]
    pub(crate) after: Vec<String>,
    pub(crate) readiness: Readiness,
    /// How long it may take from start to readiness.
    #[serde(default = "thirty_seconds")]
    pub(crate) ready_within_ms: u64,
    #[serde(default)]
    pub(crate) restart: Restart,
    #[serde(default)]
    pub(crate) limits: Limits,
    /// Whether an image may be without its program; it then has no such service.
    #[serde(default)]
    pub(crate) optional: bool,
    /// Whether a viewer needs it: the desktop is ready when all of these are.
    #[serde(default)]
    pub(crate) desktop: bool,
    #[serde(default)]
    pub(crate) start: Start,
    /// Whether what it has started goes on when it crashes; otherwise its whole control group ends with it.
    #[serde(default)]
    pub(crate) keeps_children: bool,
    /// What its command gets more when the host has closed a way of the clipboard.
    #[serde(default)]
    pub(super) clipboard: ClipboardWords,
}

/// Words for a command, by the ways that stay open.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ClipboardWords {
    in_only: Vec<String>,
    out_only: Vec<String>,
    neither: Vec<String>,
}

/// When a service is started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Start {
    #[default]
    Boot,
    /// When the host connects to its port.
    OnDemand,
}

/// How a service shows that it is there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "protocol", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Readiness {
    /// Its process runs.
    Started,
    /// It has ended with success.
    Exit,
    /// The X server accepts a client. Its screen is then given this size, width and height in pixels: an Xvfb starts with
    /// the largest that it can ever have.
    X11 {
        socket: PathBuf,
        #[serde(default)]
        size: Option<(u16, u16)>,
    },
    /// A window manager has taken over the screen.
    WindowManager { socket: PathBuf },
    /// A window of this class or instance is on the screen.
    Window { socket: PathBuf, class: String },
    /// The message bus answers the start of the authentication.
    Dbus { socket: PathBuf },
    /// Somebody accepts connections on this Unix socket.
    Listening { socket: PathBuf },
    /// The VNC server has said its version (RFC 6143 section 7.1.1).
    Rfb { port: u16, hint: Option<String> },
    /// `GET path` answers with this status.
    Http {
        port: u16,
        path: String,
        #[serde(default = "ok")]
        status: u16,
        hint: Option<String>,
    },
}

/// What happens when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Restart {
    /// Before the second start; doubles with each failure that follows.
    pub(crate) first_delay_ms: u64,
    pub(crate) max_delay_ms: u64,
    /// This many failures in a row are the last.
    pub(crate) give_up_after: u32,
    /// A service that was ready for so long starts counting anew.
    pub(crate) stable_after_ms: u64,
}

impl Default for Restart {
    fn default() -> Self {
        Self { first_delay_ms: 200, max_delay_ms: 5_000, give_up_after: 4, stable_after_ms: 10_000 }
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum SpecError {
    #[error("{0} cannot be read")]
    Unreadable(PathBuf, #[source] io::Error),
    #[error("{path}: {problem}")]
    Syntax { path: PathBuf, problem: String },
    #[error("service {0} is in a file of another name: {1}")]
    Name(String, PathBuf),
    #[error("service {0} has no command")]
    NoCommand(String),
    #[error("service {0} comes after {1:?}, which does not exist")]
    UnknownDependency(String, String),
    #[error("service {0} comes after itself, by way of the services it needs")]
    Cycle(String),
}

/// All services of an image, by name, with dependencies that make sense.
#[derive(Debug)]
pub(crate) struct ServiceSet(BTreeMap<String, ServiceSpec>);

impl ServiceSet {
    /// Reads every `*.toml` in the directory.
    pub(crate) fn load(directory: &Path) -> Result<Self, SpecError> {
        let unreadable = |error| SpecError::Unreadable(directory.to_owned(), error);
        let mut specs = Vec::new();
        let entries = match fs::read_dir(directory) {
            // An image without a desktop may have no services.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Self::of(specs),
            entries => entries.map_err(unreadable)?,
        };
        for entry in entries {
            let path = entry.map_err(unreadable)?.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                let text =
                    fs::read_to_string(&path).map_err(|error| SpecError::Unreadable(path.clone(), error))?;
                let spec = ServiceSpec::parse(&text, &path)?;
                if !spec.optional || spec.has_program() {
                    specs.push(spec);
                }
            }
        }
        Self::of(specs)
    }

    /// With what the host has decided about the clipboard.
    #[must_use]
    pub(crate) fn with_clipboard(mut self, open: Directions) -> Self {
        self.0.values_mut().for_each(|spec| spec.restrict_clipboard(open));
        self
    }

    pub(crate) fn of(specs: Vec<ServiceSpec>) -> Result<Self, SpecError> {
        let set = Self(specs.into_iter().map(|spec| (spec.name.clone(), spec)).collect());
        set.check()?;
        Ok(set)
    }

    pub(crate) fn into_specs(self) -> impl Iterator<Item = ServiceSpec> {
        self.0.into_values()
    }

    fn check(&self) -> Result<(), SpecError> {
        let mut settled = BTreeSet::new();
        for spec in self.0.values() {
            if let Some(unknown) = spec.after.iter().find(|name| !self.0.contains_key(*name)) {
                return Err(SpecError::UnknownDependency(spec.name.clone(), unknown.clone()));
            }
        }
        // Take away what needs nothing that is left, until nothing is left or nothing can be taken.
        while settled.len() < self.0.len() {
            let free = |spec: &&ServiceSpec| {
                !settled.contains(&spec.name) && spec.after.iter().all(|name| settled.contains(name))
            };
            let Some(next) = self.0.values().find(free) else {
                let stuck = self.0.keys().find(|name| !settled.contains(*name));
                return Err(SpecError::Cycle(stuck.cloned().unwrap_or_default()));
            };
            settled.insert(next.name.clone());
        }
        Ok(())
    }
}

impl ServiceSpec {
    pub(super) fn on_demand_port(&self) -> Option<u16> {
        match (self.start, &self.readiness) {
            (Start::OnDemand, Readiness::Rfb { port, .. } | Readiness::Http { port, .. }) => Some(*port),
            _ => None,
        }
    }

    fn restrict_clipboard(&mut self, open: Directions) {
        let words = match (open.to_desktop, open.from_desktop) {
            (true, true) => return,
            (true, false) => &self.clipboard.in_only,
            (false, true) => &self.clipboard.out_only,
            (false, false) => &self.clipboard.neither,
        };
        self.command.extend_from_slice(words);
    }

    fn has_program(&self) -> bool {
        self.command.first().is_some_and(|program| Path::new(program).exists())
    }

    fn parse(text: &str, path: &Path) -> Result<Self, SpecError> {
        let spec: Self = toml::from_str(text)
            .map_err(|error| SpecError::Syntax { path: path.to_owned(), problem: error.to_string() })?;
        if path.file_stem().is_none_or(|stem| stem != spec.name.as_str()) {
            return Err(SpecError::Name(spec.name, path.to_owned()));
        }
        if spec.command.first().is_none_or(String::is_empty) {
            return Err(SpecError::NoCommand(spec.name));
        }
        Ok(spec)
    }
}

fn ok() -> u16 {
    200
}

fn thirty_seconds() -> u64 {
    30_000
}
