//! Whether somebody out there is connected to this machine, as `/proc/net/tcp` and `tcp6` tell it (proc(5)).

use std::{
    fs::File,
    io::{self, Read as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

const TABLES: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];
/// Thousands of connections; a guest that waits for its sign-in has a dozen.
const MOST_BYTES: u64 = 1024 * 1024;
/// `TCP_ESTABLISHED` of linux/tcp_states.h.
const ESTABLISHED: &str = "01";

/// An established connection that leads out of this machine, if there is one.
///
/// # Errors
/// When the tables cannot be read, or are larger than they can be.
pub(super) fn outside_connection() -> io::Result<Option<IpAddr>> {
    for table in TABLES {
        let file = match File::open(table) {
            // A kernel without IPv6.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            file => file?,
        };
        let mut text = String::new();
        if file.take(MOST_BYTES).read_to_string(&mut text)? as u64 == MOST_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let found = outside(&text)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// The far end of the first established connection of the table that has not both ends on loopback.
fn outside(table: &str) -> io::Result<Option<IpAddr>> {
    for line in table.lines().skip(1) {
        let ends = ends(line).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
        if let Some((local, remote)) = ends
            && !(local.is_loopback() && remote.is_loopback())
        {
            return Ok(Some(remote));
        }
    }
    Ok(None)
}

/// `N: LOCAL:PORT REMOTE:PORT STATE ...`: nothing inside for another state than established.
fn ends(line: &str) -> Option<Option<(IpAddr, IpAddr)>> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let (local, remote, state) = (words.next()?, words.next()?, words.next()?);
    let ends = (address(local)?, address(remote)?);
    Some((state == ESTABLISHED).then_some(ends))
}

/// Hexadecimal words of 32 bits, each as the processor reads the four bytes of the network.
fn address(text: &str) -> Option<IpAddr> {
    let (digits, _port) = text.split_once(':')?;
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let word = |index: usize| {
        let digits = digits.get(8 * index..8 * index + 8)?;
        u32::from_str_radix(digits, 16).ok().map(u32::to_ne_bytes)
    };
    match digits.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let octets: [u8; 16] = words.concat().try_into().ok()?;
            Some(Ipv6Addr::from(octets).to_canonical())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n";

    fn found(line: &str) -> Option<String> {
        outside(&format!("{HEAD}{line}\n")).unwrap().map(|address| address.to_string())
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn only_established_connections_with_an_end_outside_count() {
        assert_eq!(found("0: 0F02000A:D431 08080808:01BB 01 0:0 0:0 0 1000 0 1"), Some("8.8.8.8".to_owned()));
        assert_eq!(
            found("0: 0F02000A:D431 08080808:01BB 06 0:0 0:0 0 1000 0 1"),
            None,
            "it waits for its end"
        );
        assert_eq!(found("0: 0100007F:170C 0100007F:D431 01 0:0 0:0 0 1000 0 1"), None);
        assert_eq!(found("0: 00000000:1F90 00000000:0000 0A 0:0 0:0 0 1000 0 1"), None, "it listens");
        let v6 = |local: &str, remote: &str| found(&format!("0: {local}:0016 {remote}:0016 01 0:0"));
        let (here, mapped) = ("00000000000000000000000001000000", "0000000000000000FFFF00000100007F");
        assert_eq!(v6(here, here), None);
        assert_eq!(v6(mapped, mapped), None);
        let there = "B80D0120000000000000000001000000";
        assert_eq!(v6(there, there), Some("2001:db8::1".to_owned()));
    }

    #[test]
    fn a_table_that_is_none_is_an_error_and_not_an_absence() {
        for bad in [
            "0: 0F02000A:D431 08080808:01BB",
            "0: 0F02000:D431 08080808:01BB 01",
            "0: +F02000A:1 08080808:1 01",
        ] {
            assert!(outside(&format!("{HEAD}{bad}\n")).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_tables_of_this_machine_are_read() {
        outside_connection().unwrap();
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,400}") {
            let _ = outside(&text);
            let _ = ends(&text);
        }
    }
}
