//! Joins this process's standard input and output with a TCP address: `anteroom relay 127.0.0.1:8443`.
//!
//! QEMU starts one for each connection that a guest makes to a forwarded service.

use std::net::SocketAddr;

use tokio::{
    io::{self, AsyncWriteExt as _},
    net::TcpStream,
};

/// Copies both ways until both have ended.
///
/// # Errors
/// When nothing listens there, or a connection breaks.
pub async fn run(address: SocketAddr) -> io::Result<()> {
    join(io::stdin(), io::stdout(), address).await
}

async fn join(
    mut input: impl io::AsyncRead + Unpin,
    mut output: impl io::AsyncWrite + Unpin,
    address: SocketAddr,
) -> io::Result<()> {
    let (mut from_host, mut to_host) = TcpStream::connect(address).await?.into_split();
    let upwards = async {
        io::copy(&mut input, &mut to_host).await?;
        to_host.shutdown().await
    };
    let downwards = async {
        io::copy(&mut from_host, &mut output).await?;
        output.shutdown().await
    };
    tokio::try_join!(upwards, downwards).map(|_| ())
}

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncReadExt as _, net::TcpListener};

    use super::*;

    #[tokio::test]
    async fn bytes_pass_both_ways_and_an_end_is_passed_on() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let host = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut heard = String::new();
            stream.read_to_string(&mut heard).await.unwrap();
            stream.write_all(heard.to_uppercase().as_bytes()).await.unwrap();
        };
        let mut said = Vec::new();
        let (joined, ()) = tokio::join!(join(&b"hello"[..], &mut said, address), host);
        joined.unwrap();
        assert_eq!(said, b"HELLO");
    }

    #[tokio::test]
    async fn a_port_where_nothing_listens_is_an_error() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        assert!(join(&b""[..], Vec::new(), address).await.is_err());
    }
}
