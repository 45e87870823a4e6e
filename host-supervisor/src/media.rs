//! The desktop's pictures: packets between viewers and guests on one port, and the offers and answers that begin them.
//!
//! ```text
//!  viewer ══UDP, or TCP══▶ relay ─(flows: whose is this address?)─▶ line ══vsock══▶ guest
//!  page ───────offer─────▶ signalling ──▶ the VM's agent ──answer──▶ with our addresses in it, to the page
//! ```
//! Everything in a packet but the name in a connectivity check is sealed between the viewer and the guest (DTLS, SRTP): the
//! host carries what it cannot read. Only the host knows addresses: a guest has no network for this, and what it says about
//! addresses is left out.

mod activity;
mod address;
mod bucket;
mod flows;
mod line;
mod peer;
mod relay;
pub mod sdp;
mod signalling;
mod tcp;
mod turn;

use std::{io, net::SocketAddr, sync::Arc};

use tokio::net::{TcpListener, UdpSocket};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    config::{Config, MediaListen},
    private_file::PrivateFileError,
};
use peer::Terms;
use relay::Relay;
pub use signalling::{AnswerState, Direction, OfferError, PeerId, Signalling, Viewing};
pub use turn::{IceServers, ServerEntry};

#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    #[error("{address} cannot be listened on for pictures; the setting `{setting}` chooses another")]
    Listen {
        address: SocketAddr,
        setting: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("the setting media.turn_secret_file")]
    TurnSecret(#[from] PrivateFileError),
    #[error("the setting media.turn_secret_file names a file that is not there or empty")]
    NoTurnSecret,
}

/// Everything of it; its sockets close when it is dropped.
#[derive(Debug)]
pub struct Media {
    pub signalling: Signalling,
    pub ice_servers: IceServers,
    /// Where viewers' packets come in, when they do over UDP.
    pub udp: Option<SocketAddr>,
    pub tcp: Option<SocketAddr>,
    _listening: Vec<AbortOnDropHandle<()>>,
}

impl Media {
    /// Opens the sockets; the API listens at `api`.
    ///
    /// # Errors
    /// When a port is taken, or the secret cannot be read.
    pub async fn open(config: &Config, api: SocketAddr) -> Result<Self, MediaError> {
        let Config { media: choices, listen: wanted, clipboard, session, .. } = config;
        let ice_servers = IceServers::load(choices)?;
        let udp = match choices.listen {
            MediaListen::Off => None,
            MediaListen::LikeTheApi => match bind_udp(api).await {
                // Any free port was asked for; that its twin is taken is nobody's mistake.
                Err(_) if wanted.port() == 0 => Some(bind_udp(*wanted).await?),
                bound => Some(bound?),
            },
            MediaListen::At(address) => Some(bind_udp(address).await?),
        };
        let tcp = match choices.tcp_listen {
            None => None,
            Some(address) => {
                let error = |source| MediaError::Listen { address, setting: "media.tcp_listen", source };
                Some(TcpListener::bind(address).await.map_err(error)?)
            }
        };
        let udp_address = udp.as_ref().and_then(|socket| socket.local_addr().ok());
        let tcp_address = tcp.as_ref().and_then(|listener| listener.local_addr().ok());
        let candidates = address::candidates(choices, udp_address, tcp_address);
        let relay = Arc::new(Relay::new(udp));
        let mut listening = vec![AbortOnDropHandle::new(tokio::spawn(relay::listen(Arc::clone(&relay))))];
        if let Some(listener) = tcp {
            listening.push(AbortOnDropHandle::new(tokio::spawn(tcp::listen(listener, Arc::clone(&relay)))));
        }
        let terms = Terms { most_bps: choices.most_bps, clipboard: *clipboard, idle_limit: session.idle };
        let signalling = Signalling::new(relay, candidates, terms);
        Ok(Self { signalling, ice_servers, udp: udp_address, tcp: tcp_address, _listening: listening })
    }
}

async fn bind_udp(address: SocketAddr) -> Result<UdpSocket, MediaError> {
    let error = |source| MediaError::Listen { address, setting: "media.listen", source };
    UdpSocket::bind(address).await.map_err(error)
}
