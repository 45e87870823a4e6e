//! As much of a VNC viewer (RFC 6143) as tells whether there is a desktop to be seen.

use std::net::SocketAddr;

use anteroom_tests::desktop::TERMINAL;
use anyhow::{Result, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const GREETING_BYTES: usize = 12;
const VERSION: &[u8; GREETING_BYTES] = b"RFB 003.008\n";
/// Security type None.
const NONE: u8 = 1;
const MAX_NAME_BYTES: u32 = 4096;

/// Where the terminal is, with room for its text beside it: left, top, width and height.
const LOOKED_AT: [u16; 4] = [300, 300, 16, 16];

/// Whether a server answers.
pub(super) async fn greets(at: SocketAddr) -> Result<bool> {
    let mut greeting = [0; GREETING_BYTES];
    TcpStream::connect(at).await?.read_exact(&mut greeting).await?;
    Ok(greeting.starts_with(b"RFB "))
}

/// Whether the terminal stands there.
pub(super) async fn shows_terminal(at: SocketAddr) -> Result<bool> {
    let mut server = TcpStream::connect(at).await?;
    shake_hands(&mut server).await?;
    let pixels = look(&mut server).await?;
    // Four bytes for each: blue, green, red and nothing, as x11vnc has them of a display of 24 bits.
    let [red, green, blue] = TERMINAL;
    let of_terminal = pixels.chunks_exact(4).filter(|pixel| pixel[..3] == [blue, green, red]).count();
    Ok(of_terminal * 2 > pixels.len() / 4)
}

async fn shake_hands(server: &mut TcpStream) -> Result<()> {
    let mut greeting = [0; GREETING_BYTES];
    server.read_exact(&mut greeting).await?;
    ensure!(greeting.starts_with(b"RFB "), "no VNC server");
    server.write_all(VERSION).await?;
    let mut kinds = vec![0; usize::from(server.read_u8().await?)];
    server.read_exact(&mut kinds).await?;
    ensure!(kinds.contains(&NONE), "it asks for a password");
    server.write_u8(NONE).await?;
    ensure!(server.read_u32().await? == 0, "it refuses");
    // Shared: it does not end other viewers.
    server.write_u8(1).await?;
    let mut size_and_format = [0; 20];
    server.read_exact(&mut size_and_format).await?;
    let length = server.read_u32().await?;
    ensure!(length <= MAX_NAME_BYTES, "a name of {length} bytes");
    let mut name = vec![0; length as usize];
    server.read_exact(&mut name).await?;
    Ok(())
}

/// The pixels of [`LOOKED_AT`], raw, which is what a server sends that was asked for nothing else.
async fn look(server: &mut TcpStream) -> Result<Vec<u8>> {
    let [left, top, width, height] = LOOKED_AT;
    let mut request = vec![3, 0];
    for number in [left, top, width, height] {
        request.extend(number.to_be_bytes());
    }
    server.write_all(&request).await?;
    ensure!(server.read_u8().await? == 0, "no FramebufferUpdate");
    server.read_u8().await?;
    ensure!(server.read_u16().await? >= 1, "an update without a rectangle");
    let mut head = [0; 12];
    server.read_exact(&mut head).await?;
    ensure!(head[8..] == [0; 4], "not raw");
    let size = |at: usize| usize::from(u16::from_be_bytes([head[at], head[at + 1]]));
    let (wide, high) = (size(4), size(6));
    ensure!(wide <= usize::from(width) && high <= usize::from(height), "more than was asked for");
    let mut pixels = vec![0; wide * high * 4];
    server.read_exact(&mut pixels).await?;
    Ok(pixels)
}
