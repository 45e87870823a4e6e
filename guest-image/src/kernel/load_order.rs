//! In which order modules are loaded: each after all that it needs.

use crate::error::Error;

/// The `wanted` modules and what they need, without what is built in. `dependencies` is asked once for each module.
pub(crate) fn resolve(
    wanted: &[&str],
    builtin: &[String],
    mut dependencies: impl FnMut(&str) -> Result<Vec<String>, Error>,
) -> Result<Vec<String>, Error> {
    /// A module is seen when its dependencies are pushed, and placed when they are all placed.
    enum Visit {
        Enter(String),
        Place(String),
    }
    let mut seen = builtin.to_vec();
    let mut order = Vec::new();
    let mut pending: Vec<_> = wanted.iter().rev().map(|name| Visit::Enter((*name).to_owned())).collect();
    while let Some(visit) = pending.pop() {
        match visit {
            Visit::Enter(name) if !seen.contains(&name) => {
                let needs = dependencies(&name)?;
                seen.push(name.clone());
                pending.push(Visit::Place(name));
                pending.extend(needs.into_iter().rev().map(Visit::Enter));
            }
            Visit::Enter(_) => {}
            Visit::Place(name) => order.push(name),
        }
    }
    Ok(order)
}

#[cfg(test)]
mod tests;
