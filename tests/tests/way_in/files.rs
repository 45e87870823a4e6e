//! Files and directories, in, out, and from VM to VM.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
};

use anteroom_tests::Daemon;
use anyhow::{Result, ensure};

use super::exec;

pub(super) async fn travel_as_they_are(daemon: &Daemon) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let here = |name: &str| scratch.path().join(name).display().to_string();
    let tree = scratch.path().join("tree");
    fs::create_dir_all(tree.join("deep"))?;
    let random: Vec<u8> =
        (0..3_000_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    fs::write(tree.join("deep/data"), &random)?;
    fs::set_permissions(tree.join("deep/data"), fs::Permissions::from_mode(0o640))?;
    symlink("deep/data", tree.join("link"))?;
    fs::hard_link(tree.join("deep/data"), tree.join("again"))?;
    fs::File::create(tree.join("hole"))?.set_len(32 << 20)?;
    let cp = async |from: &str, to: &str| {
        let output = daemon.cli(&["cp", "--quiet", from, to]).await?;
        anyhow::Ok((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
    };
    assert_eq!(cp(&here("tree"), "@last:").await?, (true, String::new()));
    let names = exec(daemon, &["-n", "--", "stat", "-c", "%h", "tree/deep/data"], b"").await?;
    assert_eq!(String::from_utf8_lossy(&names.0), "2\n", "{}", names.1);
    assert_eq!(cp("@last:tree", "@last:/tmp/again").await?, (true, String::new()));
    assert_eq!(cp("@last:/tmp/again", &here("back")).await?, (true, String::new()));
    let back = scratch.path().join("back");
    ensure!(fs::read(back.join("deep/data"))? == random);
    assert_eq!(fs::metadata(back.join("deep/data"))?.mode() & 0o7777, 0o640);
    let modified = |path: &std::path::Path| anyhow::Ok(fs::metadata(path)?.mtime());
    assert_eq!(modified(&back.join("deep/data"))?, modified(&tree.join("deep/data"))?);
    assert_eq!(fs::read_link(back.join("link"))?, std::path::Path::new("deep/data"));
    assert_eq!(fs::metadata(back.join("again"))?.ino(), fs::metadata(back.join("deep/data"))?.ino());
    let hole = fs::metadata(back.join("hole"))?;
    assert_eq!((hole.len(), hole.blocks()), (32 << 20, 0));
    let (missing, why) = cp("@last:/nonexistent", &here("x")).await?;
    ensure!(!missing && why.contains("/nonexistent: no such file"), "{why}");
    let (forbidden, why) = cp(&here("tree"), "@last:/root/").await?;
    ensure!(!forbidden && why.contains("denied"), "{why}");
    Ok(())
}
