//! The first words of a peer that takes us for its proxy: `CONNECT name:443` (RFC 9110 section 9.3.6).
//!
//! Not a proxy: whatever the name, the tunnel ends here, and a name we do not stand in for is refused.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::idp::{Event, Log};

const LONGEST_HEAD_BYTES: usize = 8 * 1024;
/// Of an authority that goes into the log: a DNS name and a port.
const LONGEST_AUTHORITY_CHARS: usize = 262;
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

#[derive(Debug, thiserror::Error)]
pub(crate) enum TunnelError {
    #[error("the peer broke off")]
    Broken(#[from] io::Error),
    #[error("the peer did not ask for a tunnel")]
    NotConnect,
    #[error("the peer asked for a tunnel to elsewhere")]
    Elsewhere,
}

#[derive(Debug, PartialEq, Eq)]
enum Request<'a> {
    Tunnel { authority: &'a str },
    Other,
}

/// Answers the peer's CONNECT. After `Ok` its TLS handshake follows.
pub(crate) async fn open<T>(peer: &mut T, hostnames: &[String], log: &Log) -> Result<(), TunnelError>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let head = read_head(peer).await?;
    let Request::Tunnel { authority } = understand(&head) else {
        peer.write_all(b"HTTP/1.1 405 Method Not Allowed\r\nallow: CONNECT\r\ncontent-length: 0\r\n\r\n")
            .await?;
        return Err(TunnelError::NotConnect);
    };
    if !is_ours(authority, hostnames) {
        log.record(Event::TunnelRefused {
            authority: authority.chars().take(LONGEST_AUTHORITY_CHARS).collect(),
        });
        peer.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await?;
        return Err(TunnelError::Elsewhere);
    }
    peer.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
    Ok(())
}

/// Byte by byte, so that nothing of the handshake behind it is swallowed; it is read once for each connection.
async fn read_head<T: AsyncRead + Unpin>(peer: &mut T) -> Result<String, TunnelError> {
    let mut head = Vec::new();
    while !head.ends_with(END_OF_HEAD) {
        if head.len() == LONGEST_HEAD_BYTES {
            return Err(TunnelError::NotConnect);
        }
        head.push(peer.read_u8().await?);
    }
    String::from_utf8(head).map_err(|_| TunnelError::NotConnect)
}

fn understand(head: &str) -> Request<'_> {
    let mut words = head.lines().next().unwrap_or_default().split(' ');
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some("CONNECT"), Some(authority), Some("HTTP/1.1" | "HTTP/1.0"), None) => {
            Request::Tunnel { authority }
        }
        _ => Request::Other,
    }
}

fn is_ours(authority: &str, hostnames: &[String]) -> bool {
    let host = authority.strip_suffix(":443");
    host.is_some_and(|host| hostnames.iter().any(|ours| ours.eq_ignore_ascii_case(host)))
}

#[cfg(test)]
mod tests;
