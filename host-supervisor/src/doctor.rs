//! Whether this machine can do the job, and what to do where it cannot.
//!
//! ```text
//!  look (I/O) ──▶ judge (pure) ──▶ Report ──▶ shown, as text or JSON
//!                                    └──▶ fix: the remedies that a program can apply, then look again
//! ```
//! Every finding has its remedy. Looking changes nothing on the machine but the cache of the probe boot.

mod confinement;
mod finding;
pub mod fix;
mod host;
mod image;
mod network;
mod settings;
mod vmm;

use std::fmt;

use serde::Serialize;

use crate::config::Config;
pub use finding::{Finding, Level, Remedy};
pub use fix::fix;

/// Everything that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether sessions can be served as things are.
    pub ready: bool,
    pub findings: Vec<Finding>,
}

impl Report {
    #[must_use]
    pub fn new(findings: Vec<Finding>) -> Self {
        Self { ready: findings.iter().all(|finding| finding.level != Level::Fail), findings }
    }
}

/// Looks at everything. Takes a second, or six when a probe boot is due for which nothing is remembered.
pub async fn examine(config: &Config) -> Report {
    let image = image::look(config).await;
    let (backend, mut findings) = vmm::examine(config, image.as_ref().ok()).await;
    findings.extend(confinement::examine(config, backend));
    findings.extend(network::examine(config, backend).await);
    findings.extend(image::examine(config, &image));
    findings.extend(host::examine(config, image.is_ok()));
    findings.extend(settings::examine(config));
    Report::new(findings)
}

/// For people: one line for each finding, and under it what to do.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.findings.iter().map(|finding| finding.title.chars().count()).max().unwrap_or(0);
        for Finding { title, level, detail, remedy, .. } in &self.findings {
            writeln!(f, "{:<6}{title:<width$}  {detail}", level.to_string())?;
            if let Some(Remedy { text, command, .. }) = remedy {
                writeln!(f, "{:<8}{text}", "")?;
                if let Some(command) = command {
                    writeln!(f, "{:<12}{command}", "")?;
                }
            }
        }
        let count = |level| self.findings.iter().filter(|finding| finding.level == level).count();
        match (count(Level::Fail), count(Level::Warn)) {
            (0, 0) => write!(f, "\nEverything is in order."),
            (0, warnings) => write!(f, "\nThis machine can serve sessions; {warnings} remarks."),
            (failures, _) => write!(f, "\nThis machine cannot serve sessions yet: {failures} to fix."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_ready_unless_something_fails_and_shows_each_remedy_under_its_finding() {
        let missing = Finding::fail("qemu", "QEMU", "not found")
            .with(Remedy::packages("install it", &["qemu-system-x86"]));
        let slow = Finding::warn("accel", "acceleration", "none");
        assert!(Report::new(vec![slow.clone()]).ready);
        let report = Report::new(vec![missing, slow]);
        assert!(!report.ready);
        let text = report.to_string();
        assert!(text.starts_with("fail  QEMU          not found\n        install it\n"), "{text}");
        assert!(text.contains("apt-get install qemu-system-x86\n"), "{text}");
        assert!(text.ends_with("cannot serve sessions yet: 1 to fix."), "{text}");
    }
}
