//! Whether the daemon that runs has the settings of its file, and whether the certificate that they name is one.

use std::path::Path;

use time::OffsetDateTime;

use super::finding::{Finding, Remedy};
use crate::{
    config::{Config, TlsChoices},
    daemon::{
        Note,
        tls::{Identity, Standing},
    },
    failure::causes,
};

/// Nothing where no daemon runs.
pub(super) fn examine(config: &Config) -> Vec<Finding> {
    let noted = Note::read(&config.state_dir).map(|note| judge(&note, note.file_has_changed()));
    noted.into_iter().chain(config.tls.as_ref().map(certificate)).collect()
}

fn certificate(choices: &TlsChoices) -> Finding {
    let file = choices.certificate.display();
    match Identity::read(choices) {
        Ok(identity) => match identity.validity.map(|validity| validity.at(OffsetDateTime::now_utc())) {
            None | Some(Standing::Good) => Finding::ok("tls", "certificate", file.to_string()),
            Some(standing) => Finding::warn("tls", "certificate", format!("{file} {standing}")).with(
                Remedy::by_hand("put another certificate there; the daemon notices it by itself", None),
            ),
        },
        Err(error) => Finding::fail("tls", "certificate", causes(&error))
            .with(Remedy::by_hand("correct the settings tls.certificate and tls.key, or their files", None)),
    }
}

fn judge(note: &Note, changed: bool) -> Finding {
    const ID: &str = "settings";
    const TITLE: &str = "settings";
    let daemon = note.daemon.pid;
    let file = note.file.as_deref().map_or_else(|| "no file".into(), Path::to_string_lossy);
    if changed {
        let command = format!("kill -HUP {daemon}");
        return Finding::warn(ID, TITLE, format!("{file} has changed since the daemon read it")).with(
            Remedy::by_hand(
                "have it read again (systemctl reload anteroom); the daemon's log says what waits for a restart",
                Some(&command),
            ),
        );
    }
    if !note.waiting.is_empty() {
        let detail = format!("wait for a restart of the daemon: {}", note.waiting.join(", "));
        let text = "restart it, for example with systemctl restart anteroom; its VMs live on then";
        return Finding::warn(ID, TITLE, detail).with(Remedy::by_hand(text, None));
    }
    Finding::ok(ID, TITLE, format!("the daemon, process {daemon}, has those of {file}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{doctor::Level, vmm::ProcessId};

    #[test]
    fn a_file_that_was_not_read_again_comes_before_what_waits_for_a_restart() {
        let daemon = ProcessId { pid: 7, start_ticks: 0 };
        let note =
            Note { daemon, file: Some("/etc/a.toml".into()), digest: None, waiting: vec!["listen".into()] };
        let changed = judge(&note, true);
        assert!(changed.level == Level::Warn && changed.detail.contains("/etc/a.toml"), "{changed:?}");
        assert_eq!(changed.remedy.unwrap().command.as_deref(), Some("kill -HUP 7"));
        assert!(judge(&note, false).detail.contains("listen"));
        assert_eq!(judge(&Note { waiting: Vec::new(), ..note }, false).level, Level::Ok);
    }
}
