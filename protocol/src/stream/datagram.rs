//! Datagrams of many viewers in one stream of bytes.
//!
//! ```text
//!  ┌────────┬───────────┬───────────────┬───────┬─────────┐
//!  │ length │ transport │ address       │ port  │ payload │   numbers big-endian; the length is the payload's, 1 to 1500;
//!  │ 2      │ 1         │ 16            │ 2     │ length  │   the address is IPv6, or IPv4 mapped into it (RFC 4291,
//!  └────────┴───────────┴───────────────┴───────┴─────────┘   section 2.5.5.2); transport 0 is UDP, 1 is TCP (RFC 6544)
//! ```
//! The address is always the viewer's: whom it came from towards the guest, whom it is for towards the host.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

/// No larger datagram passes Ethernet unbroken.
pub const MAX_PAYLOAD_BYTES: usize = 1500;
/// What stands before every payload, in bytes.
pub const HEADER_BYTES: usize = 21;

/// What a viewer's packets travel in outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    Udp,
    Tcp,
}

/// The far end of a viewer's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Remote {
    pub transport: Transport,
    /// Never IPv4 mapped into IPv6.
    pub address: SocketAddr,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    pub remote: Remote,
    pub payload: Bytes,
}

/// The stream is not what it should be; nothing that follows can be understood.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatagramError {
    #[error("a datagram of {0} bytes: expected 1 to {MAX_PAYLOAD_BYTES}")]
    Length(usize),
    #[error("{0} is no transport")]
    Transport(u8),
    #[error("port 0 is nobody's")]
    Port,
}

impl Remote {
    /// Writes IPv4 addresses as such.
    #[must_use]
    pub fn new(transport: Transport, address: SocketAddr) -> Self {
        Self { transport, address: SocketAddr::new(address.ip().to_canonical(), address.port()) }
    }
}

impl Datagram {
    /// Appends it to the stream.
    ///
    /// # Errors
    /// When it could not be read again; nothing is appended then.
    pub fn write(&self, stream: &mut BytesMut) -> Result<(), DatagramError> {
        let length = checked_length(self.payload.len())?;
        if self.remote.address.port() == 0 {
            return Err(DatagramError::Port);
        }
        stream.reserve(HEADER_BYTES + self.payload.len());
        stream.put_u16(length);
        stream.put_u8(match self.remote.transport {
            Transport::Udp => 0,
            Transport::Tcp => 1,
        });
        let address = match self.remote.address.ip() {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        stream.put_slice(&address.octets());
        stream.put_u16(self.remote.address.port());
        stream.put_slice(&self.payload);
        Ok(())
    }

    /// Takes the first datagram off the stream; `None` when it is not complete yet.
    ///
    /// # Errors
    /// When the other side does not keep to the format; the stream is of no use then.
    pub fn read(stream: &mut BytesMut) -> Result<Option<Self>, DatagramError> {
        let Some(mut header) = stream.get(..HEADER_BYTES) else {
            // A wrong length is told before its header is complete.
            if let Some(mut length) = stream.get(..2) {
                checked_length(usize::from(length.get_u16()))?;
            }
            return Ok(None);
        };
        let length = usize::from(checked_length(usize::from(header.get_u16()))?);
        let transport = match header.get_u8() {
            0 => Transport::Udp,
            1 => Transport::Tcp,
            other => return Err(DatagramError::Transport(other)),
        };
        let address = IpAddr::V6(Ipv6Addr::from_bits(header.get_u128()));
        let port = header.get_u16();
        if port == 0 {
            return Err(DatagramError::Port);
        }
        if stream.len() < HEADER_BYTES + length {
            return Ok(None);
        }
        stream.advance(HEADER_BYTES);
        let payload = stream.split_to(length).freeze();
        Ok(Some(Self { remote: Remote::new(transport, SocketAddr::new(address, port)), payload }))
    }
}

fn checked_length(length: usize) -> Result<u16, DatagramError> {
    u16::try_from(length)
        .ok()
        .filter(|length| (1..=MAX_PAYLOAD_BYTES).contains(&usize::from(*length)))
        .ok_or(DatagramError::Length(length))
}
