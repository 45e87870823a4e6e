//! Golden snapshots of Firecracker, in the emulated machine in which it runs everywhere: clones that wait, what they take up
//! together, and sessions that begin with one. Prints what it measures.

use std::{collections::BTreeMap, time::Duration};

use anteroom_tests::{
    nested::{Nested, firecracker},
    skip,
    spread::Spread,
    turn::Turn,
};
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(900);

/// In the jail a snapshot is made, and 1, 2 and 4 clones wait: each is shown, with what it takes up of the memory, and answers
/// on the network by an address of its own. One of them becomes somebody's; the next gives its memory back when that is short, and
/// comes again after; a third is put to disk while it is somebody's, twice, by two daemons. Somebody else comes when nobody waits, and gets
/// a clone that is made for them. Without a jail and without PCI it is another snapshot.
const SNAPSHOTS: &str = r#"
export ANTEROOM_SNAPSHOT_DIR=/var/lib/anteroom/snapshots
# Processors of a guest interrupt each other, and QEMU 7.2 now and then delivers such an interrupt between a guest's end and its
# host's beginning, which the nested machine's kernel does not survive: of two runs with two processors it survived none.
export ANTEROOM_VM_BROWSER_VCPUS=1
ids() {
  ./anteroom vm ls --json | tr -d ' \n' | grep -o '{[^{}]*"phase":"ready"[^{}]*}' | grep -o '"id":"[^"]*"' |
    cut -d '"' -f 4 || true
}
memory() { # WHAT
  for pid in $(pgrep firecracker || true); do
    echo "$1:" $(grep -E '^(Rss|Pss|Shared_Clean|Private_Clean|Private_Dirty):' /proc/$pid/smaps_rollup)
  done 2>/dev/null
}
made() { # TIMES: until so many snapshots were made
  until [ $(grep -c 'a snapshot is made' /var/log/anteroom.log) -ge $1 ]; do
    kill -0 $daemon
    # A guest that runs fifty times slower beside others may seem to have gone silent; the daemon tries again after a minute.
    [ $(grep -c 'no snapshot was made' /var/log/anteroom.log) -lt 3 ]
    memory booted
    sleep 2
  done
}
session() { # USER WHAT
  said=$(./anteroom session start --provider demo-auto --user $1 --wait completed) ||
    { cat /var/lib/anteroom/vms/*/*.log; exit 1; }
  echo "$2: $(./anteroom vm show $(echo "$said" | sed -n 's/^VM *//p') --json | tr -d '\n')"
}
for clones in 1 2 4; do
  serve ANTEROOM_POOL_MIN=$clones ANTEROOM_POOL_MAX=$clones
  made 1
  until [ $(ids | wc -l) -ge $clones ]; do
    kill -0 $daemon
    sleep 1
  done
  sleep 3
  memory "of $clones"
  for id in $(ids); do
    echo "clone: $(./anteroom vm show $id --json | tr -d '\n')"
    ./anteroom vm console $id | sed 's/^/console of a clone: /' | grep 'anteroom:' | tail -1
  done
  answers=0
  for host in $(seq 2 7); do
    [ $answers = $clones ] && break
    curl --silent --fail --max-time 2 --output /dev/null http://192.168.100.$host:8080/health && answers=$((answers + 1))
  done || true
  echo "answers of $clones: $answers"
  end
  echo "of $clones: $(left)"
done
du --block-size=1K --apparent-size /var/lib/anteroom/snapshots/*/* && du --block-size=1K /var/lib/anteroom/snapshots/*/*
serve ANTEROOM_POOL_MIN=1 ANTEROOM_POOL_MAX=1
until [ $(ids | wc -l) -ge 1 ]; do sleep 1; done
session alice waited
# Memory is short, and there is enough of it again.
until [ $(ids | wc -l) -ge 1 ]; do sleep 1; done
available=$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo)
mkdir /hog
mount -t tmpfs -o size=95% hog /hog
head -c $(((available / 1024 - 900) * 1048576)) /dev/zero >/hog/hog
until [ $(ids | wc -l) = 0 ]; do sleep 1; done
echo "short: $(./anteroom doctor | grep 'VMs kept ready')"
curl --silent -H "Authorization: Bearer $(cat /var/lib/anteroom/api-key)" http://127.0.0.1:4000/metrics |
  grep '^anteroom_pool' | sed 's/^/short: /'
umount /hog
until [ $(ids | wc -l) -ge 1 ]; do sleep 1; done
echo "no longer short"
# A clone that is somebody's goes to the disk and on; and again, woken before, and another daemon's.
said=$(./anteroom session start --provider demo --user dave --wait awaiting_user_auth) ||
  { cat /var/lib/anteroom/vms/*/*.log; exit 1; }
vm=$(echo "$said" | sed -n 's/^VM *//p')
./anteroom exec $vm -n -- sh -c 'echo dave >/dev/shm/mark'
for who in clone other; do
  ./anteroom exec $vm -n -- true
  ./anteroom vm hibernate $vm || { cat /var/lib/anteroom/vms/*/*.log; exit 1; }
  ! pgrep --full "firecracker.*$vm" || exit 1
  echo "$who: $(./anteroom exec $vm -n -- cat /dev/shm/mark) is awake"
  [ $who = other ] && break
  kill -9 $daemon
  wait $daemon || true
  serve ANTEROOM_POOL_MIN=0 ANTEROOM_POOL_MAX=0
done
./anteroom vm rm $vm
end
serve ANTEROOM_POOL_MIN=0 ANTEROOM_POOL_MAX=0
session bob asked
end
serve ANTEROOM_POOL_MIN=0 ANTEROOM_POOL_MAX=0 ANTEROOM_FIRECRACKER_TRANSPORT=mmio ANTEROOM_FIRECRACKER_JAILER=none
made 2
session carol unjailed
end
echo "at the end: $(left)"
"#;

#[tokio::test]
async fn clones_share_memory_and_answer_each_for_itself_and_sign_ins_begin_with_them() -> Result<()> {
    let Some(luggage) = firecracker::luggage(SNAPSHOTS)? else {
        skip("firecracker_snapshot", "FIRECRACKER and JAILER name no Firecracker and its jailer");
        return Ok(());
    };
    let _turn = Turn::take()?;
    let said = Nested::prepare().await?.run(&luggage, PATIENCE).await?;
    for clones in [1, 2, 4] {
        let expected = [
            format!("answers of {clones}: {clones}"),
            format!("of {clones}: left 0 directories, 0 processes, 0 devices, 0 groups"),
        ];
        for expected in expected {
            ensure!(said.contains(&expected), "no {expected:?}");
        }
    }
    ensure!(
        said.iter().any(|line| line == "at the end: left 0 directories, 0 processes, 0 devices, 0 groups")
    );
    for expected in [
        "anteroom_pool_short{of=\"memory\"} 1",
        "anteroom_pool_vms{state=\"ready\"} 0",
        "none is added now: ",
        "no longer short",
        "clone: dave is awake",
        "other: dave is awake",
    ] {
        ensure!(said.iter().any(|line| line.contains(expected)), "no {expected:?}");
    }
    let shown = |what: &str| {
        let begin = format!("{what}: {{");
        // The line may begin with what has cleared it.
        let shown = said.iter().filter_map(|line| line.find(&begin).map(|at| &line[at + what.len() + 2..]));
        shown.map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()
    };
    let clones = shown("clone")?;
    ensure!(clones.len() == 7, "{} clones", clones.len());
    for clone in &clones {
        ensure!(clone["origin"]["from"] == "snapshot", "{clone:#}");
    }
    let consoles = said.iter().filter(|line| line.starts_with("console of a clone: ")).count();
    ensure!(consoles == 7, "only {consoles} clones have said something after they were resumed");
    // Of a VM that is gone its marks are left.
    for (what, mark) in [("waited", "was-ready"), ("asked", "restored"), ("unjailed", "restored")] {
        let [vm] = &shown(what)?[..] else { bail!("not one {what}") };
        let has = |name: &str| marks(vm).any(|mark| mark["name"] == name);
        ensure!(has(mark) && has("resumed") == (mark == "restored") && !has("pid1"), "{what}: {vm:#}");
    }
    print_spans(&clones)
}

fn marks(vm: &Value) -> impl Iterator<Item = &Value> {
    vm["timeline"].as_array().into_iter().flatten()
}

/// How long each step took.
fn print_spans(clones: &[Value]) -> Result<()> {
    let mut spans: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for clone in clones {
        let at = |name: &str| {
            let mark = marks(clone).find(|mark| mark["name"] == name);
            mark.and_then(|mark| mark["since_request_ms"].as_f64())
                .with_context(|| format!("{name}: {clone:#}"))
        };
        for (what, from, to) in [
            ("1 disk copied", "requested", "disk-ready"),
            ("2 Firecracker started, snapshot loaded and resumed", "disk-ready", "restored"),
            ("3 the agent answers, and knows who it is", "restored", "agent-answered"),
            ("4 all that", "requested", "agent-answered"),
        ] {
            spans.entry(what).or_default().push(at(to)? - at(from)?);
        }
    }
    eprintln!("| ms | min | median | max | n |\n|---|---:|---:|---:|---:|");
    for (what, values) in spans {
        let Spread { min, median, max, count, .. } = Spread::of(&values);
        eprintln!("| {} | {min:.0} | {median:.0} | {max:.0} | {count} |", &what[2..]);
    }
    Ok(())
}
