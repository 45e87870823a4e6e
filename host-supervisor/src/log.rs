//! Where the daemon's log goes: standard error, as text for people or as JSON for collectors; and how much of it.

mod standard_error;

use tracing_subscriber::{
    EnvFilter, Layer as _, Registry, fmt, layer::SubscriberExt as _, reload, util::SubscriberInitExt as _,
};

use crate::config::{Config, Environment, LogFormat};
use standard_error::StandardError;

/// The log of this process.
#[derive(Debug)]
pub struct Log {
    filter: reload::Handle<EnvFilter, Registry>,
}

/// Begins logging. A second call changes nothing, nor does what it returns.
pub fn begin(config: &Config, environment: &Environment) -> Log {
    let (filter, handle) = reload::Layer::new(EnvFilter::new(&config.log_filter));
    let registry = tracing_subscriber::registry().with(filter);
    let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let to = StandardError::of(environment);
    let layer = match config.log_format {
        // The journal has the time of each line.
        LogFormat::Text if to.is_journal => {
            fmt::layer().without_time().with_ansi(false).with_writer(to).boxed()
        }
        LogFormat::Text => fmt::layer().with_ansi(terminal).with_writer(to).boxed(),
        LogFormat::Json => fmt::layer().json().with_writer(to).boxed(),
    };
    // Fails only when there is a log already.
    let _ = registry.with(layer).try_init();
    Log { filter: handle }
}

impl Log {
    /// What this configuration wants logged, from now on.
    pub fn apply(&self, config: &Config) {
        // Fails only when the log is gone.
        let _ = self.filter.reload(EnvFilter::new(&config.log_filter));
    }
}
