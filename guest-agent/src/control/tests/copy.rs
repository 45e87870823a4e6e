//! A guest that is frozen and becomes another machine: the real host name, clock, generator, network and mounts, in
//! namespaces of the test's own.
//!
//! A process with threads cannot move into a mount namespace with all of them, so a test starts itself again under `unshare`.

use std::{fs, net::Ipv4Addr, path::Path, process::Command};

use anteroom_protocol::{Event, Secret, agent::Resume, timeline::Mark};
use nix::{
    mount::{MsFlags, mount},
    unistd::{geteuid, gethostname},
};

use super::*;

/// Set in the process that is inside: the file by which it tells that the test was run to its end.
const INSIDE: &str = "ANTEROOM_TEST_INSIDE";
/// Where the machine is written down.
const WRITTEN: [&str; 3] = ["/etc", "/run", "/var/lib/dbus"];

/// Runs `test` inside, or says on stderr why it cannot. `name` is the test function's, whose only call this is.
fn secluded<F: Future<Output = ()>>(name: &str, test: impl FnOnce() -> F) {
    if let Some(done) = std::env::var_os(INSIDE) {
        let accounts = fs::read_to_string("/etc/passwd").unwrap();
        for place in WRITTEN.map(Path::new).into_iter().filter(|place| place.is_dir()) {
            mount(Some("tmpfs"), place, Some("tmpfs"), MsFlags::empty(), None::<&str>).unwrap();
        }
        fs::write("/etc/passwd", accounts).unwrap();
        fs::write("/etc/group", "").unwrap();
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test());
        return fs::write(done, "").unwrap();
    }
    if !geteuid().is_root() {
        return eprintln!("SKIPPED: {name}: only root may make namespaces");
    }
    let directory = tempfile::tempdir().unwrap();
    let done = directory.path().join("done");
    let status = Command::new("unshare")
        .args(["--mount", "--uts", "--net", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("control::tests::copy::{name}"), "--nocapture"])
        .env(INSIDE, &done)
        .status()
        .unwrap();
    assert!(status.success(), "{name} went wrong inside its namespaces, see above");
    // A name that matches no test would end well, too.
    assert!(done.exists(), "{name} was not run");
}

fn run(line: &str) -> bool {
    let words: Vec<_> = line.split(' ').collect();
    Command::new(words[0]).args(&words[1..]).status().unwrap().success()
}

fn resume(vm: VmId) -> Resume {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Resume {
        vm,
        clock: anteroom_protocol::agent::Clock { unix_ns: u64::try_from(now.as_nanos()).unwrap() },
        entropy: Secret::new([7; 64]),
        ip: Some("10.0.2.15::10.0.2.2:255.255.255.0:::off:10.0.2.3".parse().unwrap()),
        ip6: None,
        mac: Some(anteroom_protocol::MacAddress::of_ipv4(Ipv4Addr::new(10, 0, 2, 15))),
    }
}

impl Agent {
    async fn settled(&self) {
        self.with_service();
        soon(self.control.supervisor().unwrap().wait_settled()).await.unwrap();
    }

    async fn resume(&self, resume: &Resume) -> (u16, String) {
        self.ask("PUT /resume", &serde_json::to_string(resume).unwrap()).await
    }

    async fn resumed(&self, resume: &Resume) -> Hello {
        let (status, body) = self.resume(resume).await;
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Everything that can be heard now, from the first on.
    async fn story(&self, last: &str) -> Vec<Event> {
        let mut events = Vec::new();
        let mut journal = Box::pin(Arc::clone(&self.journal).follow(0));
        loop {
            let event = soon(futures_util::StreamExt::next(&mut journal)).await.unwrap();
            let over = matches!(&event.body, EventBody::Mark { name } if name == last);
            events.push(event);
            if over {
                return events;
            }
        }
    }
}

fn words(story: &[Event]) -> Vec<String> {
    story
        .iter()
        .map(|event| match &event.body {
            EventBody::Mark { name } => name.clone(),
            EventBody::Service(status) => format!("{} {:?}", status.name, status.state),
            other => format!("{other:?}"),
        })
        .collect()
}

#[test]
fn a_copy_of_a_frozen_guest_is_a_machine_of_its_own() {
    secluded("a_copy_of_a_frozen_guest_is_a_machine_of_its_own", || async {
        let agent = Agent::start();
        let vm = VmId::random();
        assert!(agent.refused("PUT /resume", &json(&resume(vm))).await.1.contains("never frozen"));
        agent.settled().await;
        agent.control.0.timeline.mark(mark::DESKTOP_PAINTED);
        let mut follower = UnixStream::connect(agent.socket()).await.unwrap();
        let follow =
            b"GET /events HTTP/1.1\r\nHost: a\r\nConnection: close\r\nanteroom-protocol: 1.0\r\n\r\n";
        follower.write_all(follow).await.unwrap();
        let follower = tokio::spawn(async move {
            let mut all = String::new();
            follower.read_to_string(&mut all).await.map(|_| all)
        });
        soon(agent.journal.followed()).await;
        assert_eq!(agent.ask("POST /freeze", "").await, (204, String::new()));
        soon(agent.journal.unfollowed()).await;
        let old = soon(follower).await.unwrap().unwrap();
        assert!(old.ends_with("0\r\n\r\n") && !old.contains("resumed"), "{old}");
        assert!(agent.refused("GET /events", "").await.1.contains("frozen"));

        let template: Hello = agent.get("/hello").await;
        fs::create_dir_all("/var/lib/dbus").unwrap();
        fs::write("/var/lib/dbus/machine-id", "the template's\n").unwrap();
        assert!(run("ip link add eth0 type veth peer name other") && run("ip link set other up"));

        let hello = agent.resumed(&resume(vm)).await;
        assert!(hello.vm == Some(vm) && hello.boot_id.len() == 36 && hello.boot_id != template.boot_id);
        let story = agent.story(mark::DESKTOP_PAINTED).await;
        let numbers: Vec<_> = story.iter().map(|event| event.number).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
        let expected = [
            "resumed",
            "network-configured",
            "talker Ready",
            "desktop-ready",
            "DesktopReady",
            "desktop-painted",
        ];
        assert_eq!(words(&story), expected);
        assert!(template.uptime_ns < story[0].uptime_ns && story[0].uptime_ns < hello.uptime_ns);
        let marks: Vec<Mark> = agent.get("/timeline").await;
        assert_eq!((marks.len(), marks[0].name.as_str()), (4, "resumed"));

        let name = format!("anteroom-{}", vm.short());
        let machine_id = format!("{}\n", vm.to_string().replace('-', ""));
        assert_eq!(gethostname().unwrap().to_str(), Some(name.as_str()));
        let file = |path| fs::read_to_string(path).unwrap();
        assert_eq!(file("/etc/hostname"), format!("{name}\n"));
        assert!(file("/etc/hosts").contains(&name));
        assert_eq!(
            (file("/etc/machine-id"), file("/var/lib/dbus/machine-id")),
            (machine_id.clone(), machine_id)
        );
        assert_eq!(file("/etc/resolv.conf"), "nameserver 10.0.2.3\n");
        let link = Command::new("ip").args(["link", "show", "eth0"]).output().unwrap().stdout;
        assert!(String::from_utf8(link).unwrap().contains("02:fc:0a:00:02:0f"));
        assert_eq!(file("/proc/sys/kernel/random/boot_id").trim(), hello.boot_id);
        sandboxes_still_work();

        agent.control.0.timeline.mark("later");
        assert_eq!(agent.resumed(&resume(vm)).await.boot_id, hello.boot_id);
        assert_eq!(soon(agent.story("later")).await.len(), 7, "the story has not begun again");
        assert!(agent.refused("PUT /resume", &json(&resume(VmId::random()))).await.1.contains("another VM"));
        agent.control.supervisor().unwrap().stop_all().await;
    });
}

fn json(resume: &Resume) -> String {
    serde_json::to_string(resume).unwrap()
}

/// A process of no privileges that mounts a `/proc` of its own, where that was possible before.
fn sandboxes_still_work() {
    let sandbox = |command: &str| {
        run(&format!("setpriv --reuid 65534 --regid 65534 --clear-groups unshare -Urmpf {command}"))
    };
    if sandbox("true") {
        assert!(sandbox("--mount-proc true"), "no /proc for a sandbox");
    } else {
        eprintln!("SKIPPED: no user namespaces for users of this machine");
    }
}

#[test]
fn a_guest_that_was_used_is_not_frozen_and_a_frozen_one_is_not_used() {
    secluded("a_guest_that_was_used_is_not_frozen_and_a_frozen_one_is_not_used", || async {
        let refused = async |agent: &Agent| {
            let (status, reason) = agent.refused("POST /freeze", "").await;
            assert_eq!(status, 409, "{reason}");
            reason
        };
        let agent = Agent::start();
        assert_eq!(refused(&agent).await, "the root is not mounted yet");
        agent.with_script("exit 1", "exit");
        assert_eq!(refused(&agent).await, "the service talker has failed");

        for (call, body) in
            [("POST /sign-in/open-url", "{\"url\":\"https://a.example\"}"), ("PUT /stream/peers/a", "")]
        {
            let agent = Agent::start();
            agent.settled().await;
            assert_ne!(agent.ask(call, body).await.0, 409);
            assert!(
                refused(&agent).await.ends_with("has begun in this machine: it cannot be copied any more")
            );
            agent.control.supervisor().unwrap().stop_all().await;
        }

        let agent = Agent::start();
        agent.settled().await;
        let home = tempfile::tempdir().unwrap();
        let passwd = fs::read_to_string("/etc/passwd").unwrap();
        fs::write("/etc/passwd", format!("{passwd}desktop:x:1000:1000::{}:/bin/sh\n", home.path().display()))
            .unwrap();
        let profile = home.path().join(".config/anteroom-browser");
        fs::create_dir_all(&profile).unwrap();
        assert!(refused(&agent).await.contains("a browser has run"));
        fs::remove_dir(&profile).unwrap();

        assert!(run("ip link set lo up") && run("ip address add 203.0.113.1/32 dev lo"));
        let listener = TcpListener::bind("203.0.113.1:0").await.unwrap();
        let outside = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        assert_eq!(refused(&agent).await, "there is a connection with 203.0.113.1");
        // A reset, so that nothing of it is left.
        outside.set_zero_linger().unwrap();
        drop((outside, listener));

        assert_eq!(agent.ask("POST /freeze", "").await, (204, String::new()));
        for (call, body) in
            [("POST /sign-in/open-url", "{\"url\":\"https://a.example\"}"), ("PUT /stream/peers/a", "")]
        {
            assert!(agent.refused(call, body).await.1.contains("frozen"));
        }
        let short = Resume { entropy: Secret::new([7; 31]), ..resume(VmId::random()) };
        assert_eq!(agent.refused("PUT /resume", &json(&short)).await.0, 400);
        agent.control.supervisor().unwrap().stop_all().await;
    });
}

#[test]
fn a_guest_that_was_put_to_disk_is_the_same_machine_and_goes_on_with_its_story() {
    secluded("a_guest_that_was_put_to_disk_is_the_same_machine_and_goes_on_with_its_story", || async {
        let agent = Agent::start();
        agent.settled().await;
        let before: Hello = agent.get("/hello").await;
        let mut follower = Box::pin(Arc::clone(&agent.journal).follow(0));
        let first = soon(futures_util::StreamExt::next(&mut follower)).await.unwrap();
        assert_eq!(agent.ask("POST /doze", "").await, (204, String::new()));
        assert!(soon(futures_util::StreamExt::next(&mut follower)).await.is_none(), "it has to come anew");
        drop(follower);
        let mut again = Box::pin(Arc::clone(&agent.journal).follow(0));
        assert_eq!(soon(futures_util::StreamExt::next(&mut again)).await.unwrap().number, first.number);

        let wake = |bytes| anteroom_protocol::agent::Wake {
            clock: resume(VmId::random()).clock,
            entropy: Secret::new(vec![7; bytes]),
        };
        let ask = async |bytes| agent.ask("PUT /wake", &serde_json::to_string(&wake(bytes)).unwrap()).await;
        assert_eq!(ask(31).await.0, 400);
        assert!(agent.control.0.life.is_away(), "it knocks until it was told");
        let (status, body) = ask(64).await;
        assert_eq!(status, 200, "{body}");
        let after: Hello = serde_json::from_str(&body).unwrap();
        assert_eq!((after.vm, after.boot_id), (before.vm, before.boot_id));
        assert!(!agent.control.0.life.is_away());
        agent.control.supervisor().unwrap().stop_all().await;
    });
}
