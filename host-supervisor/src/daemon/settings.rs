//! The settings of a daemon that runs: read again when it is told to (SIGHUP), and looked after between.
//!
//! ```text
//!  SIGHUP ────────▶ read all of them ─▶ wrong: nothing changes, the log says what
//!                                    └▶ right: those that can, count; the log names those that wait for a restart
//!  file changes ──▶ the log says what reading it would change        (and so does `anteroom doctor`, from what is noted)
//!  certificate ───▶ counts for the next connection
//! ```

mod file_watch;
mod note;
mod reloader;

use std::path::PathBuf;

use tokio::signal::unix::Signal;
use tokio_util::sync::CancellationToken;

use crate::{
    config::{Changes, Config, Sources, TlsChoices},
    failure::causes,
    log::Log,
};
use file_watch::FileWatch;
pub use note::Note;
pub use reloader::{ReloadError, Reloader};

/// What has a daemon read its settings again, and where they are.
#[derive(Debug)]
pub struct Rereading {
    pub sources: Sources,
    pub log: Log,
    /// SIGHUP.
    pub hangups: Signal,
}

impl Rereading {
    /// Follows until `stop`.
    pub(super) async fn run(mut self, mut reloader: Reloader, stop: CancellationToken) {
        note(&reloader);
        let follow = async {
            let mut files = FileWatch::begin(self.sources.files());
            let mut certificate = FileWatch::begin(certificate_files(&reloader));
            loop {
                tokio::select! {
                    _ = self.hangups.recv() => {
                        self.reread(&mut reloader);
                        certificate = FileWatch::begin(certificate_files(&reloader));
                    }
                    () = files.changed() => self.notice(&reloader),
                    () = certificate.changed() => renew_certificate(&reloader),
                }
            }
        };
        stop.run_until_cancelled(follow).await;
    }

    fn reread(&self, reloader: &mut Reloader) {
        let loaded = self.sources.load().map_err(ReloadError::from);
        match loaded.and_then(|config| reloader.apply(config)) {
            Ok(changes) => {
                self.log.apply(reloader.current());
                tell_applied(&changes);
            }
            Err(error) => {
                tracing::error!(
                    cause = causes(&error),
                    "the settings were read again, and nothing is changed"
                );
            }
        }
        note(reloader);
    }

    /// Says what a file that has just been written would change.
    fn notice(&self, reloader: &Reloader) {
        let config = match self.sources.load() {
            Ok(config) => config,
            Err(error) => {
                tracing::warn!(cause = causes(&error), "the file of settings has changed, and is wrong");
                return;
            }
        };
        if config.file() == reloader.current().file() {
            return;
        }
        let Changes { at_once, .. } = reloader.current().changes(&config);
        let at_restart = reloader.started().changes(&config).at_restart;
        tracing::info!(
            file = %shown_file(&config),
            at_once = at_once.join(", "),
            at_restart = at_restart.join(", "),
            "the file of settings has changed; SIGHUP (systemctl reload anteroom) has it read again"
        );
    }
}

fn certificate_files(reloader: &Reloader) -> Vec<PathBuf> {
    let files = |TlsChoices { certificate, key }: &TlsChoices| vec![certificate.clone(), key.clone()];
    reloader.current().tls.as_ref().map(files).unwrap_or_default()
}

/// Its files are written one after the other: what does not go together yet may do so a moment later.
fn renew_certificate(reloader: &Reloader) {
    match reloader.renew_certificate() {
        Ok(()) => tracing::info!("the certificate was read again"),
        Err(error) => tracing::error!(cause = causes(&error), "the certificate of before stays"),
    }
}

fn tell_applied(Changes { at_once, at_restart }: &Changes) {
    tracing::info!(changed = at_once.join(", "), "the settings were read again");
    if !at_restart.is_empty() {
        tracing::warn!(
            settings = at_restart.join(", "),
            "these settings are others now, and wait for a restart"
        );
    }
}

fn shown_file(config: &Config) -> String {
    config.file().map_or_else(|| "none".to_owned(), |file| file.path.display().to_string())
}

/// For `anteroom doctor`.
fn note(reloader: &Reloader) {
    if let Err(error) = Note::of(reloader).and_then(|note| note.write(&reloader.started().state_dir)) {
        tracing::warn!("{} is not written: {error}", Note::FILE_NAME);
    }
}
