use proptest::prelude::*;

use tokio::net::{TcpListener, TcpStream};

use super::{Callback, NotOurs, Verdict, judge, reception};
use crate::http;
use crate::secret::Secret;
use crate::serve::serve;

fn judged(query: &str) -> Result<Callback, NotOurs> {
    judge(&Secret::new("right"), query)
}

#[test]
fn a_code_with_the_right_state_is_taken() {
    assert_eq!(judged("code=c%2F1&state=right"), Ok(Callback::Code(Secret::new("c/1"))));
}

#[test]
fn an_error_with_the_right_state_is_taken_even_beside_a_code() {
    assert_eq!(judged("error=access_denied&state=right"), Ok(Callback::Refused("access_denied".to_owned())));
    assert_eq!(judged("code=c&error=e&state=right"), Ok(Callback::Refused("e".to_owned())));
}

#[test]
fn what_has_not_the_right_state_is_not_ours() {
    for query in [
        "",
        "code=c",
        "code=c&state=",
        "code=c&state=wrong",
        "code=c&state=right&state=right",
        "error=e&state=Right",
    ] {
        assert_eq!(judged(query), Err(NotOurs), "{query}");
    }
}

#[test]
fn neither_code_nor_error_is_not_ours() {
    assert_eq!(judged("state=right"), Err(NotOurs));
    assert_eq!(judged("state=right&code="), Err(NotOurs));
}

proptest! {
    #[test]
    fn no_error_can_upset_the_terminal(error in "\\PC*|[\\x00-\\x1f\\x7f]+") {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("error", &error)
            .append_pair("state", "right")
            .finish();
        if let Ok(Callback::Refused(shown)) = judged(&query) {
            prop_assert!(shown.bytes().all(|b| (0x20..0x7f).contains(&b)));
            prop_assert!(shown.len() <= 1000);
        }
    }
}

#[tokio::test]
async fn a_browser_that_comes_twice_is_told_the_same_once_it_is_known() {
    let (router, mut desk) = reception(Secret::new("right"));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, router, std::future::pending()));
    let visit = async || {
        let connection = TcpStream::connect(address).await.unwrap();
        http::get(connection, "localhost", "/callback?code=c&state=right").await.unwrap()
    };
    let decide = async {
        assert_eq!(desk.callbacks.recv().await, Some(Callback::Code(Secret::new("c"))));
        desk.verdict.send_replace(Some(Verdict::Failed { cause: "the <cause>".to_owned() }));
    };
    let (one, other, ()) = tokio::join!(visit(), visit(), decide);
    assert!(String::from_utf8_lossy(one.body()).contains("<p>the &lt;cause&gt;.</p>"));
    assert_eq!(one.body(), other.body());
}
