//! The custom kernel, compiled from its source: takes a quarter of an hour or more the first time, so that it runs only where
//! `ANTEROOM_TEST_CUSTOM_KERNEL` is set.

use std::collections::BTreeMap;

use anteroom_tests::{
    Daemon, Turn,
    daemon::{self, Options},
    skip,
};
use anyhow::{Context as _, Result, ensure};

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
