//! The one thing that has to be read of a viewer's packets: for whom its connectivity check is.
//!
//! A check is a binding request of STUN (RFC 8489 section 5) whose `USERNAME` is made of two names, the called agent's first
//! (RFC 8445 section 7.2.2). Whether its sender knows the password too, the called agent finds out.

#[cfg(test)]
mod tests;

const HEADER_BYTES: usize = 20;
const BINDING_REQUEST: u16 = 0x0001;
const MAGIC_COOKIE: u32 = 0x2112_A442;
const USERNAME: u16 = 0x0006;
/// RFC 8489 section 14.3: fewer than 509 bytes.
const MAX_USERNAME_BYTES: usize = 508;
/// RFC 8839 section 5.4: 4 to 256 characters.
const MAX_UFRAG_BYTES: usize = 256;

/// The name (`ice-ufrag`) of the agent that a connectivity check is for; `None` when these bytes are no such check.
#[must_use]
pub fn called(packet: &[u8]) -> Option<&str> {
    let (header, mut attributes) = packet.split_at_checked(HEADER_BYTES)?;
    if number(header, 0)? != BINDING_REQUEST
        || usize::from(number(header, 2)?) != attributes.len()
        || attributes.len() % 4 != 0
        || header.get(4..8)? != MAGIC_COOKIE.to_be_bytes()
    {
        return None;
    }
    while !attributes.is_empty() {
        let (kind, length) = (number(attributes, 0)?, usize::from(number(attributes, 2)?));
        let value = attributes.get(4..4 + length)?;
        if kind == USERNAME {
            return called_in(value);
        }
        // Values are padded to whole words.
        attributes = attributes.get(4 + length.next_multiple_of(4)..)?;
    }
    None
}

fn called_in(username: &[u8]) -> Option<&str> {
    if username.len() > MAX_USERNAME_BYTES {
        return None;
    }
    let (called, calling) = std::str::from_utf8(username).ok()?.split_once(':')?;
    (is_ufrag(called) && is_ufrag(calling)).then_some(called)
}

/// Whether this can be the name of an ICE agent: 4 to 256 letters, digits, `+` and `/` (RFC 8839 section 5.4).
#[must_use]
pub fn is_ufrag(text: &str) -> bool {
    (4..=MAX_UFRAG_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

fn number(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2).map(|two| u16::from_be_bytes([two[0], two[1]]))
}
