//! What a nested host has to bring along to run the daemon with Firecracker: the programs, and an image for the guests.

use std::{collections::BTreeSet, path::PathBuf};

use anteroom_guest_image::{ImageStore, Inputs, KernelKind, Recipe};
use anyhow::Result;

use super::Luggage;
use crate::daemon;

/// A script's beginning: a disk for the daemon's state, and settings for guests on the host's network. `serve`, with settings as
/// arguments, starts a daemon (`$daemon`) and waits until it answers; `end` ends it, and `left` says what is left then.
const PREPARATION: &str = r#"
set -e
mkfs.ext4 -q "$DISK"
mkdir -p /var/lib/anteroom
mount "$DISK" /var/lib/anteroom
# Linux before 6.17 forwards IPv6 on all interfaces or on none.
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
export ANTEROOM_VMM=firecracker ANTEROOM_FIRECRACKER_PROGRAM=/nested/firecracker
export ANTEROOM_STATE_DIR=/var/lib/anteroom ANTEROOM_CACHE_DIR=/var/cache/anteroom
export ANTEROOM_IMAGE_DIR=/nested/images ANTEROOM_IMAGE_PROFILE=test ANTEROOM_AGENT=/nested/anteroom-agent
export ANTEROOM_VM_BROWSER_MEMORY_MIB=1024 ANTEROOM_VM_DISK_MIB=256 ANTEROOM_VM_DISK_MIB_PER_SECOND=100
export ANTEROOM_NETWORK_MODE=bridge ANTEROOM_NETWORK_DNS=192.0.2.53 ANTEROOM_NETWORK_IPV6=fd00:77::1/64
touch /var/log/anteroom.log
tail --follow /var/log/anteroom.log &
group=/sys/fs/cgroup/anteroom
serve() {
  env "$@" ./anteroom serve >>/var/log/anteroom.log 2>&1 &
  daemon=$!
  until curl --silent --fail --output /dev/null http://127.0.0.1:4000/health; do
    kill -0 $daemon
    sleep 1
  done
}
end() {
  kill $daemon
  wait $daemon
}
left() {
  # Of a VM that has failed the log stays for a week.
  directories=$(for vm in /var/lib/anteroom/vms/*; do
    [ ! -e "$vm" ] || [ "$(ls "$vm")" = console.log ] || echo "$vm"
  done | wc -l)
  echo "left $directories directories, $(pgrep -c firecracker || true) processes," \
    "$(ls /sys/class/net | grep -c fc-vm- || true) devices," \
    "$(find $group -mindepth 1 -type d 2>/dev/null | wc -l) groups"
}
"#;

/// With the programs that `FIRECRACKER` and `JAILER` name, and a script that goes on from its beginning; `None` when they name
/// none. Guests have the stock kernel.
///
/// # Errors
/// When something is missing: `make test` builds it.
pub fn luggage(script: &str) -> Result<Option<Luggage>> {
    luggage_with(script, &[KernelKind::Stock])
}

/// The same with images of these kernels.
///
/// # Errors
/// When one is missing.
pub fn luggage_with(script: &str, kernels: &[KernelKind]) -> Result<Option<Luggage>> {
    let named = |variable| std::env::var_os(variable).map(PathBuf::from);
    let (Some(firecracker), Some(jailer)) = (named("FIRECRACKER"), named("JAILER")) else {
        return Ok(None);
    };
    let luggage = Luggage::pack(&format!("{PREPARATION}{script}"))?;
    luggage.add(&firecracker, "firecracker")?;
    luggage.add(&jailer, "jailer")?;
    luggage.add(&daemon::binary(), "anteroom")?;
    for program in ["anteroom-agent", "anteroom-loader"] {
        luggage.add(&daemon::guest_binary(program), program)?;
    }
    let store = ImageStore::open(daemon::image_dir()?)?;
    // Two images have layers in common.
    let mut files = BTreeSet::new();
    for kernel in kernels {
        let recipe = Recipe::embedded("debian-12")?.with_kernel(*kernel)?;
        let image = store.find(&recipe, "test", &Inputs::default())?;
        let suffix = if *kernel == KernelKind::Custom { "+custom" } else { "" };
        let name = format!("images/{}.{}{suffix}", image.manifest.recipe, image.manifest.profile);
        files.extend(image.manifest.files().map(|file| file.path.clone()));
        files.extend([format!("{name}.json").into(), format!("{name}.lease").into()]);
        // Unpacked here, because that takes a minute there.
        files.insert(store.vmlinux(&image.kernel)?.strip_prefix(store.root())?.to_owned());
    }
    for file in files {
        luggage.add(&store.root().join(&file), &format!("images/{}", file.display()))?;
    }
    Ok(Some(luggage))
}
