//! How fast the host notices what happens in a VM: from the CLI emitting its sign-in address to whoever asks the API
//! knowing it, and from the credential file being complete to the credentials being stored.
//!
//! ```text
//!  guest:  emits address ──▶ agent tells it ···           file complete ──▶ agent announces ···
//!  host:                            ··· API answers                                  ··· stored ──▶ API answers
//! ```
//! In VMs without a browser. The first run warms the page cache and is not counted. The demo CLI notes its two moments in its credentials, by the guest's own clock; the host knows
//! when that was zero (`kernel-start` of the timeline) from a question and its answer: what goes from clock to clock is exact
//! to half the time between them, which is in the table as well.

use std::{
    collections::BTreeMap,
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

use anteroom_tests::{Daemon, Turn, daemon::Options};
use anyhow::{Context as _, Result};
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::report::{Figure, Report};

/// As `demo-auto`, but with the moments noted.
const DEFINITION: &str = r#"
id = "bench"
name = "Benchmark"
[launch.browser]
argv = ["anteroom-demo", "login", "--auto"]
env = { ANTEROOM_DEMO_MOMENTS = "1" }
[[url]]
scheme = "http"
host = "127.0.0.1"
port = 9400
path = "/oauth/authorize"
kind = "callback"
query = { client_id = "demo-auto" }
require_query = ["redirect_uri", "state", "code_challenge"]
dedupe = "code_challenge"
[callback]
path = "/callback"
[[credential]]
path = ".anteroom-demo/credentials.json"
require = ["access_token", "refresh_token", "account.email"]
[verify]
argv = ["anteroom-demo", "status"]
"#;

/// What is measured, in the order of the table, with its goal in milliseconds where there is one.
const ROWS: [(&str, Option<f64>); 6] = [
    ("address emitted → answer of the API", Some(50.0)),
    ("address emitted → told by the agent", None),
    ("file complete → credentials stored", Some(300.0)),
    ("file complete → `completed` from the API", Some(300.0)),
    ("file complete → announced by the agent, the CLI's own check passed", None),
    ("question and answer about the guest's clock: all of the above is exact to half of it", None),
];

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many are counted; one before them is not.
    #[arg(default_value_t = 10)]
    runs: usize,
}

pub(crate) async fn measure(Arguments { runs }: Arguments) -> Result<Report> {
    let mut report = Report::new("sign-in");
    let _turn = Turn::take()?;
    let providers = tempfile::tempdir()?;
    fs::write(providers.path().join("bench.toml"), DEFINITION)?;
    let environment = BTreeMap::from([
        ("ANTEROOM_PROVIDERS_DIR".to_owned(), providers.path().display().to_string()),
        ("ANTEROOM_LOG_FORMAT".to_owned(), "json".to_owned()),
        ("ANTEROOM_LOG_FILTER".to_owned(), "info,anteroom::vm::conversation=debug".to_owned()),
    ]);
    let daemon = Daemon::start("bench-sign-in", "test", Options { environment, config: None }).await?;
    let mut samples: [Vec<f64>; ROWS.len()] = Default::default();
    for run in 0..=runs {
        let measured = one_run(&daemon, &format!("bench-{run}")).await?;
        if run > 0 {
            for (row, value) in samples.iter_mut().zip(measured) {
                row.push(value);
            }
        }
    }
    daemon.stop().await?;
    let figure = |((name, goal), values): (&(&str, _), _)| Figure::new(*name, "ms", values).goal(*goal);
    report.spreads("from the VM to the host", ROWS.iter().zip(samples).map(figure).collect());
    Ok(report)
}

/// The milliseconds of [`ROWS`].
async fn one_run(daemon: &Daemon, user: &str) -> Result<[f64; ROWS.len()]> {
    let session = daemon.start_session("bench", user).await?;
    let known = daemon.watch(&session, |session| !session["oauth_url"].is_null()).await?;
    let known_ns = now_unix_ns()?;
    known["oauth_url"].as_str().with_context(|| format!("no address was seen: {known:#}"))?;
    let completed = daemon.wait_for(&session, &["completed"]).await?;
    let seen_ns = now_unix_ns()?;
    let stored_ns = unix_ns(&completed["completed_at"])?;

    let status = daemon.fetch(&format!("/api/auth/session/{session}/credentials/status")).await?;
    let vm = daemon.vm_gone(completed["vm_id"].as_str().context("the session names its VM")?).await?;
    let (zero_ns, told_ns, announced_ns) =
        (mark(&vm, "kernel-start")?, mark(&vm, "sign-in-url")?, mark(&vm, "credentials")?);
    let moment = |name: &str| {
        let since_ns = status["credentials"][name].as_i64();
        since_ns.map(|since| zero_ns + since).with_context(|| format!("the credentials lack {name}"))
    };
    let (emitted_ns, written_ns) = (moment("emitted_boottime_ns")?, moment("written_boottime_ns")?);
    #[expect(clippy::cast_precision_loss, reason = "differences are small")]
    let ms = |from: i64, to: i64| (to - from) as f64 / 1e6;
    Ok([
        ms(emitted_ns, known_ns),
        ms(emitted_ns, told_ns),
        ms(written_ns, stored_ns),
        ms(written_ns, seen_ns),
        ms(written_ns, announced_ns),
        clock_span_ms(&daemon.log()).context("the log does not tell of the clock")?,
    ])
}

fn now_unix_ns() -> Result<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())?)
}

fn unix_ns(text: &Value) -> Result<i64> {
    let time = OffsetDateTime::parse(text.as_str().context("a time")?, &Rfc3339)?;
    Ok(i64::try_from(time.unix_timestamp_nanos())?)
}

/// A moment of the VM's timeline, on the host's clock.
fn mark(vm: &Value, name: &str) -> Result<i64> {
    let mut marks = vm["timeline"].as_array().into_iter().flatten();
    let mark = marks.find(|mark| mark["name"] == name).with_context(|| format!("no mark {name}"))?;
    unix_ns(&mark["at"])
}

/// Of the VM that was started last.
fn clock_span_ms(log: &str) -> Option<f64> {
    let mut lines = log.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.find_map(|line| line["fields"]["span_ms"].as_f64())
}
