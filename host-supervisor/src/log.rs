//! Where the daemon's log goes: standard error, as text for people or as JSON for collectors.

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::config::{Config, LogFormat};

/// Begins logging. A second call changes nothing.
pub fn begin(config: &Config) {
    let filter = EnvFilter::new(&config.log_filter);
    let registry = tracing_subscriber::registry().with(filter);
    let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    // Fails only when there is a log already.
    let _ = match config.log_format {
        LogFormat::Text => {
            registry.with(fmt::layer().with_writer(std::io::stderr).with_ansi(terminal)).try_init()
        }
        LogFormat::Json => registry.with(fmt::layer().json().with_writer(std::io::stderr)).try_init(),
    };
}
