//! The interface that programs call (`org.freedesktop.portal.OpenURI`).

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use tokio::sync::Semaphore;
use zbus::{
    Connection, DBusError, ObjectServer, OwnedFd, OwnedObjectPath, Variant, interface, message::Header,
    names::UniqueName, object_server::ResponseDispatchNotifier,
};

use super::{
    handle::{self, Token},
    request::{self, Closed, Outcome, Request},
};
use crate::{address, open_url};

/// Of the interface; 5 is the one with `SchemeSupported`.
const VERSION: u32 = 5;
/// Pages that are being opened at the same time. The hook answers within milliseconds, so only a flood gets here.
const MAX_OPEN: usize = 16;

/// Why a call is refused at once. Never holds an address.
#[derive(Debug, DBusError)]
#[zbus(prefix = "org.freedesktop.portal.Error")]
pub(super) enum Refusal {
    #[zbus(error)]
    Bus(zbus::Error),
    InvalidArgument(String),
    NotAllowed(String),
    Failed(String),
}

#[derive(Debug)]
pub(super) struct OpenUri {
    /// Of the role that opens the pages.
    oauth: PathBuf,
    slots: Arc<Semaphore>,
    /// Tells calls apart whose caller gave them the same token.
    doubles: AtomicU32,
}

impl OpenUri {
    pub(super) fn new(oauth: PathBuf) -> Self {
        Self { oauth, slots: Arc::new(Semaphore::new(MAX_OPEN)), doubles: AtomicU32::new(1) }
    }

    async fn register(
        &self,
        server: &ObjectServer,
        caller: &UniqueName<'static>,
        token: &Token,
    ) -> Result<(String, Closed), Refusal> {
        let (request, closed) = Request::of(caller.clone());
        let mut path = handle::path(caller, token);
        if let Some(request) = server.at(path.as_str(), request).await? {
            // The answer says which path counts.
            path = format!("{path}/{}", self.doubles.fetch_add(1, Ordering::Relaxed));
            server.at(path.as_str(), request).await?;
        }
        Ok((path, closed))
    }
}

#[interface(name = "org.freedesktop.portal.OpenURI", introspection_docs = false)]
impl OpenUri {
    /// Opens a page of the web. A caller that goes away does not take its page along: many call and end.
    #[zbus(name = "OpenURI", out_args("handle"))]
    async fn open_uri(
        &self,
        parent_window: &str,
        uri: &str,
        options: HashMap<&str, Variant<'_>>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(object_server)] server: &ObjectServer,
        #[zbus(connection)] portal: &Connection,
    ) -> Result<ResponseDispatchNotifier<OwnedObjectPath>, Refusal> {
        // Windows of this desktop are placed by its window manager alone.
        let _ = parent_window;
        let token = token(&options)?;
        address::check(uri).map_err(|error| Refusal::InvalidArgument(error.to_string()))?;
        let nameless = || Refusal::Failed("a call without a sender".to_owned());
        let caller = header.sender().ok_or_else(nameless)?.to_owned();
        let flood = |_| Refusal::Failed("too many pages are being opened".to_owned());
        let slot = Arc::clone(&self.slots).try_acquire_owned().map_err(flood)?;
        let (path, closed) = self.register(server, &caller, &token).await?;

        let (answer, answered) = ResponseDispatchNotifier::new(OwnedObjectPath::try_from(path.as_str())?);
        let (socket, portal, uri) = (self.oauth.clone(), portal.clone(), uri.to_owned());
        tokio::spawn(async move {
            // A caller that did not choose its token knows from the answer what to listen to.
            answered.await;
            let outcome = closed.or(open(socket, uri)).await;
            let gone = portal.object_server().remove::<Request, _>(path.as_str()).await;
            let told = match outcome {
                Some(outcome) => request::respond(&portal, &path, caller, outcome).await,
                None => Ok(()),
            };
            if let Err(error) = gone.map(drop).and(told) {
                tracing::warn!("a caller of the portal is not answered: {error}");
            }
            drop(slot);
        });
        Ok(answer)
    }

    #[zbus(out_args("handle"))]
    fn open_file(
        &self,
        parent_window: &str,
        fd: OwnedFd,
        options: HashMap<&str, Variant<'_>>,
    ) -> Result<OwnedObjectPath, Refusal> {
        let _ = (parent_window, fd, options);
        Err(Refusal::NotAllowed("this desktop opens pages of the web, and no files".to_owned()))
    }

    #[zbus(out_args("handle"))]
    fn open_directory(
        &self,
        parent_window: &str,
        fd: OwnedFd,
        options: HashMap<&str, Variant<'_>>,
    ) -> Result<OwnedObjectPath, Refusal> {
        let _ = (parent_window, fd, options);
        Err(Refusal::NotAllowed("this desktop opens pages of the web, and no directories".to_owned()))
    }

    #[zbus(out_args("supported"))]
    fn scheme_supported(&self, scheme: &str, options: HashMap<&str, Variant<'_>>) -> bool {
        let _ = options;
        address::is_of_the_web(scheme)
    }

    #[zbus(property(emits_changed_signal = "const"), name = "version")]
    fn version(&self) -> u32 {
        VERSION
    }
}

fn token(options: &HashMap<&str, Variant<'_>>) -> Result<Token, Refusal> {
    let Some(chosen) = options.get("handle_token") else { return Ok(Token::unchosen()) };
    let text = chosen.downcast_ref::<&str>().unwrap_or_default();
    Token::new(text)
        .ok_or_else(|| Refusal::InvalidArgument("handle_token is no element of an object path".to_owned()))
}

async fn open(socket: PathBuf, uri: String) -> Outcome {
    // The hook of every other way blocks; a call at a time is a thread of its own here.
    match tokio::task::spawn_blocking(move || open_url::hand_over(&socket, &uri)).await {
        Ok(Ok(())) => Outcome::Opened,
        Ok(Err(error)) => {
            tracing::warn!("a page is not opened: {error}");
            Outcome::NotOpened
        }
        Err(_) => Outcome::NotOpened,
    }
}
