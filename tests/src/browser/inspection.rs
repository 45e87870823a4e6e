//! Looks at a page in every way that people do, keeps pictures of it, and lets axe-core search for what would shut somebody out.

use std::{fmt, path::PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::{Browser, Look};
use crate::{artefact, workspace};

/// A promise of what was found. It waits until what moves has come to rest, so that a colour in between is not taken for one
/// that stays.
pub(super) const SEARCH: &str = r#"(async () => {
  const node = ({ target, failureSummary }) => `${target.join(" ")}: ${failureSummary.replace(/\s+/g, " ")}`;
  const ends = (animation) => animation.effect.getTiming().iterations !== Infinity;
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0)));
  await Promise.allSettled(document.getAnimations().filter(ends).map((animation) => animation.finished));
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  return {
    barriers: violations.map(({ id, impact, help, nodes }) => ({ id, impact: impact ?? "minor", help, nodes: nodes.map(node) })),
    overhang: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  };
})()"#;

/// Something in a page that somebody meets as a barrier, as axe-core describes it.
#[derive(Debug, Deserialize)]
pub struct Barrier {
    /// The rule's name.
    pub id: String,
    /// `minor`, `moderate`, `serious` or `critical`.
    pub impact: String,
    pub help: String,
    /// Where, and what to do.
    pub nodes: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Found {
    barriers: Vec<Barrier>,
    /// By how many pixels the page is wider than the screen.
    overhang: i64,
}

impl Found {
    /// What must not be in any page, as lines that begin with where it was found.
    pub(super) fn wrong(&self, place: &str) -> Vec<String> {
        let overhang = (self.overhang > 0)
            .then(|| format!("{place}: the page is {} pixels wider than the screen", self.overhang));
        let serious = self.barriers.iter().filter(|barrier| barrier.is_serious());
        serious.map(|barrier| format!("{place}: {barrier}")).chain(overhang).collect()
    }
}

impl Barrier {
    /// Whether it shuts somebody out.
    #[must_use]
    pub fn is_serious(&self) -> bool {
        matches!(self.impact.as_str(), "serious" | "critical")
    }
}

impl fmt::Display for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.id, self.impact, self.help)?;
        self.nodes.iter().try_for_each(|node| write!(f, "\n    {node}"))
    }
}

impl Browser {
    /// What is missing on this machine for [`Self::inspect`], if anything.
    #[must_use]
    pub fn missing_for_inspection() -> Option<&'static str> {
        let axe = || (!axe().exists()).then_some("target/axe/axe.min.js");
        Self::missing().or_else(axe)
    }

    /// Looks at the page that is open, wide and narrow, light and dark. Of each look a picture `<name>-<look>.png` is kept.
    ///
    /// # Errors
    /// When there is a serious or critical barrier in any of the looks, or the page is wider than the screen; with all of
    /// them.
    pub async fn inspect(&self, name: &str) -> Result<()> {
        let mut wrong = Vec::new();
        for look in Look::ALL {
            self.look(look).await?;
            let found = self.search().await?;
            let place = format!("{name}-{}", look.name());
            self.screenshot(&artefact(&format!("{place}.png"))).await?;
            wrong.extend(found.wrong(&place));
        }
        self.look(Look::wide(false)).await?;
        ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        Ok(())
    }

    async fn search(&self) -> Result<Found> {
        let here = self.page.execute("return typeof axe === 'object'", vec![]).await?;
        if here != true {
            self.page.execute(&axe_core()?, vec![]).await.context("axe-core")?;
        }
        let script = format!(
            "const done = arguments[0]; {SEARCH}.then((found) => done({{ found }}), (error) => done({{ error: String(error) }}))"
        );
        let mut answer = self.page.execute_async(&script, vec![]).await?;
        ensure!(answer["error"].is_null(), "axe-core: {}", answer["error"]);
        Ok(serde_json::from_value(answer["found"].take())?)
    }
}

pub(super) fn axe_core() -> Result<String> {
    std::fs::read_to_string(axe()).context("axe-core")
}

/// Installed by `make test`, from `tests/axe`.
pub(super) fn axe() -> PathBuf {
    workspace().join("target/axe/axe.min.js")
}
