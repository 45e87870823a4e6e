//! Prompts: from the call to the CLI's answer, in a user's VM whose kernel is played by the test and whose programs are real.

use std::{sync::Arc, time::Duration};

use anteroom_protocol::EventBody;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    event_stream::EventStream,
    guest::Guest,
    service::{Answer, PATIENCE, Service, answer, log},
    sign_in::complete,
};

const CREDENTIALS: &str = ".anteroom-demo/credentials.json";
/// A CLI that says what it was asked, in the form that the demo's definition describes.
pub(crate) const SAYS: &str = r#"read -r question
echo '{"type":"start"}'
printf '{"type":"text","text":"You said "}\n{"type":"text","text":"%s"}\n' "$question"
echo '{"type":"usage","usage":{"input_tokens":2,"output_tokens":3}}'"#;

/// What makes a call wrong.
type Change<'a> = &'a dyn Fn(&mut Value);

fn ask(user: &str, text: &str) -> Value {
    json!({ "userId": user, "provider": "demo", "prompt": text })
}

/// Someone who has signed in.
async fn signed_in(service: &Service, user: &str, token: &str) -> String {
    let (session, guest) = service.session(user).await;
    complete(service, &session, &guest, token).await;
    session
}

/// What is asked in a VM that comes up, with this for its CLI.
struct Asked {
    stream: Stream,
    guest: Arc<Guest>,
}

/// What a prompt tells.
struct Stream(EventStream);

impl Stream {
    async fn open(service: &Service, body: &Value) -> Self {
        let request = service.request(Method::POST, "/api/prompts/execute").bearer_auth(&service.key);
        Self(EventStream::open(request.json(body)).await)
    }

    async fn again(service: &Service, prompt: &str, last: &str) -> Self {
        let path = format!("/api/prompts/{prompt}/events");
        let request =
            service.request(Method::GET, &path).bearer_auth(&service.key).header("last-event-id", last);
        Self(EventStream::open(request).await)
    }

    /// The next one, with its number; nothing at the end.
    async fn next(&mut self) -> Option<(u64, Value)> {
        let event = self.0.next().await?;
        Some((event.id.parse().unwrap(), event.data))
    }

    async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let (_, event) = self.next().await.expect("another event");
            if wanted(&event) {
                return event;
            }
        }
    }

    async fn rest(mut self) -> Vec<Value> {
        let mut events = Vec::new();
        while let Some((_, event)) = self.next().await {
            events.push(event);
        }
        events
    }
}

/// The text of all chunks.
fn text(events: &[Value]) -> String {
    events.iter().filter_map(|event| event["text"].as_str()).collect()
}

impl Asked {
    async fn begin(service: &Service, body: &Value, program: &str) -> Self {
        let mut stream = Stream::open(service, body).await;
        assert_eq!(stream.0.status(), StatusCode::OK);
        let starting = stream.until(|event| event["status"] == "starting").await;
        let guest = service.stage.guest_of(starting["vmId"].as_str().unwrap()).await;
        guest.home.has_program("anteroom-demo", program);
        guest.tells(EventBody::DesktopReady);
        Self { stream, guest }
    }
}

async fn shown(service: &Service, prompt: &Value) -> Value {
    service.get(&format!("/api/prompts/{}", prompt.as_str().unwrap())).await.body["prompt"].clone()
}

#[tokio::test]
async fn a_prompt_is_answered_piece_by_piece_with_the_credentials_that_were_captured() {
    let service = Service::start().await;
    signed_in(&service, "ann", "planted-access").await;
    let mut body = ask("ann", "planted-question");
    body["files"] = json!([{ "path": "in/notes.txt", "contents": "aGk=", "encoding": "base64" }]);
    let script = format!("[ \"$1\" = status ] && exit 0\ncat in/notes.txt >&2\n{SAYS}");
    let Asked { stream, guest } = Asked::begin(&service, &body, &script).await;
    let events = stream.rest().await;
    assert_eq!(text(&events), "You said planted-question");
    assert_eq!(events.last().unwrap()["type"], "done");
    assert_eq!(events.last().unwrap()["usage"]["output_tokens"], 3);
    assert!(events.iter().any(|event| event["event"]["type"] == "start"), "the CLI's own events");

    assert_eq!(guest.spec.memory_mib, 2048);
    assert!(guest.home.credentials()[0].contains("planted-access"));
    let written = guest.home.path.path().join("work/in/notes.txt");
    assert_eq!(std::fs::read_to_string(written).unwrap(), "hi");
    for command in guest.home.commands() {
        assert!(!command.argv.concat().contains("planted"), "{:?}", command.argv);
    }
    assert!(!log().contains("planted-question"));

    let list = service.get("/api/prompts").await.body["prompts"].clone();
    assert_eq!(
        (&list[0]["status"], &list[0]["exitCode"], &list[0]["userId"]),
        (&json!("done"), &json!(0), &json!("ann"))
    );
    let vm = service.get(&format!("/api/vms/{}", guest.spec.id)).await.body["vm"].clone();
    assert_eq!(
        (&vm["type"], &vm["status"], &vm["user_id"]),
        (&json!("cli"), &json!("running"), &json!("ann"))
    );

    // The next one is asked in the same VM, and finds everything in its place.
    let puts = guest.home.puts();
    let events = Stream::open(&service, &ask("ann", "again")).await.rest().await;
    assert_eq!(text(&events), "You said again");
    assert_eq!((service.stage.guests().len(), guest.home.puts()), (2, puts));
    service.stop().await;
    assert!(!guest.is_running());
}

#[tokio::test]
async fn whoever_has_not_signed_in_is_told_so_and_no_vm_is_started() {
    let service = Service::start().await;
    let events = Stream::open(&service, &ask("ann", "hi")).await.rest().await;
    assert_eq!((&events[0]["type"], &events[1]["code"]), (&json!("connected"), &json!("not_signed_in")));
    assert!(service.stage.guests().is_empty());
    let prompt = shown(&service, &events[0]["promptId"]).await;
    assert_eq!((&prompt["status"], &prompt["failure"]["code"]), (&json!("failed"), &json!("not_signed_in")));
    service.stop().await;
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_before_anything_is_started() {
    let service = Service::start().await;
    let post = async |change: Change<'_>| -> Answer {
        let mut body = ask("ann", "hi");
        change(&mut body);
        service.post("/api/prompts/execute", &body).await
    };
    let cases: [(Change<'_>, &str); 7] = [
        (&|body| body["provider"] = json!("nobody"), "unknown_provider"),
        (&|body| body["prompt"] = json!(" \n"), "invalid_prompt"),
        (&|body| body["cwd"] = json!("a\u{0}b"), "invalid_prompt"),
        (&|body| body["files"] = json!([{ "path": "", "contents": "" }]), "invalid_prompt"),
        (
            &|body| body["files"] = json!([{ "path": "a", "contents": "%", "encoding": "base64" }]),
            "invalid_prompt",
        ),
        (&|body| body["options"] = json!({ "model": "--evil" }), "invalid_prompt"),
        (&|body| body["options"] = json!({ "tools": 1 }), "invalid_body"),
    ];
    for (change, code) in cases {
        let refused = post(change).await;
        assert_eq!(
            (refused.status, &refused.body["code"]),
            (StatusCode::BAD_REQUEST, &json!(code)),
            "{}",
            refused.text
        );
    }
    let large = post(&|body| body["prompt"] = json!("x".repeat(1024 * 1024 + 1))).await;
    assert_eq!(large.body["code"], "invalid_prompt", "{}", large.text);
    service.stop().await;
}

#[tokio::test]
async fn a_cancelled_prompt_ends_with_everything_that_it_has_started_within_a_second() {
    let service = Service::start().await;
    signed_in(&service, "ann", "a").await;
    let stubborn = "trap '' TERM\n(trap '' TERM; sleep 600) & echo $! >child\necho '{\"type\":\"text\",\"text\":\"up\"}'\nwait";
    let script = format!("[ \"$1\" = status ] && exit 0\n{stubborn}");
    let Asked { mut stream, guest } = Asked::begin(&service, &ask("ann", "hi"), &script).await;
    stream.until(|event| event["text"] == "up").await;
    let prompt = service.get("/api/prompts").await.body["prompts"][0]["id"].clone();
    let child = std::fs::read_to_string(guest.home.path.path().join("work/child")).unwrap();
    // One that nobody has buried yet is dead, too.
    let stat = || std::fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
    let alive = || !stat().is_empty() && !stat().contains(") Z ");
    assert!(alive());
    let began = Instant::now();
    let cancelled =
        service.post(&format!("/api/prompts/{}/cancel", prompt.as_str().unwrap()), &json!({})).await;
    assert_eq!(cancelled.body["success"], true);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    let last = stream.rest().await.pop().unwrap();
    assert_eq!((&last["type"], &last["code"]), (&json!("error"), &json!("cancelled")));
    assert!(!alive(), "what it has started is gone, too");
    assert_eq!(shown(&service, &prompt).await["status"], "cancelled");
    service.stop().await;
}

#[tokio::test]
async fn who_goes_away_cancels_unless_they_say_that_it_goes_on_and_its_events_can_be_read_later() {
    let service = Service::start().await;
    signed_in(&service, "ann", "a").await;
    let script = format!("[ \"$1\" = status ] && exit 0\nuntil [ -e go ]; do sleep 0.05; done\n{SAYS}");
    let Asked { stream, guest } = Asked::begin(&service, &ask("ann", "left"), &script).await;
    let id = async |index: usize| {
        service.get("/api/prompts").await.body["prompts"][index]["id"].as_str().unwrap().to_owned()
    };
    let left = id(0).await;
    drop(stream);
    let ended = async |prompt: &str| {
        let mut stream = Stream::again(&service, prompt, "").await;
        stream.until(|event| event["type"] == "error" || event["type"] == "done").await
    };
    assert_eq!(ended(&left).await["code"], "cancelled");

    let mut body = ask("ann", "later");
    body["options"] = json!({ "whenLeft": "continue" });
    let mut stream = Stream::open(&service, &body).await;
    stream.until(|event| event["status"] == "running").await;
    let prompt = id(0).await;
    drop(stream);
    std::fs::write(guest.home.path.path().join("work/go"), "").unwrap();
    assert_eq!(ended(&prompt).await["type"], "done");
    let all = Stream::again(&service, &prompt, "").await.rest().await;
    assert_eq!(text(&all), "You said later");
    let (number, second) = Stream::again(&service, &prompt, "1").await.next().await.unwrap();
    assert_eq!((number, &second), (2, &all[1]), "from where one has been");
    let nothing = Stream::again(&service, &prompt, &all.len().to_string()).await;
    assert_eq!(nothing.0.status(), StatusCode::NO_CONTENT);
    service.stop().await;
}

#[tokio::test]
async fn renewed_credentials_are_kept_as_a_newer_version_and_older_ones_never_replace_them() {
    let service = Service::start().await;
    let session = signed_in(&service, "ann", "first").await;
    let script = format!("[ \"$1\" = status ] && exit 0\nuntil [ -e go ]; do sleep 0.05; done\n{SAYS}");
    let Asked { mut stream, guest } = Asked::begin(&service, &ask("ann", "hi"), &script).await;
    stream.until(|event| event["status"] == "running").await;
    let file = |token: &str| {
        json!({ "access_token": token, "refresh_token": "r", "account": { "email": "e" } }).to_string()
    };
    let stored = async || {
        let path = format!("/api/auth/session/{session}/credentials/status");
        let token = service.get(&path).await.body["credentials"]["access_token"].clone();
        let generation =
            service.get("/api/auth/credentials/ann").await.body["credentials"][0]["generation"].clone();
        (token, generation)
    };
    guest.home.writes(CREDENTIALS, &file("second"), 1_900_000_000_000);
    timeout(PATIENCE, async {
        while stored().await.1 != 2 {
            sleep(Duration::from_millis(20)).await
        }
    })
    .await
    .unwrap();
    assert_eq!(stored().await.0, "second");
    // What proves nothing is not kept: a CLI that was refused empties its file.
    guest.home.writes(CREDENTIALS, &file(""), 1_900_000_100_000);
    guest.home.writes(CREDENTIALS, &file("older"), 1_700_000_000_000);
    std::fs::write(guest.home.path.path().join("work/go"), "").unwrap();
    stream.rest().await;
    assert_eq!(stored().await, (json!("second"), json!(2)));

    // The next prompt finds what is stored.
    Stream::open(&service, &ask("ann", "again")).await.rest().await;
    assert!(guest.home.credentials()[0].contains("second"), "{:?}", guest.home.credentials());
    // Renewed while nobody watched: taken before the next prompt.
    guest.home.writes(CREDENTIALS, &file("third"), 1_900_000_200_000);
    Stream::open(&service, &ask("ann", "once more")).await.rest().await;
    assert_eq!(stored().await, (json!("third"), json!(3)));
    service.stop().await;
}

#[tokio::test]
async fn prompts_of_a_user_take_turns_and_too_many_are_refused() {
    let service = Service::with(&[("prompt.waiting", "1")]).await;
    signed_in(&service, "ann", "a").await;
    let script = format!("[ \"$1\" = status ] && exit 0\nuntil [ -e go ]; do sleep 0.05; done\n{SAYS}");
    let Asked { stream: first, guest } = Asked::begin(&service, &ask("ann", "one"), &script).await;
    let second = Stream::open(&service, &ask("ann", "two")).await;
    let third = Stream::open(&service, &ask("ann", "three")).await;
    assert_eq!(third.0.status(), StatusCode::TOO_MANY_REQUESTS);
    let statuses = async || {
        let list = service.get("/api/prompts").await.body["prompts"].clone();
        list.as_array()
            .unwrap()
            .iter()
            .map(|prompt| prompt["status"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    timeout(PATIENCE, async {
        while statuses().await != ["queued", "running"] {
            sleep(Duration::from_millis(20)).await
        }
    })
    .await
    .unwrap();
    std::fs::write(guest.home.path.path().join("work/go"), "").unwrap();
    assert_eq!(text(&first.rest().await), "You said one");
    assert_eq!(text(&second.rest().await), "You said two");
    service.stop().await;
}

#[tokio::test]
async fn a_vm_that_is_lost_is_named_and_the_next_prompt_gets_another() {
    let service = Service::start().await;
    signed_in(&service, "ann", "a").await;
    let script = "[ \"$1\" = status ] && exit 0\necho '{\"type\":\"start\"}'\nexec sleep 600";
    let Asked { mut stream, guest } = Asked::begin(&service, &ask("ann", "hi"), script).await;
    stream.until(|event| event["event"]["type"] == "start").await;
    guest.dies();
    let last = stream.rest().await.pop().unwrap();
    assert_eq!(last["code"], "vm_lost", "{last}");
    let Asked { stream, guest: other } = Asked::begin(&service, &ask("ann", "hi"), SAYS).await;
    assert_ne!(other.spec.id, guest.spec.id);
    assert_eq!(stream.rest().await.pop().unwrap()["type"], "done");
    service.stop().await;
}

#[tokio::test]
async fn a_cli_that_takes_too_long_says_too_much_or_is_refused_is_told_by_name() {
    let service = Service::with(&[("prompt.output_mib", "1")]).await;
    signed_in(&service, "ann", "a").await;
    let script = r#"[ "$1" = status ] && exit 0
read -r question
case $question in
long) exec sleep 600 ;;
much) exec yes '{"type":"text","text":"again and again and again and again"}' ;;
refused) echo 'anteroom-demo: token refused; sign in again' >&2; exit 4 ;;
fails) echo 'the cause' >&2; exit 9 ;;
esac"#;
    let mut long = ask("ann", "long");
    long["options"] = json!({ "timeLimitMs": 300 });
    let Asked { stream, .. } = Asked::begin(&service, &long, script).await;
    assert_eq!(stream.rest().await.pop().unwrap()["code"], "time_out");
    let last = async |text: &str| Stream::open(&service, &ask("ann", text)).await.rest().await.pop().unwrap();
    assert_eq!(last("much").await["code"], "output_too_large");
    let refused = last("refused").await;
    assert_eq!(
        (&refused["code"], &refused["detailLines"]),
        (&json!("token_refused"), &json!(["anteroom-demo: token refused; sign in again"]))
    );
    let failed = last("fails").await;
    assert_eq!((&failed["exitCode"], &failed["complaint"]), (&json!(9), &json!("the cause")));
    service.stop().await;
}

#[tokio::test]
async fn a_vm_that_its_user_has_not_used_for_long_is_destroyed() {
    let service = Service::with(&[("vm.cli.destroy_after", "1s")]).await;
    signed_in(&service, "ann", "a").await;
    let Asked { stream, guest } = Asked::begin(&service, &ask("ann", "hi"), SAYS).await;
    assert_eq!(stream.rest().await.pop().unwrap()["type"], "done");
    assert_eq!(service.vm_gone(&guest.spec.id.to_string()).await["status"], "destroyed");
    service.stop().await;
}

#[tokio::test]
async fn what_the_cli_does_not_take_is_told_before_it_is_asked() {
    let service = Service::start().await;
    signed_in(&service, "ann", "a").await;
    let Asked { stream, guest } =
        Asked::begin(&service, &ask("ann", "hi"), "[ \"$1\" = status ] && exit 1").await;
    let last = stream.rest().await.pop().unwrap();
    assert_eq!(last["code"], "not_signed_in");
    assert_eq!(guest.home.commands().len(), 1, "it was not asked");
    service.stop().await;
}

#[tokio::test]
async fn a_sign_out_forgets_the_credentials_in_the_vm_as_well() {
    let service = Service::start().await;
    signed_in(&service, "ann", "a").await;
    let Asked { stream, guest } = Asked::begin(&service, &ask("ann", "hi"), SAYS).await;
    stream.rest().await;
    let out = service.delete("/api/auth/credentials/ann/demo").await;
    assert_eq!((out.status, &out.body["wereAny"]), (StatusCode::OK, &json!(true)), "{}", out.text);
    assert!(guest.home.credentials().is_empty());
    assert_eq!(*guest.home.removed.borrow(), 1);
    let events = Stream::open(&service, &ask("ann", "hi")).await.rest().await;
    assert_eq!(events.last().unwrap()["code"], "not_signed_in");
    assert_eq!(service.delete("/api/auth/credentials/ann/demo").await.body["wereAny"], false);
    service.stop().await;
}

#[tokio::test]
async fn prompts_and_vms_are_their_users_own() {
    let service = Service::start().await;
    signed_in(&service, "ann", "a").await;
    let Asked { stream, guest } = Asked::begin(&service, &ask("ann", "hi"), SAYS).await;
    let events = stream.rest().await;
    assert_eq!(events.last().unwrap()["type"], "done");
    let prompt = service.get("/api/prompts").await.body["prompts"][0]["id"].as_str().unwrap().to_owned();
    let as_user = async |method: Method, path: &str, user: &str| {
        let request = service.request(method, path).bearer_auth(&service.key).header("x-user-id", user);
        answer(request.json(&ask("ann", "hi"))).await.status
    };
    let vm = format!("/api/vms/{}", guest.spec.id);
    for path in [
        format!("/api/prompts/{prompt}"),
        format!("/api/prompts/{prompt}/events"),
        vm.clone(),
        format!("{vm}/events"),
    ] {
        assert_eq!(as_user(Method::GET, &path, "bob").await, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(as_user(Method::GET, &path, "ann").await, StatusCode::OK, "{path}");
    }
    for path in ["/api/prompts/execute", &format!("/api/prompts/{prompt}/cancel")] {
        assert_eq!(as_user(Method::POST, path, "bob").await, StatusCode::FORBIDDEN, "{path}");
    }
    assert_eq!(service.post(&format!("{vm}/heartbeat"), &json!({})).await.status, StatusCode::OK);
    assert_eq!(service.delete(&vm).await.status, StatusCode::OK);
    assert!(!guest.is_running());
    service.stop().await;
}

#[tokio::test]
async fn twenty_users_ask_at_once_and_each_is_answered_in_a_vm_of_their_own() {
    let service = Service::with(&[("vm.max", "40"), ("launch.at_once", "20")]).await;
    let users: Vec<String> = (0..20).map(|number| format!("user-{number}")).collect();
    for user in &users {
        signed_in(&service, user, "a").await;
    }
    let asked = users.iter().map(async |user| {
        let Asked { stream, guest } = Asked::begin(&service, &ask(user, user), SAYS).await;
        (text(&stream.rest().await), guest.spec.id)
    });
    let answers = futures_util::future::join_all(asked).await;
    for (user, (said, _)) in users.iter().zip(&answers) {
        assert_eq!(said, &format!("You said {user}"));
    }
    let vms: std::collections::BTreeSet<_> = answers.iter().map(|(_, vm)| vm).collect();
    assert_eq!(vms.len(), 20);
    service.stop().await;
}
