//! Where the daemon's log goes: standard error, as text for people or as JSON for collectors; and how much of it.

use tracing_subscriber::{
    EnvFilter, Registry, fmt, layer::SubscriberExt as _, reload, util::SubscriberInitExt as _,
};

use crate::config::{Config, LogFormat};

/// The log of this process.
#[derive(Debug)]
pub struct Log {
    filter: reload::Handle<EnvFilter, Registry>,
}

/// Begins logging. A second call changes nothing, nor does what it returns.
pub fn begin(config: &Config) -> Log {
    let (filter, handle) = reload::Layer::new(EnvFilter::new(&config.log_filter));
    let registry = tracing_subscriber::registry().with(filter);
    let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    // Fails only when there is a log already.
    let _ = match config.log_format {
        LogFormat::Text => {
            registry.with(fmt::layer().with_writer(std::io::stderr).with_ansi(terminal)).try_init()
        }
        LogFormat::Json => registry.with(fmt::layer().json().with_writer(std::io::stderr)).try_init(),
    };
    Log { filter: handle }
}

impl Log {
    /// What this configuration wants logged, from now on.
    pub fn apply(&self, config: &Config) {
        // Fails only when the log is gone.
        let _ = self.filter.reload(EnvFilter::new(&config.log_filter));
    }
}
