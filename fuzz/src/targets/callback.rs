//! Callbacks that arrive elsewhere and are handed on: only ever to the port of loopback that the sign-in address names, and
//! only with its state.

use anteroom_agent::fuzzing::{Replay, replay, replay_pasted};
use hyper::Uri;
use url::Url;

use crate::input::Input;

pub(crate) fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let is_pasted = *input.choice(&[false, true]);
    let (Ok(sign_in), Ok(callback)) = (str::from_utf8(input.line()), str::from_utf8(input.rest())) else {
        return;
    };
    let replay = if is_pasted { replay_pasted(sign_in, callback) } else { replay(sign_in, callback) };
    let Some(Replay { host, port, path_and_query }) = replay else { return };

    let sign_in = Url::parse(sign_in).expect("an address");
    let redirect = parameter(&sign_in, "redirect_uri").expect("a redirect URI");
    let redirect = Url::parse(&redirect).expect("an address");
    assert!(["localhost", "127.0.0.1", "[::1]"].contains(&host.as_str()), "{host} is not here");
    assert_eq!((redirect.scheme(), redirect.host_str()), ("http", Some(host.as_str())));
    assert_eq!(redirect.port_or_known_default(), Some(port));

    assert!(path_and_query.bytes().all(|byte| byte.is_ascii_graphic()), "{path_and_query:?} is no request");
    path_and_query.parse::<Uri>().expect("a request's target");
    let sent = Url::parse(&format!("http://{host}:{port}{path_and_query}")).expect("an address");
    assert_eq!((sent.path(), sent.host_str()), (redirect.path(), Some(host.as_str())));
    assert!(parameter(&sent, "code").is_some() || parameter(&sent, "error").is_some());
    if let Some(state) = parameter(&sign_in, "state") {
        assert_eq!(parameter(&sent, "state"), Some(state));
    }
    if is_pasted {
        let pasted = Url::parse(callback.trim()).expect("an address");
        assert_eq!((pasted.port_or_known_default(), pasted.path()), (Some(port), redirect.path()));
    }
}

fn parameter(url: &Url, wanted: &str) -> Option<String> {
    let mut pairs = url.query_pairs().filter(|(name, value)| name == wanted && !value.is_empty());
    pairs.next().map(|(_, value)| value.into_owned())
}
