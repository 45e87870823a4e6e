//! Firecracker, wherever `FIRECRACKER` names one (a program that runs here): whole sessions with the KVM of an emulated machine,
//! in which a stock kernel boots even if this machine's own KVM cannot do it. What every VMM promises is checked on this
//! machine itself, by the host's unit tests.

use std::time::Duration;

use anteroom_tests::{
    nested::{Nested, firecracker},
    skip,
    turn::Turn,
};
use anyhow::{Result, ensure};

const PATIENCE: Duration = Duration::from_secs(900);

/// A daemon that was never told of QEMU, a session from its request to its credentials, and what is left after it; first with
/// PCI and in the jail, then with neither; the limits of both are looked at; always on the host's network, by which the guest's health
/// is asked, and over IPv6, where nothing listens, at least refused. In the jail a session's VM goes to the disk, with nothing of it
/// left in memory, and on when something is run in it. Either way another has its memory taken away, and says so.
const SESSION: &str = r#"
export ANTEROOM_SNAPSHOT_USE=false ANTEROOM_POOL_MIN=0 ANTEROOM_POOL_MAX=0
for way in "pci auto" "mmio none"; do
  transport=${way% *}
  serve ANTEROOM_FIRECRACKER_TRANSPORT=$transport ANTEROOM_FIRECRACKER_JAILER=${way#* }
  (
    until limits=$(cat $group/*/memory.max $group/*/pids.max $group/*/cpu.max $group/*/io.max 2>/dev/null); do
      sleep 1
    done
    echo "$transport: limits:" $limits
  ) &
  (
    until health=$(curl --silent --fail --max-time 2 http://192.168.100.2:8080/health); do sleep 1; done
    echo "$transport: health" $health
    until curl --verbose --globoff --max-time 2 'http://[fd00:77::2]:8080/' 2>&1 | grep --quiet refused; do
      sleep 1
    done
    echo "$transport: refused over IPv6"
  ) &
  if [ $transport = mmio ]; then
    ./anteroom session start --provider demo-auto --user alice --wait completed ||
      { cat /var/lib/anteroom/vms/*/*.log; exit 1; }
  else
    said=$(./anteroom session start --provider demo --user dave --wait awaiting_user_auth) ||
      { cat /var/lib/anteroom/vms/*/*.log; exit 1; }
    vm=$(echo "$said" | sed -n 's/^VM *//p')
    mark=mark-$$-of-dave
    ./anteroom exec $vm -n -- sh -c "echo $mark >/dev/shm/mark"
    ./anteroom vm hibernate $vm || { cat /var/lib/anteroom/vms/*/*.log; exit 1; }
    echo "asleep: $(left)"
    du --block-size=1M /var/lib/anteroom/vms/$vm/memory.sealed
    ! grep --text --quiet $mark /var/lib/anteroom/vms/$vm/memory.sealed
    [ "$(./anteroom exec $vm -n -- cat /dev/shm/mark)" = $mark ] && echo "dave: woken"
    ./anteroom vm rm $vm
    until [ $(ls /var/lib/anteroom/vms | wc -l) = 0 ]; do sleep 1; done
  fi
  ./anteroom vm show $(./anteroom vm ls --json | grep -o '"id": *"[^"]*"' | head -1 | cut -d '"' -f 4) | cat
  # The one is killed when it has begun, the other while it is told what to begin with.
  if [ $transport = mmio ]; then
    (
      until limit=$(ls $group/*/memory.max 2>/dev/null) && grep --quiet . $group/*/cgroup.procs; do :; done
      echo 2M >$limit
    ) &
    ./anteroom session start --provider demo-auto --user erin --wait completed && exit 1
    rm -r /var/lib/anteroom/vms/*
  else
    (
      until used=$(cat $group/*/memory.current 2>/dev/null) && [ "$used" -gt 200000000 ]; do sleep 0.1; done
      for limit in $group/*/memory.max; do echo 8M >$limit; done
    ) &
    ./anteroom session start --provider demo-auto --user bob --wait completed && exit 1
    rm -r /var/lib/anteroom/vms/*
  fi
  end
  echo "$transport: $(left)"
done
"#;

#[tokio::test]
async fn a_session_completes_in_a_firecracker_with_either_transport_and_leaves_nothing() -> Result<()> {
    let Some(luggage) = firecracker::luggage(SESSION)? else {
        skip("firecracker", "FIRECRACKER and JAILER name no Firecracker and its jailer");
        return Ok(());
    };
    let _turn = Turn::take()?;
    let said = Nested::prepare().await?.run(&luggage, PATIENCE).await?;
    for expected in [
        // The guest's 1024 MiB and 256 for Firecracker; its two processors and eight threads; as much time as both have.
        "pci: limits: 1342177280 10 200000 100000 ",
        "mmio: limits: 1342177280 10 200000 100000 ",
        " rbps=104857600 wbps=104857600 riops=max wiops=max",
        "pci: health {",
        "pci: refused over IPv6",
        "dave: woken",
        "had used all 8 MiB that its control group allows (1024 MiB for the guest, the rest for the VMM): raise \
         vm.browser.memory_mib",
        "pci: left 0 directories, 0 processes, 0 devices, 0 groups",
        "had used all 2 MiB that its control group allows",
        "mmio: health {",
        "mmio: refused over IPv6",
        "mmio: left 0 directories, 0 processes, 0 devices, 0 groups",
    ] {
        ensure!(said.iter().any(|line| line.contains(expected)), "no {expected:?}");
    }
    let asleep = said.iter().find_map(|line| Some(&line[line.find("asleep: left ")?..]));
    let nothing_runs =
        asleep.is_some_and(|left| left.contains(" 0 processes,") && left.ends_with(" 0 groups"));
    ensure!(nothing_runs, "while it hibernates there is {asleep:?}");
    Ok(())
}
