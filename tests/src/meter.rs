//! What something costs: processor time of processes, bytes on a connection.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    task::JoinHandle,
};

/// Ticks of the kernel's process accounting (`USER_HZ`, proc_pid_stat(5)): 100 a second on every Linux of ours.
const TICK: Duration = Duration::from_millis(10);

/// Processor time that these processes have used so far; one that has ended counts nothing.
#[must_use]
pub fn processor_time(pids: &[u32]) -> Duration {
    let ticks: u32 = pids.iter().filter_map(|pid| ticks(*pid)).sum();
    TICK * ticks
}

/// User and system time (fields 14 and 15), behind the name in parentheses, which may hold anything.
fn ticks(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split_ascii_whitespace().skip(11);
    let mut field = || fields.next()?.parse::<u32>().ok();
    Some(field()? + field()?)
}

/// Every process that descends from this one.
#[must_use]
pub fn descendants(pid: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    // A child belongs to the thread that has started it.
    let of_threads: String = threads
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .collect::<Vec<_>>()
        .join(" ");
    let mut found: Vec<u32> = children
        .split_ascii_whitespace()
        .chain(of_threads.split_ascii_whitespace())
        .filter_map(|pid| pid.parse().ok())
        .collect();
    found.sort_unstable();
    found.dedup();
    let below: Vec<u32> = found.iter().flat_map(|child| descendants(*child)).collect();
    found.extend(below);
    found
}

/// The processes of a service in a guest that is no VM (`tests/bare`), by its control group.
#[must_use]
pub fn of_bare_service(vm: &str, service: &str) -> Vec<u32> {
    let group = format!("anteroom-bare-{}", &vm[..8.min(vm.len())]);
    let roots = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].map(Path::new);
    let listed = roots.iter().find_map(|root| {
        let procs: PathBuf =
            [root, Path::new(&group), Path::new(service), Path::new("cgroup.procs")].iter().collect();
        fs::read_to_string(procs).ok()
    });
    listed.unwrap_or_default().lines().filter_map(|pid| pid.parse().ok()).collect()
}

/// Stands before a server and counts what it says.
#[derive(Debug)]
pub struct Counter {
    pub address: SocketAddr,
    bytes: Arc<AtomicU64>,
    serving: JoinHandle<()>,
}

impl Counter {
    /// # Errors
    /// When there is no port for it.
    pub async fn before(server: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("a port")?;
        let address = listener.local_addr()?;
        let bytes = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&bytes);
        let serving = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(server).await else { continue };
                let _ = (client.set_nodelay(true), server.set_nodelay(true));
                let ((from_client, to_client), (from_server, to_server)) =
                    (client.into_split(), server.into_split());
                tokio::spawn(pass(from_client, to_server, None));
                tokio::spawn(pass(from_server, to_client, Some(Arc::clone(&counted))));
            }
        });
        Ok(Self { address, bytes, serving })
    }

    /// What the server has said so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, count: Option<Arc<AtomicU64>>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if let Some(count) = &count {
            count.fetch_add(read as u64, Ordering::Relaxed);
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
