//! Firecracker, wherever `FIRECRACKER` names one (a program that runs here): whole sessions with the KVM of an emulated machine,
//! in which a stock kernel boots even if this machine's own KVM cannot do it. What every VMM promises is checked on this
//! machine itself, by the host's unit tests.

use std::{path::PathBuf, time::Duration};

use anteroom_guest_image::{ImageStore, Inputs, Recipe};
use anteroom_tests::{
    daemon,
    nested::{Luggage, Nested},
    skip,
    turn::Turn,
};
use anyhow::{Result, ensure};

const PATIENCE: Duration = Duration::from_secs(900);

/// A daemon that was never told of QEMU, a session from its request to its credentials, and what is left after it.
const SESSION: &str = r#"
set -e
export ANTEROOM_VMM=firecracker ANTEROOM_FIRECRACKER_PROGRAM=/nested/firecracker
export ANTEROOM_STATE_DIR=/var/lib/anteroom ANTEROOM_CACHE_DIR=/var/cache/anteroom
export ANTEROOM_IMAGE_DIR=/nested/images ANTEROOM_IMAGE_PROFILE=test ANTEROOM_AGENT=/nested/anteroom-agent
export ANTEROOM_VM_BROWSER_MEMORY_MIB=1024 ANTEROOM_VM_DISK_MIB=256
for transport in pci mmio; do
  export ANTEROOM_FIRECRACKER_TRANSPORT=$transport
  ./anteroom serve >/var/log/anteroom.log 2>&1 &
  daemon=$!
  until curl --silent --fail --output /dev/null http://127.0.0.1:4000/health; do
    kill -0 $daemon || { cat /var/log/anteroom.log; exit 1; }
    sleep 1
  done
  ./anteroom session start --provider demo-auto --user alice --wait completed ||
    { cat /var/log/anteroom.log /var/lib/anteroom/vms/*/*.log; exit 1; }
  kill $daemon
  wait $daemon
  echo "$transport: left $(ls /var/lib/anteroom/vms | wc -l) directories, $(pgrep -c firecracker || true) processes"
done
"#;

#[tokio::test]
async fn a_session_completes_in_a_firecracker_with_either_transport_and_leaves_nothing() -> Result<()> {
    let Some(firecracker) = std::env::var_os("FIRECRACKER").map(PathBuf::from) else {
        skip("firecracker", "FIRECRACKER names no Firecracker");
        return Ok(());
    };
    let _turn = Turn::take()?;
    let nested = Nested::prepare().await?;
    let luggage = Luggage::pack(SESSION)?;
    luggage.add(&firecracker, "firecracker")?;
    luggage.add(&daemon::binary(), "anteroom")?;
    luggage.add(&daemon::guest_binary("anteroom-agent"), "anteroom-agent")?;
    let store = ImageStore::open(daemon::image_dir()?)?;
    let image = store.find(&Recipe::embedded("debian-12")?, "test", &Inputs::default())?;
    let name = format!("images/{}.{}", image.manifest.recipe, image.manifest.profile);
    let mut files: Vec<PathBuf> = image.manifest.files().map(|file| file.path.clone()).collect();
    files.extend([format!("{name}.json").into(), format!("{name}.lease").into()]);
    // Unpacked here, because that takes a minute there.
    files.push(store.vmlinux(&image.kernel)?.strip_prefix(store.root())?.to_owned());
    for file in files {
        luggage.add(&store.root().join(&file), &format!("images/{}", file.display()))?;
    }
    let said = nested.run(&luggage, PATIENCE).await?;
    for transport in ["pci", "mmio"] {
        let left = format!("{transport}: left 0 directories, 0 processes");
        ensure!(said.contains(&left), "no {left:?}");
    }
    Ok(())
}
