//! What another configuration would change in a daemon that runs, and what of it only a restart brings. Pure.

use super::{Config, ConfigError, KEYS, Layers, keys};

/// The settings that differ, in the order in which they are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// They count at once when the settings are read again.
    pub at_once: Vec<&'static str>,
    /// They count after a restart.
    pub at_restart: Vec<&'static str>,
}

impl Config {
    /// What differs in `other` from this one, which a daemon was started with or has come to.
    #[must_use]
    pub fn changes(&self, other: &Self) -> Changes {
        // The task that delivers is there or not from the start on, and so is the end of TLS.
        let webhook_stays = self.webhook.is_some() == other.webhook.is_some();
        let tls_stays = self.tls.is_some() == other.tls.is_some();
        let stays = |key: &str| {
            (webhook_stays || !key.starts_with("webhook.")) && (tls_stays || !key.starts_with("tls."))
        };
        let text = |config: &Self, key| config.layers.winner(key).0.to_owned();
        let mut changes = Changes::default();
        for key in KEYS.iter().map(|key| key.name).filter(|key| text(self, key) != text(other, key)) {
            if keys::counts_at_once(key) && stays(key) {
                changes.at_once.push(key);
            } else {
                changes.at_restart.push(key);
            }
        }
        changes
    }

    /// This configuration, with the settings of the other one that can change at once.
    ///
    /// # Errors
    /// When the two do not go together.
    pub fn adopting(&self, other: &Self) -> Result<Self, ConfigError> {
        let Changes { at_once, .. } = self.changes(other);
        Self::load(&self.layers.with_values_of(&other.layers, &at_once))
    }
}

impl Layers {
    fn with_values_of(&self, other: &Self, keys: &[&'static str]) -> Self {
        let mut layers = self.clone();
        layers.values.extend(keys.iter().filter_map(|key| Some((*key, other.values.get(key)?.clone()))));
        layers.file.clone_from(&other.file);
        layers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    fn config(flags: &[(&str, &str)]) -> Config {
        let environment = Environment::from([
            ("HOME".to_owned(), "/home/ann".to_owned()),
            ("ANTEROOM_WEBHOOK_SECRET".to_owned(), format!("whsec_{}", "A".repeat(32))),
        ]);
        let flags: Vec<_> = flags.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
        Config::load(&Layers::gather(&environment, None, &flags).unwrap()).unwrap()
    }

    #[test]
    fn what_counts_at_once_is_told_from_what_needs_a_restart() {
        let (old, new) = (config(&[]), config(&[("vm.max", "3"), ("listen", "127.0.0.1:1")]));
        assert_eq!(old.changes(&old), Changes::default());
        assert_eq!(old.changes(&new), Changes { at_once: vec!["vm.max"], at_restart: vec!["listen"] });
        let running = old.adopting(&new).unwrap();
        assert_eq!((running.vm_limit, running.listen), (new.vm_limit, old.listen));
        assert_eq!(running.changes(&new).at_restart, ["listen"], "it still waits");
    }

    #[test]
    fn a_webhook_and_a_certificate_can_move_but_come_and_go_with_a_restart() {
        let at = |url| config(&[("webhook.url", url)]);
        let (none, one, other) = (config(&[]), at("https://a.example"), at("https://b.example"));
        assert_eq!(none.changes(&one).at_restart, ["webhook.url"]);
        assert_eq!(one.changes(&none).at_restart, ["webhook.url"]);
        assert_eq!(one.changes(&other).at_once, ["webhook.url"]);
        let at = |path| config(&[("tls.certificate", path), ("tls.key", "/k")]);
        assert_eq!(none.changes(&at("/c")).at_restart, ["tls.certificate", "tls.key"]);
        assert_eq!(at("/c").changes(&at("/d")).at_once, ["tls.certificate"]);
    }

    #[test]
    fn only_settings_count_at_once() {
        for name in keys::AT_ONCE {
            let known = KEYS.iter().any(|key| key.name == *name);
            assert!(known, "{name} is no setting");
        }
    }
}
