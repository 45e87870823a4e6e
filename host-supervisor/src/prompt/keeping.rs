//! Credentials in a user's VM for as long as a prompt runs: put in their places, and taken back as soon as the CLI renews them.
//!
//! Which version counts: the guest says whose credentials it was given last and what is there now. The same as in the store stays;
//! what is newer than the store, of the same sign-in, was renewed while nobody watched and is taken; anything else gives way.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anteroom_protocol::{
    ProviderDefinition, Secret, SessionId,
    agent::{CapturedCredentials, CapturedFile, Surroundings},
    credentials::{MAX_LINE_BYTES, News, Order, Place},
    exec::{AGENT, ExecSpec},
    provider::CredentialRule,
};
use bytes::Bytes;
use serde::Serialize;
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use zeroize::Zeroizing;

use super::lines::Lines;
use crate::{
    agent::{AgentClient, AgentError, Complaints, Program, ProgramError, Run},
    credentials::{self, Accepted, AcceptedFile, CaptureError, OpenError, SealError},
    failure::causes,
    store::{CredentialRecord, Store, StoreError},
    vault::{Owner, Vault},
};

/// An emulated guest has to load the agent for it.
const PATIENCE: Duration = Duration::from_secs(60);
/// For the last look.
const LAST_LOOK: Duration = Duration::from_secs(10);
/// Versions that another VM may have stored in between.
const TRIES: u32 = 3;

/// Whose credentials, and where they come from and go to.
#[derive(Debug, Clone)]
pub(super) struct Books {
    pub(super) store: Store,
    pub(super) vault: Arc<Vault>,
    pub(super) user_id: String,
    pub(super) definition: Arc<ProviderDefinition>,
}

/// In place, and watched until [`Keeping::end`].
#[derive(Debug)]
pub(super) struct Keeping {
    /// The program in the guest ends when this does.
    input: mpsc::Sender<Bytes>,
    following: JoinHandle<Result<(), KeepError>>,
}

/// What the CLI is to find.
#[derive(Debug)]
pub(super) struct InPlace {
    /// Anything is otherwise than it was.
    pub(super) changed: bool,
    /// Credentials that are no files: variables of the environment.
    pub(super) variables: BTreeMap<String, Secret>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum KeepError {
    #[error("there are no credentials of this user and provider")]
    NotSignedIn,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error("what the CLI wrote proves no sign-in")]
    Refused(#[from] CaptureError),
    #[error(transparent)]
    Agent(#[from] AgentError),
    #[error("the program that puts them in their places")]
    Program(#[from] ProgramError),
    #[error("the VM cannot put them in their places: {0}")]
    Guest(String),
    #[error("the VM does not keep to the protocol")]
    Protocol,
    #[error("the VM did not put them in their places within {} s", PATIENCE.as_secs())]
    Late,
}

/// The program in the guest, as lines.
struct Talk {
    program: Program,
    lines: Lines,
    waiting: std::collections::VecDeque<Bytes>,
}

/// The newest version, opened.
struct Version {
    record: CredentialRecord,
    files: Vec<AcceptedFile>,
}

impl Keeping {
    /// # Errors
    /// When there are none, or they cannot be put there.
    pub(super) async fn begin(
        books: Books,
        agent: &AgentClient,
        surroundings: &Surroundings,
    ) -> Result<(Self, InPlace), KeepError> {
        let version = books.newest().await?.ok_or(KeepError::NotSignedIn)?;
        let begun = async {
            let (input, mut talk) = start(agent).await?;
            say(&input, &place(&books.definition, surroundings)?).await?;
            let News::Found { session, files: found } = talk.next().await? else {
                return Err(KeepError::Protocol);
            };
            let variables = version.variables(&books.definition);
            let (version, order) = books.decide(version, session, found).await?;
            say(&input, &order).await?;
            let News::Done { changed } = talk.next().await? else { return Err(KeepError::Protocol) };
            Ok((input, talk, version, InPlace { changed, variables }))
        };
        let (input, talk, version, in_place) =
            timeout(PATIENCE, begun).await.map_err(|_| KeepError::Late)??;
        let following = tokio::spawn(books.follow(talk, version.record));
        Ok((Self { input, following }, in_place))
    }

    /// Takes what the CLI has written last.
    pub(super) async fn end(self) {
        drop(self.input);
        let mut following = self.following;
        match timeout(LAST_LOOK, &mut following).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => {
                tracing::warn!(cause = causes(&error), "the credentials are not watched to the end")
            }
            Ok(Err(error)) => tracing::error!(%error, "the task that watches the credentials"),
            Err(_) => {
                following.abort();
                tracing::warn!("the VM does not tell whether the credentials have changed");
            }
        }
    }
}

/// Takes the credentials of this provider out of a VM.
///
/// # Errors
/// When the VM does not do it.
pub(super) async fn remove(agent: &AgentClient, definition: &ProviderDefinition) -> Result<(), KeepError> {
    let removed = async {
        let (input, mut talk) = start(agent).await?;
        say(&input, &place(definition, &Surroundings::default())?).await?;
        let News::Found { .. } = talk.next().await? else { return Err(KeepError::Protocol) };
        say(&input, &Order::Remove).await?;
        let News::Done { .. } = talk.next().await? else { return Err(KeepError::Protocol) };
        talk.ended().await
    };
    timeout(PATIENCE, removed).await.map_err(|_| KeepError::Late)?
}

async fn start(agent: &AgentClient) -> Result<(mpsc::Sender<Bytes>, Talk), KeepError> {
    let (input, reads) = mpsc::channel(2);
    let spec = ExecSpec {
        argv: [AGENT, "credentials"].map(str::to_owned).to_vec(),
        user: Some("root".to_owned()),
        directory: Some("/".to_owned()),
        ..ExecSpec::default()
    };
    let program = agent.run(Run { spec, input: reads, complaints: Complaints::Kept }).await?;
    Ok((input, Talk { program, lines: Lines::new(MAX_LINE_BYTES), waiting: Default::default() }))
}

fn place(definition: &ProviderDefinition, surroundings: &Surroundings) -> Result<Place, KeepError> {
    let prompt = definition.prompt.as_ref();
    Ok(Place {
        provider: definition.id.clone(),
        rules: files_of(definition).cloned().collect(),
        seeds: prompt.map(|prompt| prompt.files.clone()).unwrap_or_default(),
        surroundings: surroundings.clone(),
    })
}

fn files_of(definition: &ProviderDefinition) -> impl Iterator<Item = &CredentialRule> {
    definition.credential.iter().filter(|rule| !rule.is_shown())
}

async fn say(input: &mpsc::Sender<Bytes>, line: &impl Serialize) -> Result<(), KeepError> {
    let mut text = Zeroizing::new(serde_json::to_vec(line).map_err(|_| KeepError::Protocol)?);
    text.push(b'\n');
    // A program that reads no more tells why by its end.
    let _ = input.send(Bytes::copy_from_slice(&text)).await;
    Ok(())
}

impl Talk {
    async fn next(&mut self) -> Result<News, KeepError> {
        match self.line().await {
            Some(line) => serde_json::from_slice(&line).map_err(|_| KeepError::Protocol),
            None => Err(KeepError::Guest("it has ended without a word".to_owned())),
        }
    }

    async fn line(&mut self) -> Option<Bytes> {
        loop {
            if let Some(line) = self.waiting.pop_front() {
                return Some(line);
            }
            let piece = self.program.next().await?;
            self.waiting.extend(self.lines.push(&piece));
        }
    }

    async fn ended(self) -> Result<(), KeepError> {
        let end = self.program.to_its_end().await?;
        if end.ended.code == 0 { Ok(()) } else { Err(KeepError::Guest(end.complaint)) }
    }
}

impl Version {
    fn variables(&self, definition: &ProviderDefinition) -> BTreeMap<String, Secret> {
        let shown =
            |path: &str| definition.credential.iter().any(|rule| rule.is_shown() && rule.path == path);
        let of_terminal = self.files.iter().filter(|file| shown(&file.path));
        of_terminal.map(|file| (file.path.clone(), file.contents.clone())).collect()
    }
}

impl Books {
    async fn newest(&self) -> Result<Option<Version>, KeepError> {
        let Some(record) = self.store.credentials_newest(&self.user_id, &self.definition.id).await? else {
            return Ok(None);
        };
        let files = credentials::open(&self.vault, &record)?;
        Ok(Some(Version { record, files }))
    }

    /// Whether what is there stays.
    async fn decide(
        &self,
        version: Version,
        session: Option<SessionId>,
        found: Option<Vec<CapturedFile>>,
    ) -> Result<(Version, Order), KeepError> {
        let all_are_files = self.definition.credential.len() == files_of(&self.definition).count();
        if session == Some(version.record.session_id)
            && all_are_files
            && let Some(found) = found
            && let Ok(accepted) = self.accept(&version.record, found)
        {
            if accepted.holds(&self.of_files(&version)) {
                return Ok((version, Order::Keep));
            }
            if accepted.modified_at > version.record.modified_at
                && let Some(record) = self.store_newer(&version.record, &accepted).await?
            {
                return Ok((Version { record, ..version }, Order::Keep));
            }
        }
        // What was stored meanwhile counts.
        let version = self.newest().await?.ok_or(KeepError::NotSignedIn)?;
        let modified_at = version.record.modified_at;
        let files = self.of_files(&version).into_iter().map(|file| file.into_captured(modified_at));
        let order = Order::Put { session: version.record.session_id, files: files.collect() };
        Ok((version, order))
    }

    fn of_files(&self, version: &Version) -> Vec<AcceptedFile> {
        let is_file = |path: &str| files_of(&self.definition).any(|rule| rule.path == path);
        version.files.iter().filter(|file| is_file(&file.path)).cloned().collect()
    }

    /// Until the program ends.
    async fn follow(self, mut talk: Talk, mut stored: CredentialRecord) -> Result<(), KeepError> {
        while let Some(line) = talk.line().await {
            let Ok(News::Written { files }) = serde_json::from_slice(&line) else {
                return Err(KeepError::Protocol);
            };
            let accepted = match self.accept(&stored, files) {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(provider = self.definition.id, "what the CLI wrote is not kept: {error}");
                    continue;
                }
            };
            match self.store_newer(&stored, &accepted).await? {
                Some(record) => {
                    tracing::info!(
                        provider = record.provider,
                        generation = record.generation,
                        "credentials renewed"
                    );
                    stored = record;
                }
                None => {
                    tracing::info!(provider = stored.provider, "renewed credentials give way to newer ones")
                }
            }
        }
        talk.ended().await
    }

    fn accept(&self, of: &CredentialRecord, files: Vec<CapturedFile>) -> Result<Accepted, CaptureError> {
        let captured = CapturedCredentials {
            session: of.session_id,
            provider: self.definition.id.clone(),
            generation: of.generation + 1,
            files,
        };
        credentials::accept_files(&self.definition, of.session_id, &captured)
    }

    /// `None` when what is stored is newer, or somebody has signed out.
    async fn store_newer(
        &self,
        known: &CredentialRecord,
        accepted: &Accepted,
    ) -> Result<Option<CredentialRecord>, KeepError> {
        let mut before = known.clone();
        for _ in 0..TRIES {
            if accepted.modified_at < before.modified_at {
                return Ok(None);
            }
            let owner =
                Owner { user_id: &self.user_id, provider: &self.definition.id, session: before.session_id };
            let sealed = credentials::seal(&self.vault, owner, accepted)?;
            let newer = CredentialRecord {
                generation: before.generation + 1,
                created_at: before.created_at,
                ..sealed
            };
            if self.store.credentials_refresh(&newer, before.generation).await? {
                return Ok(Some(newer));
            }
            match self.store.credentials_of_session(before.session_id).await? {
                Some(stored) => before = stored,
                None => return Ok(None),
            }
        }
        Ok(None)
    }
}
