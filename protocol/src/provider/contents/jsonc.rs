//! JSON with comments, made plain JSON: `// ...` and `/* ... */` outside of strings become spaces.

/// What the bytes read so far have opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Nothing,
    Text,
    Line,
    Block,
}

/// `None` when a block comment has no end.
pub(super) fn without_comments(contents: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(contents.len());
    let mut within = Within::Nothing;
    let mut rest = contents;
    while let Some(&byte) = rest.first() {
        let (now, taken) = match (within, rest) {
            (Within::Nothing, [b'"', ..]) => (Within::Text, 1),
            (Within::Nothing, [b'/', b'/', ..]) => (Within::Line, 2),
            (Within::Nothing, [b'/', b'*', ..]) => (Within::Block, 2),
            // What is escaped ends no string.
            (Within::Text, [b'\\', _, ..]) => (Within::Text, 2),
            (Within::Text, [b'"', ..]) | (Within::Line, [b'\n', ..]) => (Within::Nothing, 1),
            (Within::Block, [b'*', b'/', ..]) => (Within::Nothing, 2),
            _ => (within, 1),
        };
        let (these, more) = rest.split_at(taken);
        let comment = |within| matches!(within, Within::Line | Within::Block);
        if byte != b'\n' && (comment(within) || comment(now)) {
            plain.resize(plain.len() + taken, b' ');
        } else {
            plain.extend_from_slice(these);
        }
        (within, rest) = (now, more);
    }
    (within != Within::Block).then_some(plain)
}
