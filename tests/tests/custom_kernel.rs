//! The custom kernel, compiled from its source: takes a quarter of an hour or more the first time, so that it runs only where
//! `ANTEROOM_TEST_CUSTOM_KERNEL` is set.

use std::{collections::BTreeMap, time::Duration};

use anteroom_guest_image::KernelKind;
use anteroom_tests::{
    Daemon, Turn,
    daemon::{self, Options},
    nested::{Nested, firecracker},
    skip,
    spread::Spread,
};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

const VARIABLE: &str = "ANTEROOM_TEST_CUSTOM_KERNEL";

#[tokio::test]
async fn a_kernel_that_was_compiled_here_serves_a_session_and_is_not_compiled_twice() -> Result<()> {
    if std::env::var_os(VARIABLE).is_none() {
        skip(
            "custom_kernel",
            &format!("{VARIABLE} is not set: compiling a kernel takes a quarter of an hour"),
        );
        return Ok(());
    }
    let _turn = Turn::take()?;
    let environment = BTreeMap::from([("ANTEROOM_IMAGE_KERNEL".to_owned(), "custom".to_owned())]);
    for again in [false, true] {
        let built = daemon::image_build("test", &environment).await?;
        let said = String::from_utf8_lossy(&built.stderr);
        ensure!(built.status.success(), "{said}");
        ensure!(!again || said.contains("kernel: unchanged"), "it was built twice:\n{said}");
    }

    let options = Options { environment, ..Options::default() };
    let daemon = Daemon::start("custom-kernel", "test", options).await?;
    let session = daemon.start_session("demo-auto", "alice").await?;
    let session = daemon.wait_for(&session, &["completed"]).await?;
    let vm = daemon.vm_gone(session["vm_id"].as_str().context("a VM")?).await?;
    let marks: Vec<&str> = vm["timeline"]
        .as_array()
        .context("a timeline")?
        .iter()
        .filter_map(|mark| mark["name"].as_str())
        .collect();
    ensure!(marks.contains(&"desktop-ready"), "{marks:?}");
    // Only a stock kernel has any.
    ensure!(!marks.contains(&"modules-loaded"), "{marks:?}");
    daemon.stop().await
}

/// Sessions with one kernel and the other by turns.
const BY_TURNS: &str = r#"
# With two processors of a guest, two of three runs ended with one that had gone silent in its boot (see firecracker_snapshot.rs).
export ANTEROOM_VM_BROWSER_VCPUS=1
export ANTEROOM_SNAPSHOT_USE=false ANTEROOM_POOL_MIN=0 ANTEROOM_POOL_MAX=0
for round in 1 2 3; do
  for kernel in stock custom; do
    serve ANTEROOM_IMAGE_KERNEL=$kernel
    said=$(./anteroom session start --provider demo-auto --user alice --wait completed) ||
      { cat /var/lib/anteroom/vms/*/*.log; exit 1; }
    echo "$kernel: $(./anteroom vm show $(echo "$said" | sed -n 's/^VM *//p') --json | tr -d '\n')"
    end
  done
done
"#;
const PATIENCE: Duration = Duration::from_secs(900);

#[tokio::test]
async fn a_kernel_that_was_compiled_here_serves_sessions_in_firecracker() -> Result<()> {
    if std::env::var_os(VARIABLE).is_none() {
        skip("custom_kernel", &format!("{VARIABLE} is not set"));
        return Ok(());
    }
    let kernels = [KernelKind::Stock, KernelKind::Custom];
    let Some(luggage) = firecracker::luggage_with(BY_TURNS, &kernels)? else {
        skip("custom_kernel", "FIRECRACKER and JAILER name no Firecracker and its jailer");
        return Ok(());
    };
    let _turn = Turn::take()?;
    let said = Nested::prepare().await?.run(&luggage, PATIENCE).await?;
    eprintln!("| ms | kernel | min | median | max | n |\n|---|---|---:|---:|---:|---:|");
    for kernel in kernels {
        let begin = format!("{kernel}: {{");
        let shown = said.iter().filter_map(|line| line.find(&begin).map(|at| &line[at + begin.len() - 1..]));
        let vms = shown.map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
        ensure!(vms.len() == 3, "{} sessions with the {kernel} kernel", vms.len());
        let has_modules = vms.iter().all(|vm| at(vm, "modules-loaded").is_some());
        ensure!(has_modules == (kernel == KernelKind::Stock), "{vms:#?}");
        for (what, from, to) in [
            ("kernel start → PID 1", "kernel-start", "pid1"),
            ("PID 1 → agent ready to be dialled", "pid1", "control-ready"),
            ("request → PID 1", "requested", "pid1"),
            ("request → desktop ready", "requested", "desktop-ready"),
        ] {
            let span = |vm: &Value| Some(at(vm, to)? - at(vm, from)?);
            let spans: Vec<f64> = vms.iter().filter_map(span).collect();
            ensure!(spans.len() == vms.len(), "a mark is missing: {vms:#?}");
            let Spread { min, median, max, count, .. } = Spread::of(&spans);
            eprintln!("| {what} | {kernel} | {min:.0} | {median:.0} | {max:.0} | {count} |");
        }
    }
    Ok(())
}

/// In milliseconds since the request.
fn at(vm: &Value, mark: &str) -> Option<f64> {
    let mut marks = vm["timeline"].as_array()?.iter();
    marks.find(|one| one["name"] == mark)?["since_request_ms"].as_f64()
}
