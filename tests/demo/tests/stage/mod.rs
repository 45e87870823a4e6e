//! A stage for a real CLI: the provider, its certificate authority, a browser that trusts it, and a home for the CLI.
#![allow(dead_code, reason = "each test binary uses its share")]
#![allow(clippy::unwrap_used, reason = "only tests are in here")]

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anteroom_demo::idp::tls::{Entrance, ThrowAwayCa};
use anteroom_demo::idp::{Event, Idp, Profile, SecretKind};
use anteroom_demo::pkce::Verifier;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::browser::{self, Browser, Https};
use crate::seclusion::{secluded, skipped};

pub(crate) struct Stage {
    pub(crate) idp: Idp,
    pub(crate) browser: Browser,
    pub(crate) home: TempDir,
    entrance: Entrance,
    address: SocketAddr,
}

impl Stage {
    /// The provider behind a proxy, which every CLI takes that is told of one.
    pub(crate) async fn behind_a_proxy(profile: Profile) -> Self {
        Self::set(Entrance::Proxy, "127.0.0.1:0", profile).await
    }

    pub(crate) async fn set(entrance: Entrance, address: &str, profile: Profile) -> Self {
        let ca = ThrowAwayCa::new().unwrap();
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let https = match entrance {
            Entrance::Direct => Https::At(address),
            Entrance::Proxy => Https::Proxy(address),
        };
        let browser = Browser::trusting(&ca.certificate_pem(), https);
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("ca.pem"), ca.certificate_pem()).unwrap();
        let idp = Idp::new(profile);
        let serving = idp.clone();
        tokio::spawn(async move { serving.run_tls(listener, &ca, entrance, std::future::pending()).await });
        Self { idp, browser, home, entrance, address }
    }

    /// The program in its home, with the provider's authority in every variable that a CLI may look for it in.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("HOME", self.home.path());
        command.current_dir(self.home.path()).env("BROWSER", "true");
        // Some bring the interpreter that they run under.
        let (beside, path) = (program.parent().unwrap(), std::env::var_os("PATH").unwrap());
        let path = [beside.to_owned()].into_iter().chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(path).unwrap());
        for variable in ["CODEX_CA_CERTIFICATE", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"] {
            command.env(variable, self.home.path().join("ca.pem"));
        }
        if self.entrance == Entrance::Proxy {
            command
                .env("HTTPS_PROXY", format!("http://{}", self.address))
                .env("NO_PROXY", "127.0.0.1,localhost");
        }
        command
    }

    /// The tokens of a sign-in that needs nobody and no CLI.
    pub(crate) async fn tokens(&self) -> Value {
        let profile = self.idp.profile();
        let (client, verifier) = (&profile.clients[0], Verifier::random().unwrap());
        let redirect = format!("http://127.0.0.1:41234{}", client.redirect_path);
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", client.id)
            .append_pair("redirect_uri", &redirect)
            .append_pair("code_challenge", verifier.challenge().as_str())
            .append_pair("code_challenge_method", "S256")
            .finish();
        let Profile { issuer, authorize_path, token_path, .. } = profile;
        let sent_back = self.browser.get(&format!("{issuer}{authorize_path}?{query}")).await;
        let code = browser::parameter(&browser::location(&sent_back).unwrap(), "code").unwrap();
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", client.id),
            ("redirect_uri", &redirect),
            ("code", &code),
            ("code_verifier", verifier.secret().reveal()),
        ];
        let answer = self.browser.post(&format!("{issuer}{token_path}"), &fields).await;
        assert_eq!(answer.status(), 200, "{}", browser::text(&answer));
        serde_json::from_slice(answer.body()).unwrap()
    }

    /// Answers the consent page; where the browser is sent.
    pub(crate) async fn decide(&self, ticket: &str, decision: &str) -> String {
        let url = format!("{}{}", self.idp.profile().issuer, self.idp.profile().decision_path());
        let answer = self.browser.post(&url, &[("request", ticket), ("decision", decision)]).await;
        assert_eq!(answer.status(), 303);
        browser::location(&answer).unwrap()
    }

    /// Types the code of a client without a browser into the provider's page.
    pub(crate) async fn type_user_code(&self, code: &str, decision: &str) {
        let page = self.idp.profile().device.unwrap().page;
        let answer = self.browser.post(page, &[("user_code", code), ("decision", decision)]).await;
        assert_eq!(answer.status(), 200, "{}", browser::text(&answer));
    }

    /// The secret of that kind that the provider gave.
    pub(crate) fn given(&self, kind: SecretKind) -> String {
        let secrets = self.idp.secrets();
        let entry = secrets.into_iter().find(|entry| entry.kind == kind).expect("a secret of that kind");
        entry.secret.reveal().to_owned()
    }

    pub(crate) fn expect_event(&self, event: &Event) {
        let events = self.idp.log().events();
        assert!(events.contains(event), "{event:?} is missing: {events:?}");
    }
}

/// Runs `test` in seclusion with the path of a CLI, which is what this variable names, or this program of the path; or
/// says why not.
pub(crate) fn with_cli<F: Future<Output = ()>>(
    name: &str,
    variable: &str,
    program: &str,
    test: impl FnOnce(PathBuf) -> F,
) {
    let Some(program) = find(variable, program) else {
        return skipped(name, &format!("there is no {program} on the path, and {variable} names none"));
    };
    secluded(name, || {
        tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(test(program));
    });
}

fn find(variable: &str, program: &str) -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(variable) {
        let named = PathBuf::from(named);
        assert!(named.exists(), "{variable} names a file that does not exist");
        return Some(named);
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(program)).find(|file| file.is_file())
}
