//! Whether something is lost that nobody may lose, on a machine of which nothing is known: ratios within one run, far below what is
//! usual, so that only a gross regression misses them.

use anyhow::{Context as _, Result, ensure};

use super::start::{self, lane::Beginning};
use crate::report::Report;

/// How many times sooner than after a boot, at least. Usual is 17 and more, 9 and more, 12 and more (docs/benchmarks.md).
const FLOORS: [(Beginning, &str, f64); 3] = [
    (Beginning::Snapshot, "desktop-painted", 5.0),
    (Beginning::Snapshot, "sign-in-url", 3.0),
    (Beginning::Pool, "sign-in-url", 3.0),
];

pub(crate) async fn measure() -> Result<Report> {
    let arguments = start::Arguments {
        runs: 2,
        profile: "test".to_owned(),
        custom_kernel: false,
        only_boots: false,
        without_original: true,
    };
    let report = start::measure(arguments).await?;
    let mut lost = Vec::new();
    for (beginning, mark, least) in FLOORS {
        let median = |of: Beginning| report.median(of.name(), mark).with_context(|| format!("no {mark}"));
        let times = median(Beginning::Boot)? / median(beginning)?.max(f64::MIN_POSITIVE);
        let what =
            format!("{mark} from {} is there {times:.1} times sooner than from a boot", beginning.name());
        println!("{what}; {least} at least");
        if times < least {
            lost.push(what);
        }
    }
    ensure!(lost.is_empty(), "{}", lost.join("; "));
    Ok(report)
}
