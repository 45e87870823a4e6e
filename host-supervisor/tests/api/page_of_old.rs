//! The existing web application, as host-api.md of the system that is replaced has it: its back end and its page, in both orders of
//! offer and VM. It knows no field and no route of ours beyond those.

use std::{sync::Arc, time::Duration};

use anteroom_protocol::EventBody;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    guest::Guest,
    service::{Answer, PATIENCE, Service, answer},
    sign_in::{URL, url_found},
    webrtc::sdp,
};

/// Everything that it sends has a user's id.
struct OldPage<'a> {
    service: &'a Service,
    user: &'a str,
}

impl OldPage<'_> {
    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request = self.service.request(method, path).bearer_auth(&self.service.key);
        let request = request.header("x-user-id", self.user);
        answer(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }

    async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.call(Method::POST, path, Some(body)).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
        answer.body
    }

    async fn start(&self, offer: Option<&str>) -> String {
        let mut body = json!({ "userId": self.user, "provider": "demo" });
        if let Some(sdp) = offer {
            body["webrtcOffer"] = json!({ "type": "offer", "sdp": sdp });
        }
        let started = self.post("/api/auth/start", body).await;
        assert_eq!((&started["success"], &started["provider"]), (&json!(true), &json!("demo")));
        assert!(started["novncURL"].as_str().unwrap().starts_with("http://"), "{started}");
        assert!(started.as_object().unwrap().contains_key("browserIP"), "{started}");
        started["sessionId"].as_str().unwrap().to_owned()
    }

    async fn session(&self, id: &str) -> Value {
        self.get(&format!("/api/auth/session/{id}")).await.body["session"].take()
    }

    /// Asks every now and then, as it does.
    async fn until(&self, id: &str, status: &str) -> Value {
        let poll = async {
            loop {
                let session = self.session(id).await;
                if session["status"] == status {
                    return session;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, poll).await.unwrap_or_else(|_| panic!("it is never {status}"))
    }

    /// Sixty times, a second apart; here sooner.
    async fn webrtc_answer(&self, id: &str) -> Value {
        for _ in 0..60 {
            let answer = self.get(&format!("/api/webrtc/session/{id}/answer")).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
            if answer.body["retry"] != true {
                return answer.body;
            }
            assert!(answer.body["error"].is_string());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("there is no answer");
    }

    /// What it does about the desktop, once it has an answer.
    async fn shows_the_desktop(&self, id: &str) {
        let servers = self.get("/api/webrtc/ice-servers").await.body;
        assert!(servers["success"] == true && servers["iceServers"].is_array(), "{servers}");
        let answer = self.webrtc_answer(id).await;
        assert_eq!(answer["answer"]["type"], "answer");
        assert!(answer["answer"]["sdp"].is_string() && answer["candidates"].is_array());
        let candidate = json!({
            "candidate": "candidate:1 1 udp 1 a-b-c.local 9 typ host", "sdpMLineIndex": 0, "from": "browser",
        });
        assert_eq!(
            self.post(&format!("/api/webrtc/session/{id}/candidate"), candidate).await["success"],
            true
        );
        let ours = self.get(&format!("/api/webrtc/session/{id}/candidates/vm?since=0")).await.body;
        for candidate in ours["candidates"].as_array().unwrap() {
            assert!(candidate["candidate"].is_string() && candidate["sdpMLineIndex"].is_number());
            assert!(candidate["timestamp"].is_number(), "{candidate}");
        }
    }

    /// The person signs in, and its back end fetches what was captured.
    async fn signs_in(&self, id: &str, guest: &Arc<Guest>) {
        let waiting = self.get(&format!("/api/auth/session/{id}/oauth-url")).await;
        assert_eq!((waiting.status, &waiting.body["waiting"]), (StatusCode::ACCEPTED, &json!(true)));
        assert!(waiting.body["elapsedMs"].is_number() && waiting.body["message"].is_string());
        guest.tells(EventBody::DesktopReady);
        let told = guest.sign_in().await.session;
        guest.tells(url_found(&told.to_string(), URL));
        let session = self.until(id, "awaiting_user_auth").await;
        assert_eq!((&session["user_id"], &session["oauth_url"]), (&json!(self.user), &json!(URL)));
        assert_eq!(self.get(&format!("/api/auth/session/{id}/oauth-url")).await.body["oauthUrl"], URL);
        assert_eq!(self.post(&format!("/api/auth/session/{id}/heartbeat"), json!({})).await["success"], true);
        let vm = self.get(&format!("/api/auth/session/{id}/vm")).await.body;
        assert!(vm["vmId"].is_string() && vm["vmIP"].is_string(), "{vm}");
        let status = format!("/api/auth/session/{id}/credentials/status");
        let before = self.get(&status).await.body;
        assert_eq!((&before["authenticated"], &before["waiting"]), (&json!(false), &json!(true)));

        let file = json!({ "access_token": "a", "refresh_token": "r", "account": { "email": "e" } });
        guest.captures(told, "demo", &[(".anteroom-demo/credentials.json", &file.to_string())]);
        self.until(id, "completed").await;
        let after = self.get(&status).await.body;
        assert_eq!((&after["status"], &after["source"]), (&json!("ready"), &json!("database")));
        assert_eq!(after["credentials"], file);
        let listed = self.get(&format!("/api/auth/credentials/{}", self.user)).await.body;
        assert_eq!(listed["credentials"][0]["provider"], "demo");
        assert!(!listed.to_string().contains("access_token"));
        let valid = self.get(&format!("/api/auth/validate/{}/demo", self.user)).await.body;
        assert_eq!(valid["valid"], true, "{valid}");
        self.service.vm_gone(vm["vmId"].as_str().unwrap()).await;
        assert_eq!(self.get(&format!("/api/auth/session/{id}/vm")).await.status, StatusCode::GONE);
        let sessions = self.get(&format!("/api/auth/sessions/{}", self.user)).await.body;
        assert_eq!(sessions["sessions"][0]["session_id"], json!(id));
    }
}

#[tokio::test]
async fn its_offer_comes_with_the_start_before_there_is_a_vm() {
    let service = Service::start().await;
    let page = OldPage { service: &service, user: "ann" };
    let id = page.start(Some(&sdp("1", "oldpage"))).await;
    page.shows_the_desktop(&id).await;
    let vm = page.session(&id).await["vm_id"].as_str().unwrap().to_owned();
    let guest = service.stage.guest_of(&vm).await;
    page.signs_in(&id, &guest).await;
    service.stop().await;
}

#[tokio::test]
async fn its_offer_comes_when_the_vm_is_there() {
    let service = Service::start().await;
    let page = OldPage { service: &service, user: "ann" };
    let id = page.start(None).await;
    let vm = page.session(&id).await["vm_id"].as_str().unwrap().to_owned();
    let guest = service.stage.guest_of(&vm).await;
    let offer = json!({ "offer": { "type": "offer", "sdp": sdp("1", "oldpage") }, "candidates": [] });
    assert_eq!(page.post(&format!("/api/webrtc/session/{id}/offer"), offer).await["success"], true);
    page.shows_the_desktop(&id).await;
    page.signs_in(&id, &guest).await;
    assert_eq!(
        page.call(Method::DELETE, &format!("/api/webrtc/session/{id}"), None).await.body["success"],
        true
    );
    service.stop().await;
}

#[tokio::test]
async fn what_it_does_wrong_is_answered_with_the_statuses_that_it_knows() {
    let service = Service::start().await;
    let (ann, bob) = (OldPage { service: &service, user: "ann" }, OldPage { service: &service, user: "bob" });
    let id = ann.start(None).await;
    let own = format!("/api/auth/session/{id}");
    assert_eq!(bob.get(&own).await.status, StatusCode::FORBIDDEN);
    assert_eq!(
        ann.get("/api/auth/session/7e3b9d3c-0d5e-4d57-8c3f-111111111111").await.status,
        StatusCode::NOT_FOUND
    );
    let unknown = json!({ "userId": "ann", "provider": "netlify" });
    let unknown = ann.call(Method::POST, "/api/auth/start", Some(unknown)).await;
    assert_eq!(unknown.status, StatusCode::BAD_REQUEST);
    assert!(unknown.body["error"].is_string() && unknown.body["validProviders"].is_array());
    let opened = ann.call(Method::POST, &format!("{own}/open-url"), Some(json!({ "url": "ftp://x" }))).await;
    assert_eq!(opened.status, StatusCode::BAD_REQUEST);
    assert_eq!(ann.post(&format!("{own}/cancel"), json!({})).await["success"], true);
    assert_eq!(ann.until(&id, "cancelled").await["status"], "cancelled");
    service.stop().await;
}
