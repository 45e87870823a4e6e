//! Which processor this host has: a snapshot holds what its guest has found out about it.

use std::{collections::BTreeMap, fs};

use serde_json::{Value, json};

/// Model and features as the kernel tells them (proc_cpuinfo(5)); of the first one, as all of a host are alike.
pub(super) fn identity() -> Value {
    of(&fs::read_to_string("/proc/cpuinfo").unwrap_or_default())
}

fn of(text: &str) -> Value {
    let first = text.split("\n\n").next().unwrap_or_default();
    let fields: BTreeMap<&str, &str> = first
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim(), value.trim()))
        .collect();
    let field = |name| fields.get(name).copied().unwrap_or_default();
    json!({
        "vendor": field("vendor_id"),
        "family": field("cpu family"),
        "model": field("model"),
        "stepping": field("stepping"),
        "microcode": field("microcode"),
        "flags": field("flags"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_by_itself_is_no_part_of_it() {
        let cpu = |mhz, flags| {
            format!(
                "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu MHz\t\t: {mhz}\nflags\t\t: {flags}\n\nprocessor\t: 1\n"
            )
        };
        let identity = of(&cpu("2445.4", "fpu vme"));
        assert_eq!(identity, of(&cpu("1800.0", "fpu vme")));
        assert_ne!(identity, of(&cpu("2445.4", "fpu vme avx512f")));
        assert_eq!(identity["vendor"], "AuthenticAMD");
    }
}
