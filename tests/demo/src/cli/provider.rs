//! `anteroom-demo idp`: the demo's identity provider as a service, until SIGTERM or SIGINT.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::say;
use crate::idp::{Idp, Log, Profile};

#[derive(Debug, thiserror::Error)]
pub(crate) enum ProviderError {
    #[error("{0} cannot be listened on")]
    Address(SocketAddr, #[source] io::Error),
    #[error("the provider cannot serve")]
    Serving(#[from] io::Error),
}

pub(crate) async fn serve(address: SocketAddr) -> Result<(), ProviderError> {
    let listening = async {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    let (listener, address) = listening.await.map_err(|error| ProviderError::Address(address, error))?;
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let idp = Idp::new(Profile::demo(format!("http://{address}")));
    say(format_args!("identity provider listening on http://{address}"));
    let printing = tokio::spawn(print(idp.log().clone()));
    idp.run(listener, async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
    .await?;
    printing.abort();
    Ok(())
}

async fn print(log: Log) {
    let mut seen = 0;
    loop {
        let (now_seen, events) = log.after(seen).await;
        for event in events {
            say(event);
        }
        seen = now_seen;
    }
}
