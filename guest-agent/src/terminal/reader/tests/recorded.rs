//! What the real commands have written into an 80-column terminal (60 columns in one case), with shorter addresses.

use super::*;

const CODEX: &str = "https://auth.openai.com/oauth/authorize?response_type=code&client_id=app_EMoamEEZ73f0CkXaXp7hrann\
    &redirect_uri=http%3A%2F%2F127.0.0.1%3A1455%2Fauth%2Fcallback&code_challenge=O89FoJp1RkN0yfd0HoN16scaZtedzDI4FFOevAY5674\
    &state=QrYIWQNX912Qd4UGQmBLYunuREJj7KBx_Nr6Y7GCf64&originator=codex-tui";

/// Codex 0.169.0, full screen: rows are drawn by position, and only what differs from the frame before.
#[test]
fn codex_breaks_its_address_and_indents_the_first_row() {
    let menu = "\x1b[?1049h\x1b[1;1H\x1b[J\x1b[7;1H \x1b[8;1H  2. Sign in with Device Code\x1b[9;1H\x1b[2m     Sign in from \
        another device with a one-time code\x1b[14;1H\x1b[2m  Press \x1b[22m\x1b[1menter\x1b[22m\x1b[2m to continue";
    let page = format!(
        "\x1b[?2026h\x1b[3;3H\x1b[2mFinish signing in via your browser\x1b[6;1H \x1b[7;3H\x1b[4m\x1b[38;5;6;49m{}\x1b[8;1H{}\
         \x1b[9;1H{}\x1b[10;1H{}\x1b[K\x1b[14;1H\x1b[24m\x1b[39;49m  On a remote or headless\x1b[14;27Hmachine?\x1b[?2026l",
        &CODEX[..78],
        &CODEX[78..158],
        &CODEX[158..238],
        &CODEX[238..]
    );
    assert_eq!(addresses(&[menu, &page]), [CODEX]);
    // It is the same as in the link that the real one puts around it, and so is told once.
    let link = format!("\x1b]8;;{CODEX}\x07");
    assert_eq!(addresses(&[menu, &link, &page]), [CODEX]);
}

const CLAUDE: &str = "https://claude.com/cai/oauth/authorize?code=true&client_id=9d1c250a-e61b-44d9-88ed-5944d1962f5e&response_type=code\
    &redirect_uri=https%3A%2F%2Fplatform.claude.com%2Foauth%2Fcode%2Fcallback&scope=user%3Ainference\
    &code_challenge=eu9AIrmXoW4TOZXMKU_BlNOCaMLJoj-fKpg2BIBjliw&state=GZhpyyAklQFJGSZ19zh5vtsC7cZCstBnQ7yQUbRacdY";

/// Claude Code 2.1.197: at the first column, with ways to the right in place of spaces.
#[test]
fn claude_breaks_its_address_at_the_side() {
    let rows: Vec<String> = CLAUDE
        .as_bytes()
        .chunks(80)
        .map(|row| format!("\x1b[38;5;246m{}\x1b[39m\r\r\n", str::from_utf8(row).unwrap()))
        .collect();
    let spinner = "\x1b[2G\x1b[38;5;231m✢\x1b[4G\x1b[39mOpening\x1b[12Gbrowser\x1b[20Gto\x1b[23Gsign\x1b[28Gin…\r\r\n\r\x1b[1C\x1b[1A";
    let question = "\r\r\n\r\r\n\x1b[2GPaste\x1b[8Gcode\x1b[13Ghere\x1b[18Gif\x1b[21Gprompted\x1b[30G>\r\r\n";
    let page =
        format!("Browser didn't open? Use the url below to sign in (c to copy)\r\r\n\r\r\n{}", rows.concat());
    let read = read(SIZE, &[spinner, &page, question]);
    assert_eq!(read.addresses, [CLAUDE]);
    assert!(read.lines.iter().any(|line| line == " Paste code here if prompted >"), "{:?}", read.lines);
    assert!(read.text.contains("Paste code here if prompted >"), "{:?}", read.text);
}

/// Claude Code 2.1.330, 60 columns.
#[test]
fn claude_puts_each_row_into_a_link_of_its_own() {
    let address = "https://claude.ai/oauth/authorize?I9zO2yq7RQLtuWgdQZtnFRXgqoZXEZtswJnvB47jANhI";
    let row =
        |text: &str| format!("\x1b]8;id=qcbf8o;{address}\x07\x1b[38;5;246m{text}\x1b[39m\x1b]8;;\x07\r\r\n");
    let size = Size { columns: 60, rows: 24 };
    assert_eq!(read(size, &[&row(&address[..60]), &row(&address[60..]), "\r\r\n"]).addresses, [address]);
}

const GEMINI: &str = "https://accounts.google.com/o/oauth2/v2/auth?redirect_uri=http%3A%2F%2F127.0.0.1%3A34587%2Foauth2callback\
    &access_type=offline&scope=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcloud-platform\
    &state=635a090531db161aac73c6697516b6541fa02185449e87ac0811ebf2e80726db&response_type=code\
    &client_id=681255809395-oo8ft2oprdrnp9e3aqf6av3hmdib135j.apps.googleusercontent.com";

/// Gemini CLI 0.61.0: frames that are erased from below and drawn again twelve times a second, without ever a pause.
#[test]
fn gemini_indents_every_row_and_never_pauses() {
    let rows: String = GEMINI
        .as_bytes()
        .chunks(78)
        .map(|row| format!("  \x1b[38;5;147m{}\x1b[39m\r\n", str::from_utf8(row).unwrap()))
        .collect();
    let side = "\x1b[38;5;244m│\x1b[39m";
    let frame = |spinner: char| {
        let line = format!(" {spinner} Waiting for authentication... (Press Esc or Ctrl+C to cancel)");
        format!("\r\n╭{0}╮\r\n{side}{line:78}{side}\r\n╰{0}╯\r\n", "─".repeat(78))
    };
    let erase = "\x1b[2K\x1b[1A".repeat(4) + "\x1b[2K\x1b[G";
    let message = format!("{erase}\x1b[38;5;229mℹ Attempting to open\x1b[39m\r\n{rows}\r\n");
    let mut reader = Reader::new(SIZE);
    let start = Instant::now();
    let mut found = Vec::new();
    for (step, piece) in [
        frame('⠋'),
        message + &frame('⠙'),
        format!("{erase}{}", frame('⠹')),
        format!("{erase}{}", frame('⠸')),
    ]
    .into_iter()
    .enumerate()
    {
        let now = start + Duration::from_millis(80) * u32::try_from(step).unwrap();
        found.extend(reader.feed(piece.as_bytes(), now).addresses);
    }
    assert_eq!(found, [GEMINI]);
}

/// `claude setup-token` prints its token once, 108 characters of it.
#[test]
fn a_token_is_one_piece_of_a_line() {
    let token = format!("sk-ant-oat01-{}", "aB3_-".repeat(19));
    assert_eq!(token.len(), 108);
    let page = format!(
        "\x1b[2GYour\x1b[7GOAuth\x1b[13Gtoken:\r\r\n\r\r\n\x1b[38;5;220m{}\x1b[39m\r\r\n\x1b[38;5;220m{}\x1b[39m\r\r\n\r\r\n\
         \x1b[2GStore\x1b[8Gthis\x1b[13Gtoken\x1b[19Gsecurely.\r\r\n",
        &token[..80],
        &token[80..]
    );
    let lines = read(SIZE, &[&page]).lines;
    assert_eq!(lines, [" Your OAuth token:", token.as_str(), " Store this token securely."]);
}
