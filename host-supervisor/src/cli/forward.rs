//! `anteroom forward` and `anteroom proxy`: ports of a VM's loopback on ours, and one on standard input and output.

use anteroom_protocol::agent::UPGRADE_TCP;
use tokio::{
    io::{AsyncWriteExt as _, copy, copy_bidirectional, stdout},
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
        serving.spawn(async move {
            loop {
                // Too many open files, most likely: some will be closed.
                let Ok((caller, _)) = listener.accept().await else {
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    continue;
                };
                let (client, path) = (client.clone(), path.clone());
                tokio::spawn(async move {
                    if let Err(problem) = carry(&client, &path, caller).await {
                        eprintln!("anteroom: port {port}: {problem}");
                    }
                });
            }
        });
    }
    tokio::signal::ctrl_c().await?;
    Ok(Exit::Ok)
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
    let _ = copy_bidirectional(&mut caller, &mut guest).await;
    Ok(())
}
