//! A viewer of a VM's desktop (RFC 6143, over the WebSocket that the page uses): moves the mouse, and does not look.

use anyhow::{Context as _, Result, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest as _},
};

use crate::Daemon;

const VERSION: &[u8] = b"RFB 003.008\n";
const NO_PASSWORD: u8 = 1;
const SHARED: u8 = 1;
const POINTER_EVENT: u8 = 5;
const LEFT_BUTTON: u8 = 1;

#[derive(Debug)]
pub struct Viewer {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    received: Vec<u8>,
}

impl Viewer {
    /// # Errors
    /// When the daemon or the desktop refuses.
    pub async fn open(daemon: &Daemon, session: &str) -> Result<Self> {
        let address = daemon.url(&format!("/api/auth/session/{session}/vnc")).replacen("http", "ws", 1);
        let mut request = address.into_client_request()?;
        request.headers_mut().insert("authorization", format!("Bearer {}", daemon.key).parse()?);
        let (stream, _) = connect_async(request).await?;
        let mut viewer = Self { stream, received: Vec::new() };
        ensure!(viewer.receive(VERSION.len()).await? == VERSION, "another version of the protocol");
        viewer.send(VERSION).await?;
        let kinds = viewer.receive(1).await?[0];
        ensure!(
            viewer.receive(kinds.into()).await?.contains(&NO_PASSWORD),
            "the desktop asks for a password"
        );
        viewer.send(&[NO_PASSWORD]).await?;
        ensure!(viewer.receive(4).await? == [0; 4], "the desktop refuses");
        viewer.send(&[SHARED]).await?;
        // ServerInit up to the length of the desktop's name.
        viewer.receive(24).await?;
        Ok(viewer)
    }

    /// A click with the left button, in pixels of the desktop.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn click(&mut self, x: u16, y: u16) -> Result<()> {
        for buttons in [0, LEFT_BUTTON, 0] {
            let ([x1, x0], [y1, y0]) = (x.to_be_bytes(), y.to_be_bytes());
            self.send(&[POINTER_EVENT, buttons, x1, x0, y1, y0]).await?;
        }
        Ok(())
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.send(Message::binary(bytes.to_vec())).await?)
    }

    async fn receive(&mut self, length: usize) -> Result<Vec<u8>> {
        while self.received.len() < length {
            let message = self.stream.next().await.context("the desktop has closed the connection")??;
            self.received.extend_from_slice(&message.into_data());
        }
        Ok(self.received.drain(..length).collect())
    }
}
