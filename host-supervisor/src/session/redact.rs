//! What a CLI said last, without what could be secret in it: these lines are stored and shown.
//!
//! Sign-in addresses carry `state` in their query, and some CLIs print tokens. A person who reads why a sign-in failed
//! needs the words around them, not them.

/// Longest run of token characters that stays, UUIDs aside. Words, parts of paths and ports are shorter; `state`, PKCE
/// challenges and tokens are longer.
const MAX_RUN: usize = 32;
const HIDDEN: &str = "[...]";

/// The line without queries of addresses and without long runs of token characters.
pub(super) fn line(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    for (index, word) in line.split(' ').enumerate() {
        if index > 0 {
            shown.push(' ');
        }
        match word.split_once(['?', '#']) {
            Some((address, _)) if address.contains("://") => {
                push_runs(&mut shown, address);
                shown.push('?');
                shown.push_str(HIDDEN);
            }
            _ => push_runs(&mut shown, word),
        }
    }
    shown
}

fn push_runs(shown: &mut String, word: &str) {
    let is_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let is_secret = |run: &str| run.len() > MAX_RUN && run.parse::<anteroom_protocol::SessionId>().is_err();
    let mut rest = word;
    while !rest.is_empty() {
        let run = rest.find(|c| !is_token(c)).unwrap_or(rest.len());
        shown.push_str(if is_secret(&rest[..run]) { HIDDEN } else { &rest[..run] });
        let next = rest[run..].find(is_token).map_or(rest.len(), |breaks| run + breaks);
        shown.push_str(&rest[run..next]);
        rest = &rest[next..];
    }
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn words_paths_ids_and_ports_stay() {
        for text in [
            "error: listen EADDRINUSE: address already in use 127.0.0.1:1455",
            "/usr/lib/node_modules/@google/gemini-cli/bundle/gemini.js:12:7",
            "session 8f14e45f-ceea-467f-a8b8-4a1d8a5b1c2d ended",
            "is this right? yes",
            "",
        ] {
            assert_eq!(line(text), text);
        }
    }

    #[test]
    fn the_query_of_an_address_is_hidden() {
        let text = "open https://auth.example.com/oauth/authorize?client_id=c&state=abc to sign in";
        assert_eq!(line(text), "open https://auth.example.com/oauth/authorize?[...] to sign in");
        assert_eq!(line("http://localhost:1/callback#t=1"), "http://localhost:1/callback?[...]");
    }

    #[test]
    fn tokens_and_pieces_of_wrapped_addresses_are_hidden() {
        let token = "sk-ant-oat01-AbCdEfGhIjKlMnOpQrStUvWxYz0123456789";
        assert!(!line(token).contains("AbCdEf"), "{}", line(token));
        let piece = "&code_challenge=E9Melhoa2OwvFrEMTJguCHao-K1t8URWbuGJSstw-cM&x=1";
        assert_eq!(line(piece), "&code_challenge=[...]&x=1");
    }
}
