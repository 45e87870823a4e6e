//! Signing in: the steps in order, from the listener to the credential file.
//!
//! ```text
//!   bind ──▶ print and open URL ──▶ callback ──▶ redeem code ──▶ write file ──▶ page says yes
//!                                      │             │               │
//!                                      └──────── page says why not ◀─┘
//! ```

use std::net::Ipv4Addr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::cli::attempt::Attempt;
use crate::cli::callback::{Callback, Desk, Verdict, reception};
use crate::cli::credentials::{Account, CredentialError, CredentialFile, Credentials};
use crate::cli::exchange::{ExchangeError, Granted, Issuer, redeem};
use crate::cli::moments::{self, Moments};
use crate::cli::{browser, say};
use crate::jwt;
use crate::secret::NoRandomness;
use crate::serve::serve;

/// Set to anything, the page is opened by the desktop portal.
const PORTAL_VARIABLE: &str = "ANTEROOM_DEMO_PORTAL";
const PATIENCE: Duration = Duration::from_secs(15 * 60);

#[derive(Debug, thiserror::Error)]
pub(crate) enum LoginError {
    #[error("no port to listen on for the browser")]
    Listener(#[source] std::io::Error),
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    #[error("nobody signed in within {} minutes", PATIENCE.as_secs() / 60)]
    Waiting,
    #[error("the sign-in was denied")]
    Denied,
    #[error("the provider ended the sign-in: {0}")]
    Refused(String),
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    #[error("the provider's ID token does not say who signed in")]
    Nameless,
    #[error(transparent)]
    Credentials(#[from] CredentialError),
}

/// Signs in and returns the account's e-mail address.
pub(crate) async fn login(
    client_id: &'static str,
    issuer: Issuer,
    file: &CredentialFile,
) -> Result<String, LoginError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(LoginError::Listener)?;
    let attempt = Attempt::new(client_id, listener.local_addr().map_err(LoginError::Listener)?)?;
    let (router, mut desk) = reception(attempt.state.clone());
    let stop = CancellationToken::new();
    let serving = tokio::spawn(serve(listener, router, stop.clone().cancelled_owned()));

    let moments = Moments::begin(std::env::var_os(moments::VARIABLE).as_deref());
    invite(&attempt, issuer);
    let outcome = finish(&attempt, issuer, file, moments, &mut desk).await;

    desk.verdict.send_replace(Some(match &outcome {
        Ok(email) => Verdict::SignedIn { email: email.clone() },
        Err(error) => Verdict::Failed { cause: error.to_string() },
    }));
    // The browser gets its page before the program is gone.
    stop.cancel();
    let _ = serving.await;
    outcome
}

fn invite(attempt: &Attempt, issuer: Issuer) {
    let url = attempt.url(issuer);
    let ways = browser::ways(std::env::var_os(PORTAL_VARIABLE), std::env::var_os("BROWSER"));
    let opened = browser::open(&ways, url.reveal());
    let how = if opened {
        "Your browser opens the sign-in page. If it does not, open this address:"
    } else {
        "No browser could be started. Open this address to sign in:"
    };
    say(format_args!("{how}\n\n{}\n\nWaiting for you to sign in (Ctrl+C to give up) ...", url.reveal()));
}

async fn finish(
    attempt: &Attempt,
    issuer: Issuer,
    file: &CredentialFile,
    moments: Option<Moments>,
    desk: &mut Desk,
) -> Result<String, LoginError> {
    let callback = tokio::time::timeout(PATIENCE, desk.callbacks.recv()).await;
    let code = match callback.ok().flatten().ok_or(LoginError::Waiting)? {
        Callback::Code(code) => code,
        Callback::Refused(error) if error == "access_denied" => return Err(LoginError::Denied),
        Callback::Refused(error) => return Err(LoginError::Refused(error)),
    };
    let credentials = Credentials { moments, ..credentials(attempt, redeem(issuer, attempt, &code).await?)? };
    file.write(&credentials)?;
    Ok(credentials.account.email)
}

fn credentials(attempt: &Attempt, granted: Granted) -> Result<Credentials, LoginError> {
    let claims = jwt::claims(&granted.id_token).map_err(|_| LoginError::Nameless)?;
    let email = claims.get("email").and_then(|email| email.as_str()).ok_or(LoginError::Nameless)?.to_owned();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let Granted { access_token, refresh_token, token_type, expires_in, scope, .. } = granted;
    let expires_at = now.saturating_add(expires_in);
    let account = Account { email };
    let client_id = attempt.client_id.to_owned();
    Ok(Credentials {
        access_token,
        refresh_token,
        token_type,
        expires_at,
        scope,
        account,
        client_id,
        moments: None,
    })
}
