//! `anteroom forward`: ports of a VM's loopback on ours.

use anteroom_protocol::agent::UPGRADE_TCP;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::{
    args::ForwardArguments,
    client::Client,
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

async fn carry(client: &Client, path: &str, mut caller: TcpStream) -> Result<(), Problem> {
    let _ = caller.set_nodelay(true);
    let mut guest = client.upgrade(path, UPGRADE_TCP).await?;
    // Either side may hang up at any time; that is how such a connection ends.
    let _ = copy_bidirectional(&mut caller, &mut guest).await;
    Ok(())
}
