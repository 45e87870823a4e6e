//! What ssh and socat need of the guest: their programs and libraries, those of this machine, and keys of this run.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anteroom_tests::workspace;
use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;
use tokio::process::Command;

/// Unpacked there by `setup.sh bench`: nobody wants it to listen here.
const SSHD: &str = "target/bench/openssh-server/usr/sbin/sshd";
const SOCAT: &str = "/usr/bin/socat";

/// It runs as the desktop's user, and lets nobody else in.
const SSHD_CONFIG: &str = "\
HostKey /tmp/peers/host_key
AuthorizedKeysFile /tmp/peers/authorized_keys
StrictModes no
UsePAM no
";

/// A directory with our `key` and, in `peers`, what goes to the guest's `/tmp/peers`.
pub(super) async fn pack() -> Result<TempDir> {
    let directory = tempfile::tempdir()?;
    let peers = directory.path().join("peers");
    let libraries = peers.join("lib");
    fs::create_dir_all(&libraries)?;
    for program in [workspace().join(SSHD), SOCAT.into()] {
        let missing = || format!("{} is missing (./setup.sh bench brings it)", program.display());
        ensure!(program.exists(), missing());
        fs::copy(&program, peers.join(program.file_name().with_context(missing)?))?;
        for library in needed(&printed("ldd", &[&program]).await?) {
            fs::copy(&library, libraries.join(library.file_name().unwrap_or_default()))?;
        }
    }
    for key in [directory.path().join("key"), peers.join("host_key")] {
        printed(
            "ssh-keygen",
            &[
                "-q".as_ref(),
                "-t".as_ref(),
                "ed25519".as_ref(),
                "-N".as_ref(),
                "".as_ref(),
                "-f".as_ref(),
                &key,
            ],
        )
        .await?;
    }
    fs::copy(directory.path().join("key.pub"), peers.join("authorized_keys"))?;
    fs::write(peers.join("sshd_config"), SSHD_CONFIG)?;
    Ok(directory)
}

/// Of what ldd(1) prints, the files behind the arrows: the loader has none, and every guest has its own.
fn needed(ldd: &str) -> Vec<PathBuf> {
    let behind = |line: &str| line.split_once(" => ")?.1.split(' ').next().map(PathBuf::from);
    ldd.lines().filter_map(behind).collect()
}

async fn printed(program: &str, arguments: &[&Path]) -> Result<String> {
    let output = Command::new(program).args(arguments).output().await.with_context(|| program.to_owned())?;
    ensure!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_what_the_arrows_lead_to() {
        let ldd = "\tlinux-vdso.so.1 (0x00007ffc)\n\tlibwrap.so.0 => /lib/x86_64-linux-gnu/libwrap.so.0 (0x00007f01)\n\
                   \t/lib64/ld-linux-x86-64.so.2 (0x00007f02)\n";
        assert_eq!(needed(ldd), [Path::new("/lib/x86_64-linux-gnu/libwrap.so.0")]);
    }
}
