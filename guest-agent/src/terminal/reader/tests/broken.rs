//! Rows that a program breaks itself, and those that only look like it.

use super::*;

/// How the program draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Row after row.
    LineFeeds,
    /// Each row at its position.
    Positions,
    /// Between the sides of a frame.
    Framed,
    /// Erased from below and drawn again.
    Redrawn,
}

#[derive(Debug, Clone)]
struct Drawn {
    address: String,
    size: Size,
    style: Style,
    first_indent: usize,
    indent: usize,
    margin: usize,
    below: &'static str,
}

impl Drawn {
    /// The rows of the address, each with its indentation.
    fn rows(&self) -> Vec<String> {
        let width =
            usize::from(self.size.columns) - self.margin - if self.style == Style::Framed { 2 } else { 0 };
        let mut rest = self.address.as_str();
        let mut rows = Vec::new();
        while !rest.is_empty() {
            let indent = if rows.is_empty() { self.first_indent } else { self.indent };
            let (row, more) = rest.split_at((width - indent).min(rest.len()));
            rows.push(" ".repeat(indent) + row);
            rest = more;
        }
        rows
    }

    /// What the program writes; the last row is not part of the address.
    fn bytes(&self) -> Vec<u8> {
        let mut rows = self.rows();
        let fits = rows.len() + 2 <= usize::from(self.size.rows);
        rows.push(self.below.to_owned());
        let feeds = rows.iter().map(|row| format!("{row}\r\n")).collect::<String>();
        let text = match self.style {
            Style::Positions if fits => {
                let at = |(index, row): (usize, &String)| format!("\x1b[{};1H{row}", index + 1);
                rows.iter().enumerate().map(at).collect()
            }
            Style::Redrawn if fits => {
                let erase = "\x1b[2K\x1b[1A".repeat(rows.len()) + "\x1b[2K\x1b[G";
                format!("{feeds}{erase}{feeds}{erase}{feeds}")
            }
            Style::Framed => {
                let inner = usize::from(self.size.columns) - 2;
                rows.iter().map(|row| format!("│{row:inner$}│\r\n")).collect()
            }
            Style::LineFeeds | Style::Positions | Style::Redrawn => feeds,
        };
        text.into_bytes()
    }

    /// A program that breaks at words puts a word that fits there into the next row.
    fn is_sensible(&self) -> bool {
        let width =
            usize::from(self.size.columns) - self.margin - if self.style == Style::Framed { 2 } else { 0 };
        let length = self.address.len();
        length + self.first_indent <= width || length + self.indent > width
    }
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let style = prop_oneof![
        Just(Style::LineFeeds),
        Just(Style::Positions),
        Just(Style::Framed),
        Just(Style::Redrawn)
    ];
    let below = prop_oneof![Just(""), Just("two words"), Just("  > _"), Just("────────"), Just("Waiting...")];
    let size = (20u16..=200, 4u16..=60).prop_map(|(columns, rows)| Size { columns, rows });
    let query = "[A-Za-z0-9%&=_+-]{0,400}[A-Za-z0-9]";
    (query, size, style, 0usize..=4, 0usize..=4, 0usize..=2, below)
        .prop_map(|(query, size, style, first_indent, indent, margin, below)| Drawn {
            address: format!("https://a.example/x?{query}"),
            size,
            style,
            first_indent,
            indent,
            margin,
            below,
        })
        .prop_filter("words that fit are not broken", Drawn::is_sensible)
}

proptest! {
    #[test]
    fn an_address_that_a_program_breaks_is_found_whole_and_nothing_else(
        drawn in drawn(),
        chunks in proptest::collection::vec((1usize..60, 0u64..100), 1..50),
    ) {
        let bytes = drawn.bytes();
        let mut reader = Reader::new(drawn.size);
        let mut now = Instant::now();
        let mut found = Read::default();
        let mut rest = bytes.as_slice();
        for (length, pause_ms) in chunks.iter().cycle() {
            let (chunk, more) = rest.split_at((*length).min(rest.len()));
            found.add(reader.feed(chunk, now));
            now += Duration::from_millis(*pause_ms);
            rest = more;
            if rest.is_empty() {
                break;
            }
        }
        found.add(reader.pause());
        prop_assert_eq!(&found.addresses, std::slice::from_ref(&drawn.address));
        prop_assert!(found.lines.iter().any(|line| line.trim() == drawn.address), "{:?}", found.lines);
    }

    #[test]
    fn an_address_that_the_terminal_wraps_ends_where_its_line_ends(
        before in "[a-z:] {0,30}",
        query in "[A-Za-z0-9%&=_+-]{0,400}[A-Za-z0-9]",
        below in "[A-Za-z0-9]{1,20}",
        columns in 20u16..=200,
        rows in 2u16..=60,
    ) {
        let address = format!("https://a.example/x?{query}");
        let is_broken_by_chance = before.len() + address.len() <= usize::from(columns);
        prop_assume!(!is_broken_by_chance);
        let text = format!("{before}{address}\r\n{below}\r\n");
        let found = read(Size { columns, rows }, &[&text]);
        prop_assert_eq!(found.addresses, [address]);
    }
}

fn rows(columns: u16, rows: &[&str]) -> Read {
    let text: String = rows.iter().map(|row| format!("{row}\r\n")).collect();
    read(Size { columns, rows: 24 }, &[&text])
}

#[test]
fn words_of_a_text_stay_words() {
    let found = rows(40, &["Please enter this one-time code in the", "ABCD-1234", "of your browser"]);
    assert_eq!(found.lines, ["Please enter this one-time code in the", "ABCD-1234", "of your browser"]);
    // This address would have fit into the second row, so it was not broken.
    let found = rows(40, &["Sign in: https://a.example/authorize?x=1", "Waiting"]);
    assert_eq!(found.addresses, ["https://a.example/authorize?x=1"]);
}

#[test]
fn addresses_in_a_list_stay_apart() {
    let list = ["https://a.example/x?state=12345", "https://a.example/x?state=67890", "https://b.example/"];
    assert_eq!(rows(31, &list).addresses, list);
}

#[test]
fn a_place_that_ends_at_the_edge_by_chance_is_told_behind_what_it_could_be() {
    let found = rows(28, &["https://a.example/login/code", "ABCD-1234", "", ""]);
    assert_eq!(found.addresses, ["https://a.example/login/codeABCD-1234", "https://a.example/login/code"]);
    // Half a query would pass for an address.
    let found = rows(28, &["https://a.example/?state=123", "45678", "", ""]);
    assert_eq!(found.addresses, ["https://a.example/?state=12345678"]);
}

#[test]
fn a_sentence_below_an_address_is_not_part_of_it() {
    let found = rows(28, &["https://a.example/?state=123", "Waiting..."]);
    assert_eq!(found.addresses, ["https://a.example/?state=123"]);
    let found = rows(28, &["https://a.example/?state=123", "      right"]);
    assert_eq!(found.addresses, ["https://a.example/?state=123"], "too far in");
}

#[test]
fn only_rows_that_end_at_one_column_belong_together() {
    let found = rows(30, &["https://a.example/x?state=1234", "abcdefghijklmnopqrstuvwxyz12", "word"]);
    assert_eq!(found.addresses, ["https://a.example/x?state=1234abcdefghijklmnopqrstuvwxyz12"]);
}

#[test]
fn wide_characters_take_two_columns() {
    // 6 columns, 34 columns.
    let found = rows(40, &["打开 https://a.example/authorize?state=ab", "cdefghij1234567890", ""]);
    assert_eq!(found.addresses, ["https://a.example/authorize?state=ab"], "it would have fit");
    let found = rows(40, &["打: https://a.example/authorize?state=12", "345678901234567890abcdef", ""]);
    assert_eq!(found.addresses, ["https://a.example/authorize?state=12345678901234567890abcdef"]);
}
