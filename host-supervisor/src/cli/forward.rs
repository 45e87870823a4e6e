//! `anteroom forward` and `anteroom proxy`: ports of a VM's loopback on ours, and one on standard input and output.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use anteroom_protocol::agent::{UPGRADE_REVERSE, UPGRADE_TCP};
use tokio::{
    io::{
        AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, copy,
        copy_bidirectional_with_sizes, stdout,
    },
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
};

use super::{
    args::{ForwardArguments, ProxyArguments},
    client::Client,
    exec::keyboard,
    exit::{Exit, Problem},
    show, vm_name,
};

/// A number of 64 bits and the end of its line.
const MAX_LINE_BYTES: u64 = 21;
/// On its way in one direction of a connection, in bytes.
const CHUNK_BYTES: usize = 128 * 1024;

/// Serves until it is interrupted. A connection that the VM does not take ends by itself; the others go on.
pub(super) async fn run(arguments: &ForwardArguments, client: &Client) -> Result<Exit, Problem> {
    let vm = vm_name::resolve(client, &arguments.vm).await?;
    let mut listeners = Vec::new();
    for &(port, local) in &arguments.ports {
        let listener = TcpListener::bind(local).await.map_err(|error| {
            Problem::failed(format!("{local}: {error}; name another port: {port}:LOCAL, or {port}:0 for any"))
        })?;
        show::line(format_args!("{} is port {port} of VM {vm}", listener.local_addr()?));
        listeners.push((port, listener));
    }
    let mut serving = JoinSet::new();
    for (port, listener) in listeners {
        let (client, path) = (client.clone(), format!("/api/vms/{vm}/ports/{port}"));
        serving.spawn(async move { match lead_in(&client, &path, listener).await {} });
    }
    for &(port, local) in &arguments.reverse {
        let numbers = client.upgrade(&format!("/api/vms/{vm}/reverse/{port}"), UPGRADE_REVERSE).await?;
        let mut numbers = BufReader::new(numbers);
        let port = next_number(&mut numbers).await?;
        show::line(format_args!("port {port} of VM {vm} is {local}"));
        let (client, path) = (client.clone(), format!("/api/vms/{vm}/reverse/{port}"));
        serving.spawn(async move { lead_out(&client, &path, local, numbers).await });
    }
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        Some(ended) = serving.join_next() => {
            let why = ended.map_or_else(|error| error.to_string(), |error| error.to_string());
            return Err(Problem::failed(format!("the VM has hung up: {why}")));
        }
    }
    Ok(Exit::Ok)
}

/// Joins each connection to ours with one to the VM's port, for as long as it is let.
pub(super) async fn lead_in(client: &Client, path: &str, listener: TcpListener) -> Infallible {
    loop {
        // Too many open files, most likely: some will be closed.
        let Ok((caller, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (client, path) = (client.clone(), path.to_owned());
        tokio::spawn(async move { say_trouble(&path, carry(&client, &path, caller).await) });
    }
}

/// Joins each connection to the VM's port with one to ours; returns why it does not go on.
async fn lead_out(
    client: &Client,
    path: &str,
    local: SocketAddr,
    mut numbers: impl AsyncBufRead + Unpin,
) -> std::io::Error {
    loop {
        let path = match next_number(&mut numbers).await {
            Ok(number) => format!("{path}/{number}"),
            Err(error) => return error,
        };
        let client = client.clone();
        tokio::spawn(async move {
            let joined = match TcpStream::connect(local).await {
                Ok(caller) => carry(&client, &path, caller).await,
                Err(error) => Err(Problem::failed(format!("{local}: {error}"))),
            };
            say_trouble(&path, joined);
        });
    }
}

/// One line of what the VM says about its connections.
async fn next_number(lines: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<u64> {
    let mut line = String::new();
    lines.take(MAX_LINE_BYTES).read_line(&mut line).await?;
    match line.strip_suffix('\n').map(str::parse) {
        Some(Ok(number)) => Ok(number),
        Some(Err(_)) => Err(std::io::ErrorKind::InvalidData.into()),
        None => Err(std::io::ErrorKind::UnexpectedEof.into()),
    }
}

/// One connection that fails is no reason for the others to end.
fn say_trouble(path: &str, joined: Result<(), Problem>) {
    if let Err(problem) = joined {
        let port = path.rsplit('/').next().unwrap_or_default();
        eprintln!("anteroom: {port}: {problem}");
    }
}

/// Until the VM's end has said everything.
pub(super) async fn proxy(arguments: &ProxyArguments, client: &Client) -> Result<Exit, Problem> {
    let vm = vm_name::resolve(client, &arguments.vm).await?;
    let guest = client.upgrade(&format!("/api/vms/{vm}/ports/{}", arguments.port), UPGRADE_TCP).await?;
    let (mut from_guest, mut to_guest) = tokio::io::split(guest);
    let mut input = keyboard::read(None, mpsc::channel(1).0);
    let up = async {
        while let Some(bytes) = input.recv().await {
            to_guest.write_all(&bytes).await?;
            to_guest.flush().await?;
        }
        to_guest.shutdown().await?;
        std::future::pending::<std::io::Result<()>>().await
    };
    let down = async {
        let mut output = stdout();
        copy(&mut from_guest, &mut output).await?;
        output.flush().await
    };
    tokio::select! { up = up => up?, down = down => down? }
    Ok(Exit::Ok)
}

async fn carry(client: &Client, path: &str, mut caller: TcpStream) -> Result<(), Problem> {
    let _ = caller.set_nodelay(true);
    let mut guest = client.upgrade(path, UPGRADE_TCP).await?;
    // Either side may hang up at any time; that is how such a connection ends.
    let _ = copy_bidirectional_with_sizes(&mut caller, &mut guest, CHUNK_BYTES, CHUNK_BYTES).await;
    Ok(())
}
