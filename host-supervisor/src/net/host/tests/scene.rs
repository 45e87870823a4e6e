//! A host with one uplink into a world of a few addresses, each in a network namespace of its own.
//!
//! ```text
//!  the test's thread: "host"                 another thread: "world"
//!  br0 ── guests          up0 203.0.113.1 ── world0 203.0.113.2; on lo: 198.51.100.9, 10.9.9.9, 169.254.169.254, ...
//!                         lan0 10.50.0.1     knows a way to the guests and to the lan, through the host
//! ```

use std::{
    io::ErrorKind,
    net::{SocketAddr, UdpSocket},
    panic::resume_unwind,
    process::Command,
    sync::mpsc,
    thread,
    time::Duration,
};

use nix::{
    sched::{CloneFlags, unshare},
    unistd::{geteuid, gettid},
};
use tempfile::TempDir;

use crate::{
    net::host::{HostNetwork, HostNetworkSettings},
    store::Store,
};

/// For what happens at once or not at all.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Scene {
    pub(super) world: Namespace,
    pub(super) store: Store,
    pub(crate) settings: HostNetworkSettings,
    _directory: TempDir,
}

/// Runs a test in a new namespace, on a thread that ends with it; the namespace goes with its last thread and socket.
pub(crate) fn on_a_host<F: Future<Output = ()>>(test: impl FnOnce(Scene) -> F + Send + 'static) {
    if let Some(reason) = obstacle() {
        return eprintln!("SKIPPED: {reason}");
    }
    let outcome = thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { test(Scene::set().await).await });
    })
    .join();
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

fn obstacle() -> Option<String> {
    if !geteuid().is_root() {
        return Some("only root may make network namespaces".to_owned());
    }
    if let Err(error) = std::fs::File::options().read(true).write(true).open("/dev/net/tun") {
        return Some(format!("/dev/net/tun: {error}"));
    }
    for (program, package) in [("ip", "iproute2"), ("nft", "nftables")] {
        if Command::new(program).arg("-V").output().is_err() {
            return Some(format!("the program {program} is missing (package {package})"));
        }
    }
    let allowed = thread::spawn(|| unshare(CloneFlags::CLONE_NEWNET)).join();
    allowed.ok()?.err().map(|error| format!("network namespaces: {error}"))
}

impl Scene {
    async fn set() -> Self {
        let world = Namespace::new();
        for (setting, value) in [("ipv4/ip_forward", "0"), ("ipv6/conf/all/forwarding", "0")] {
            std::fs::write(format!("/proc/sys/net/{setting}"), value).unwrap();
        }
        let inside = world.thread.to_string();
        ip("link set lo up");
        ip(&format!("link add up0 type veth peer name world0 netns {inside}"));
        ip("address add 203.0.113.1/24 dev up0");
        ip("address add 2001:db8:1::1/64 dev up0 nodad");
        ip("link set up0 up");
        world.run(|| {
            ip("link set lo up");
            for address in ["203.0.113.2/24", "2001:db8:1::2/64"] {
                ip(&format!("address add {address} dev world0 {}", nodad(address)));
            }
            ip("link set world0 up");
            let others = "198.51.100.9 10.9.9.9 10.255.255.53 100.64.0.9 168.63.129.16 169.254.169.254 172.16.0.9 \
                          192.168.7.9 2001:db8:9::9 fd00:ec2::254 fd00:9::9";
            for address in others.split_whitespace() {
                ip(&format!("address add {address} dev lo {}", nodad(address)));
            }
            for network in ["192.168.100.0/24", "10.50.0.0/24"] {
                ip(&format!("route add {network} via 203.0.113.1"));
            }
        });
        ip("route add default via 203.0.113.2");
        ip("-6 route add default via 2001:db8:1::2");
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).await.unwrap();
        let settings = HostNetworkSettings {
            dns: Some("10.255.255.53".parse().unwrap()),
            ..HostNetworkSettings::default()
        };
        Self { world, store, settings, _directory: directory }
    }

    pub(super) async fn open(&self) -> HostNetwork {
        HostNetwork::open(self.settings.clone(), self.store.clone()).await.unwrap()
    }
}

/// A namespace, and the thread that lives in it.
pub(super) struct Namespace {
    jobs: mpsc::Sender<Box<dyn FnOnce() + Send>>,
    /// Its id is as good as a process's where a namespace is named by one.
    pub(super) thread: nix::unistd::Pid,
}

impl Namespace {
    fn new() -> Self {
        let (jobs, todo) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
        let (born, birth) = mpsc::channel();
        thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            born.send(gettid()).unwrap();
            todo.into_iter().for_each(|job| job());
        });
        Self { jobs, thread: birth.recv().unwrap() }
    }

    pub(super) fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let (done, result) = mpsc::channel();
        self.jobs.send(Box::new(move || drop(done.send(work())))).unwrap();
        result.recv().expect("what is done in the namespace succeeds")
    }

    /// A socket in the namespace, on every address of it. It hears only: its answers would come from another address.
    pub(super) fn listen(&self, port: u16) -> Listener {
        self.run(move || Listener::new(&format!("[::]:{port}")))
    }

    /// A socket in the namespace that answers from where it was asked.
    pub(super) fn serve(&self, address: &'static str) -> Listener {
        self.run(move || Listener::new(address))
    }
}

/// A socket whose datagrams are texts. One on `[::]` takes IPv4 as well.
#[derive(Debug)]
pub(super) struct Listener(pub(super) UdpSocket);

impl Listener {
    pub(super) fn new(address: &str) -> Self {
        let socket = UdpSocket::bind(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    /// The next datagram, and who seems to have sent it.
    pub(super) fn next(&self) -> (String, SocketAddr) {
        let mut buffer = [0; 2048];
        let (count, from) = loop {
            match self.0.recv_from(&mut buffer) {
                // By the end of another test's child: a socket with a time limit is not asked again (signal(7)).
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => break other.expect("a datagram arrives"),
            }
        };
        let from = SocketAddr::new(from.ip().to_canonical(), from.port());
        (String::from_utf8_lossy(&buffer[..count]).into_owned(), from)
    }

    /// What has arrived by now.
    pub(super) fn rest(&self) -> Vec<String> {
        self.0.set_nonblocking(true).unwrap();
        let mut texts = Vec::new();
        let mut buffer = [0; 2048];
        loop {
            match self.0.recv_from(&mut buffer) {
                Ok((count, _)) => texts.push(String::from_utf8_lossy(&buffer[..count]).into_owned()),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    self.0.set_nonblocking(false).unwrap();
                    return texts;
                }
            }
        }
    }
}

fn nodad(address: &str) -> &'static str {
    if address.contains(':') { "nodad" } else { "" }
}

/// ip(8) in the namespace of the calling thread; what it says.
pub(super) fn ip(arguments: &str) -> String {
    run("ip", arguments)
}

pub(super) fn nft(arguments: &str) -> String {
    run("nft", arguments)
}

fn run(program: &str, arguments: &str) -> String {
    let output = Command::new(program).args(arguments.split_whitespace()).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments}: {stderr}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
