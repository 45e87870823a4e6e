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

/// A daemon that was never told of QEMU, a session from its request to its credentials, and what is left after it; first with
/// PCI and in the jail, whose limits are looked at, then with neither; always on the host's network, by which the guest's health
/// is asked, and over IPv6, where nothing listens, at least refused. In the jail a second session has its memory taken away.
const SESSION: &str = r#"
set -e
mkfs.ext4 -q "$DISK"
mkdir -p /var/lib/anteroom
mount "$DISK" /var/lib/anteroom
# Linux before 6.17 forwards IPv6 on all interfaces or on none.
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
export ANTEROOM_VMM=firecracker ANTEROOM_FIRECRACKER_PROGRAM=/nested/firecracker
export ANTEROOM_POOL_MIN=0 ANTEROOM_POOL_MAX=0 ANTEROOM_STATE_DIR=/var/lib/anteroom ANTEROOM_CACHE_DIR=/var/cache/anteroom
export ANTEROOM_IMAGE_DIR=/nested/images ANTEROOM_IMAGE_PROFILE=test ANTEROOM_AGENT=/nested/anteroom-agent
export ANTEROOM_VM_BROWSER_MEMORY_MIB=1024 ANTEROOM_VM_DISK_MIB=256 ANTEROOM_VM_DISK_MIB_PER_SECOND=100
touch /var/log/anteroom.log
tail --follow /var/log/anteroom.log &
export ANTEROOM_NETWORK_MODE=bridge ANTEROOM_NETWORK_DNS=192.0.2.53 ANTEROOM_NETWORK_IPV6=fd00:77::1/64
for way in "pci auto" "mmio none"; do
  transport=${way% *}
  export ANTEROOM_FIRECRACKER_TRANSPORT=$transport ANTEROOM_FIRECRACKER_JAILER=${way#* }
  ./anteroom serve >>/var/log/anteroom.log 2>&1 &
  daemon=$!
  until curl --silent --fail --output /dev/null http://127.0.0.1:4000/health; do
    kill -0 $daemon
    sleep 1
  done
  group=/sys/fs/cgroup/anteroom
  [ $transport = mmio ] || (
    until limits=$(cat $group/*/memory.max $group/*/pids.max $group/*/cpu.max $group/*/io.max 2>/dev/null); do
      sleep 1
    done
    echo "limits:" $limits
  ) &
  (
    until health=$(curl --silent --fail --max-time 2 http://192.168.100.2:8080/health); do sleep 1; done
    echo "$transport: health" $health
    until curl --verbose --globoff --max-time 2 'http://[fd00:77::2]:8080/' 2>&1 | grep --quiet refused; do
      sleep 1
    done
    echo "$transport: refused over IPv6"
  ) &
  ./anteroom session start --provider demo-auto --user alice --wait completed ||
    { cat /var/lib/anteroom/vms/*/*.log; exit 1; }
  ./anteroom vm show $(./anteroom vm ls --json | grep -o '"id": *"[^"]*"' | head -1 | cut -d '"' -f 4) | cat
  [ $transport = mmio ] || {
    (
      until used=$(cat $group/*/memory.current 2>/dev/null) && [ "$used" -gt 200000000 ]; do sleep 0.1; done
      for limit in $group/*/memory.max; do echo 8M >$limit; done
    ) &
    ./anteroom session start --provider demo-auto --user bob --wait completed && exit 1
    rm -r /var/lib/anteroom/vms/*
  }
  kill $daemon
  wait $daemon
  left="$(ls /var/lib/anteroom/vms | wc -l) directories, $(pgrep -c firecracker || true) processes"
  left="$left, $(ls /sys/class/net | grep -c fc-vm- || true) devices"
  echo "$transport: left $left, $(find $group -mindepth 1 -type d 2>/dev/null | wc -l) groups"
done
"#;

#[tokio::test]
async fn a_session_completes_in_a_firecracker_with_either_transport_and_leaves_nothing() -> Result<()> {
    let named = |variable| std::env::var_os(variable).map(PathBuf::from);
    let (Some(firecracker), Some(jailer)) = (named("FIRECRACKER"), named("JAILER")) else {
        skip("firecracker", "FIRECRACKER and JAILER name no Firecracker and its jailer");
        return Ok(());
    };
    let _turn = Turn::take()?;
    let nested = Nested::prepare().await?;
    let luggage = Luggage::pack(SESSION)?;
    luggage.add(&firecracker, "firecracker")?;
    luggage.add(&jailer, "jailer")?;
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
    for expected in [
        // The guest's 1024 MiB and 256 for Firecracker; its two processors and eight threads; as much time as both have.
        "limits: 1342177280 10 200000 100000 ",
        " rbps=104857600 wbps=104857600 riops=max wiops=max",
        "pci: health {",
        "pci: refused over IPv6",
        "had used all 8 MiB that its control group allows (1024 MiB for the guest, the rest for the VMM): raise \
         vm.browser.memory_mib",
        "pci: left 0 directories, 0 processes, 0 devices, 0 groups",
        "mmio: health {",
        "mmio: refused over IPv6",
        "mmio: left 0 directories, 0 processes, 0 devices, 0 groups",
    ] {
        ensure!(said.iter().any(|line| line.contains(expected)), "no {expected:?}");
    }
    Ok(())
}
