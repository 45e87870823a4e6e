//! Golden snapshots of Firecracker, in the emulated machine in which it runs everywhere. Each test has a machine of its own, in which a
//! snapshot is made first, and prints what it measures.

use std::{collections::BTreeMap, time::Duration};

use anteroom_tests::{
    nested::{Nested, firecracker},
    skip,
    spread::Spread,
    turn::Turn,
};
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

/// Longer than any of them takes where nothing else runs, and less than a test may take.
const PATIENCE: Duration = Duration::from_secs(900);
const NOTHING: &str = "left 0 directories, 0 processes, 0 devices, 0 groups";

/// What the scripts have in common.
const CLONES: &str = r#"
export ANTEROOM_SNAPSHOT_DIR=/var/lib/anteroom/snapshots
# Processors of a guest interrupt each other, and QEMU 7.2 now and then delivers such an interrupt between a guest's end and its
# host's beginning, which the nested machine's kernel does not survive: of two runs with two processors it survived none.
export ANTEROOM_VM_BROWSER_VCPUS=1
ids() {
  ./anteroom vm ls --json | tr -d ' \n' | grep -o '{[^{}]*"phase":"ready"[^{}]*}' | grep -o '"id":"[^"]*"' |
    cut -d '"' -f 4 || true
}
ready() { # COUNT: until so many VMs wait
  until [ $(ids | wc -l) -ge $1 ]; do
    kill -0 $daemon
    sleep 1
  done
}
pool() { # COUNT: a daemon that keeps so many ready
  serve ANTEROOM_POOL_MIN=$1 ANTEROOM_POOL_MAX=$1
}
memory() { # WHAT
  for pid in $(pgrep firecracker || true); do
    echo "$1:" $(grep -E '^(Rss|Pss|Shared_Clean|Private_Clean|Private_Dirty):' /proc/$pid/smaps_rollup)
  done 2>/dev/null
}
made() { # until a snapshot was made
  until grep -q 'a snapshot is made' /var/log/anteroom.log; do
    kill -0 $daemon
    # A guest that runs fifty times slower beside others may seem to have gone silent; the daemon tries again after a minute.
    [ $(grep -c 'no snapshot was made' /var/log/anteroom.log) -lt 3 ]
    memory booted
    sleep 2
  done
}
logs() { # of a VM that has failed
  cat /var/lib/anteroom/vms/*/*.log
  exit 1
}
session() { # USER WHAT
  said=$(./anteroom session start --provider demo-auto --user $1 --wait completed) || logs
  echo "$2: $(./anteroom vm show $(echo "$said" | sed -n 's/^VM *//p') --json | tr -d '\n')"
}
"#;

/// 1, 2 and 4 clones wait: each is shown, with what it takes up of the memory, and answers on the network by an address of its own.
const MANY: &str = r#"
for clones in 1 2 4; do
  pool $clones
  made
  ready $clones
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
"#;

/// One becomes somebody's; when nobody waits, another is made for whoever comes.
const SIGN_INS: &str = r#"
pool 1
made
ready 1
session alice waited
end
pool 0
session bob asked
end
echo "at the end: $(left)"
"#;

/// Memory is short, and there is enough of it again.
const SHORT: &str = r#"
pool 1
made
ready 1
available=$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo)
mkdir /hog
mount -t tmpfs -o size=95% hog /hog
head -c $(((available / 1024 - 900) * 1048576)) /dev/zero >/hog/hog
until [ $(ids | wc -l) = 0 ]; do sleep 1; done
echo "short: $(./anteroom doctor | grep 'VMs kept ready')"
curl --silent -H "Authorization: Bearer $(cat /var/lib/anteroom/api-key)" http://127.0.0.1:4000/metrics |
  grep '^anteroom_pool' | sed 's/^/short: /'
umount /hog
ready 1
echo "no longer short"
end
echo "at the end: $(left)"
"#;

/// A clone that is somebody's goes to the disk and on; and again, woken before, and another daemon's.
const ASLEEP: &str = r#"
# All memory of a clone is written, untouched pages too: a gigabyte takes more than the minute that the API has for an answer.
export ANTEROOM_VM_BROWSER_MEMORY_MIB=512
pool 1
made
ready 1
said=$(./anteroom session start --provider demo --user dave --wait awaiting_user_auth) || logs
vm=$(echo "$said" | sed -n 's/^VM *//p')
./anteroom exec $vm -n -- sh -c 'echo dave >/dev/shm/mark'
for who in clone other; do
  ./anteroom exec $vm -n -- true
  ./anteroom vm hibernate $vm || logs
  ! pgrep --full "firecracker.*$vm" || exit 1
  echo "$who: $(./anteroom exec $vm -n -- cat /dev/shm/mark) is awake"
  [ $who = other ] && break
  kill -9 $daemon
  wait $daemon || true
  pool 0
done
./anteroom vm rm $vm
end
echo "at the end: $(left)"
"#;

/// Without a jail and without PCI.
const UNJAILED: &str = r#"
serve ANTEROOM_POOL_MIN=0 ANTEROOM_POOL_MAX=0 ANTEROOM_FIRECRACKER_TRANSPORT=mmio ANTEROOM_FIRECRACKER_JAILER=none
made
session carol unjailed
end
echo "at the end: $(left)"
"#;

/// All that the script has said; `None` without a Firecracker.
async fn said(script: &str) -> Result<Option<Vec<String>>> {
    let Some(luggage) = firecracker::luggage(&format!("{CLONES}{script}"))? else {
        skip("firecracker_snapshot", "FIRECRACKER and JAILER name no Firecracker and its jailer");
        return Ok(None);
    };
    let _turn = Turn::take()?;
    Nested::prepare().await?.run(&luggage, PATIENCE).await.map(Some)
}

#[tokio::test]
async fn clones_share_memory_and_answer_each_for_itself() -> Result<()> {
    let Some(said) = said(MANY).await? else { return Ok(()) };
    for clones in [1, 2, 4] {
        expect(&said, &format!("answers of {clones}: {clones}"))?;
        expect(&said, &format!("of {clones}: {NOTHING}"))?;
    }
    let clones = shown(&said, "clone")?;
    ensure!(clones.len() == 7, "{} clones", clones.len());
    for clone in &clones {
        ensure!(clone["origin"]["from"] == "snapshot", "{clone:#}");
    }
    let consoles = said.iter().filter(|line| line.starts_with("console of a clone: ")).count();
    ensure!(consoles == 7, "only {consoles} clones have said something after they were resumed");
    print_spans(&clones)
}

#[tokio::test]
async fn a_sign_in_begins_with_a_clone_that_waited_or_one_that_is_made_for_it() -> Result<()> {
    let Some(said) = said(SIGN_INS).await? else { return Ok(()) };
    began_with(&said, "waited", "was-ready")?;
    began_with(&said, "asked", "restored")?;
    expect(&said, &format!("at the end: {NOTHING}"))
}

#[tokio::test]
async fn a_clone_that_waits_gives_its_memory_back_when_that_is_short_and_comes_again() -> Result<()> {
    let Some(said) = said(SHORT).await? else { return Ok(()) };
    for expected in [
        "anteroom_pool_short{of=\"memory\"} 1",
        "anteroom_pool_vms{state=\"ready\"} 0",
        "none is added now: ",
        "no longer short",
    ] {
        expect(&said, expected)?;
    }
    expect(&said, &format!("at the end: {NOTHING}"))
}

#[tokio::test]
async fn a_clone_that_is_somebodys_goes_to_the_disk_and_on_with_either_of_two_daemons() -> Result<()> {
    let Some(said) = said(ASLEEP).await? else { return Ok(()) };
    expect(&said, "clone: dave is awake")?;
    expect(&said, "other: dave is awake")?;
    expect(&said, &format!("at the end: {NOTHING}"))
}

#[tokio::test]
async fn without_a_jail_and_without_pci_a_sign_in_begins_with_a_snapshot_too() -> Result<()> {
    let Some(said) = said(UNJAILED).await? else { return Ok(()) };
    began_with(&said, "unjailed", "restored")?;
    expect(&said, &format!("at the end: {NOTHING}"))
}

/// A line may begin with what has cleared it.
fn expect(said: &[String], line: &str) -> Result<()> {
    ensure!(said.iter().any(|one| one.contains(line)), "no {line:?}");
    Ok(())
}

/// What `vm show` told of these.
fn shown(said: &[String], what: &str) -> Result<Vec<Value>> {
    let begin = format!("{what}: {{");
    let shown = said.iter().filter_map(|line| line.find(&begin).map(|at| &line[at + begin.len() - 1..]));
    Ok(shown.map(serde_json::from_str).collect::<Result<_, _>>()?)
}

/// Of a VM that is gone its marks are left.
fn began_with(said: &[String], what: &str, mark: &str) -> Result<()> {
    let [vm] = &shown(said, what)?[..] else { bail!("not one {what}") };
    let has = |name: &str| marks(vm).any(|mark| mark["name"] == name);
    ensure!(has(mark) && has("resumed") == (mark == "restored") && !has("pid1"), "{what}: {vm:#}");
    Ok(())
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
