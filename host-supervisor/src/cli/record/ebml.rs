//! EBML (RFC 8794), as much of it as a film needs: elements of an id, a size, and what is in them.

/// Of an element whose end nobody knows so far, in eight bytes.
pub(super) const UNKNOWN_SIZE: [u8; 8] = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
/// The id of what is skipped by whoever reads.
const VOID: u32 = 0xec;

/// Ids have one to four bytes; which of them, they say themselves.
pub(super) fn id_bytes(id: u32) -> Vec<u8> {
    id.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect()
}

pub(super) fn element(id: u32, payload: &[u8]) -> Vec<u8> {
    [&id_bytes(id), &size(payload.len()), payload].concat()
}

/// One that has others in it.
pub(super) fn parent(id: u32, children: &[Vec<u8>]) -> Vec<u8> {
    element(id, &children.concat())
}

/// In eight bytes, so that its length is known before its value.
pub(super) fn number(id: u32, value: u64) -> Vec<u8> {
    element(id, &value.to_be_bytes())
}

pub(super) fn float(id: u32, value: f64) -> Vec<u8> {
    element(id, &value.to_be_bytes())
}

pub(super) fn text(id: u32, value: &str) -> Vec<u8> {
    element(id, value.as_bytes())
}

/// Room of so many bytes for something that is known later: two at least, and 128 at most.
pub(super) fn room(bytes: usize) -> Vec<u8> {
    element(VOID, &vec![0; bytes - 2])
}

/// The shortest that holds it: as many zero bits as there are bytes behind the first, and a one. All ones would mean that it is unknown.
fn size(length: usize) -> Vec<u8> {
    let length = length as u64;
    let bytes = (1..8).find(|bytes| length < (1 << (7 * bytes)) - 1).unwrap_or(8);
    (length | 1 << (7 * bytes)).to_be_bytes()[8 - bytes..].to_vec()
}

/// In eight bytes, where it was unknown before.
pub(super) fn long_size(length: u64) -> [u8; 8] {
    (length | 1 << 56).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_has_its_id_the_shortest_size_and_its_payload() {
        assert_eq!(element(0x1a45_dfa3, b"x"), [0x1a, 0x45, 0xdf, 0xa3, 0x81, b'x']);
        assert_eq!(number(0xd7, 258), [0xd7, 0x88, 0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(room(11), [0xec, 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        for (length, expected) in [
            (0, vec![0x80]),
            (126, vec![0xfe]),
            (127, vec![0x40, 127]),
            (0x3ffe, vec![0x7f, 0xfe]),
            (0x3fff, vec![0x20, 0x3f, 0xff]),
            (1 << 28, vec![0x08, 0x10, 0, 0, 0]),
        ] {
            assert_eq!(size(length), expected, "{length}");
        }
        assert_eq!(long_size(1000), [1, 0, 0, 0, 0, 0, 3, 0xe8]);
    }
}
