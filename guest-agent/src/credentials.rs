//! Credentials in a user's home directory: noticing that they were written, reading them, and, as the role `credentials`, putting
//! them there and telling what the CLI makes of them. The lines that are spoken are [`anteroom_protocol::credentials`]'s.
//!
//! ```text
//!  root:  Place ─▶ surroundings, tmpfs over the directories, memory of who was here ─▶ becomes the user
//!  user:  Found ─▶ Put | Keep | Remove ─▶ Done ─▶ watch ─▶ Written ... ─▶ end of input ─▶ last look
//! ```

pub(crate) mod capture;
mod put;
#[cfg(test)]
mod tests;
mod tmpfs;
pub(crate) mod watch;

use std::{
    collections::BTreeMap,
    error::Error,
    fs::{self, File, OpenOptions},
    io::{self, BufRead as _, Read as _, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anteroom_protocol::{
    SessionId,
    agent::CapturedFile,
    credentials::{MAX_LINE_BYTES, News, Order, Place},
    provider::CredentialRule,
};
use nix::unistd::{geteuid, setgid, setgroups, setuid};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

use crate::{
    account::{Account, DESKTOP},
    console, init,
    role::one_thread,
};

/// Who was here last, for each provider. Root's alone, and in memory as all of /run.
const MEMORY: &str = "/run/anteroom/credentials";

type Failure = Box<dyn Error>;

/// What there is to look after.
struct Home {
    path: PathBuf,
    rules: Vec<CredentialRule>,
    seeds: BTreeMap<String, String>,
    /// Open since before root's rights were given up.
    memory: Memory,
    /// What the host knows of.
    told: Option<Vec<CapturedFile>>,
}

/// Whose credentials were put there last.
struct Memory(File);

pub(crate) fn run() -> ExitCode {
    let played =
        line().and_then(|place| Home::of_desktop(place.ok_or("nothing was asked for")?)).and_then(|home| {
            let runtime = one_thread()?;
            let ended = runtime.block_on(home.look_after());
            // Whoever waits for a line that does not come is not waited for.
            runtime.shutdown_background();
            ended
        });
    match played {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", console::chain(&*error));
            ExitCode::FAILURE
        }
    }
}

/// `None` at the end of the input.
fn line<T: DeserializeOwned>() -> Result<Option<T>, Failure> {
    let mut text = zeroize::Zeroizing::new(Vec::new());
    let bound = MAX_LINE_BYTES as u64 + 1;
    io::stdin().lock().take(bound).read_until(b'\n', &mut text)?;
    if text.is_empty() {
        return Ok(None);
    }
    // What serde_json says of a line may quote it.
    serde_json::from_slice(&text).map(Some).map_err(|_| "a line is not of the protocol, or too long".into())
}

fn tell(news: &News) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let mut text = zeroize::Zeroizing::new(serde_json::to_vec(news)?);
    text.push(b'\n');
    out.write_all(&text)?;
    out.flush()
}

impl Home {
    /// Does what root must do, and is the user's own process afterwards.
    fn of_desktop(place: Place) -> Result<Self, Failure> {
        let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
        if !(1..=32).contains(&place.provider.len()) || !place.provider.bytes().all(good) {
            return Err("the provider has no name".into());
        }
        if !geteuid().is_root() {
            return Err("only root can put credentials in their places".into());
        }
        let account = Account::named(DESKTOP)?;
        init::surroundings::apply(&place.surroundings)?;
        let proofs = place.rules.iter().filter(|rule| rule.is_proof()).map(|rule| rule.path.as_str());
        for directory in tmpfs::directories(proofs) {
            tmpfs::cover(&account, &directory)?;
        }
        let memory = Memory::open(Path::new(MEMORY), &place.provider)?;
        setgroups(&account.groups)?;
        setgid(account.gid)?;
        setuid(account.uid)?;
        nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
        Ok(Self { path: account.home, rules: place.rules, seeds: place.seeds, memory, told: None })
    }

    async fn look_after(mut self) -> Result<(), Failure> {
        let found = self.complete();
        tell(&News::Found { session: self.memory.session(), files: found.clone() })?;
        let changed = match line()? {
            Some(Order::Put { session, files }) => {
                // Whose they are is known before any of them is there.
                self.memory.note(Some(session))?;
                let mut changed = put::files(&self.path, &self.rules, &files)?;
                changed |= put::seeds(&self.path, &self.seeds)?;
                changed
            }
            Some(Order::Keep) => put::seeds(&self.path, &self.seeds)?,
            Some(Order::Remove) => {
                let changed = put::remove(&self.path, &self.rules)?;
                self.memory.note(None)?;
                tell(&News::Done { changed })?;
                return Ok(());
            }
            None => return Ok(()),
        };
        self.told = self.complete();
        tell(&News::Done { changed })?;
        self.follow().await
    }

    /// Until the input ends.
    async fn follow(mut self) -> Result<(), Failure> {
        let (settled, mut news) = mpsc::channel(1);
        let watching = watch::watch(self.path.clone(), self.rules.clone(), move || {
            // One that waits already says the same.
            let _ = settled.try_send(());
        });
        let end = || line::<Order>().map(drop).map_err(|error| error.to_string());
        let end = tokio::task::spawn_blocking(end);
        tokio::pin!(watching, end);
        loop {
            tokio::select! {
                ended = &mut watching => ended?,
                Some(()) = news.recv() => self.tell_what_is_new()?,
                ended = &mut end => {
                    ended??;
                    return self.tell_what_is_new();
                }
            }
        }
    }

    fn tell_what_is_new(&mut self) -> Result<(), Failure> {
        if let Some(files) = self.complete()
            && !self.told.as_ref().is_some_and(|told| same(told, &files))
        {
            tell(&News::Written { files: files.clone() })?;
            self.told = Some(files);
        }
        Ok(())
    }

    fn complete(&self) -> Option<Vec<CapturedFile>> {
        capture::collect(&self.path, &self.rules, &BTreeMap::new()).ok()
    }
}

/// Whether the host would learn nothing new. Whoever wrote a file may have written the same.
fn same(told: &[CapturedFile], found: &[CapturedFile]) -> bool {
    told.len() == found.len()
        && told.iter().zip(found).all(|(told, found)| {
            told.path == found.path
                && told.mode == found.mode
                && told.contents.expose() == found.contents.expose()
        })
}

impl Memory {
    fn open(directory: &Path, provider: &str) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).create(directory)?;
        let path = directory.join(provider);
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        Ok(Self(file))
    }

    fn session(&mut self) -> Option<SessionId> {
        let mut text = String::new();
        self.0.rewind().ok()?;
        (&self.0).take(64).read_to_string(&mut text).ok()?;
        text.trim().parse().ok()
    }

    fn note(&mut self, session: Option<SessionId>) -> io::Result<()> {
        self.0.set_len(0)?;
        self.0.rewind()?;
        match session {
            Some(session) => write!(self.0, "{session}"),
            None => Ok(()),
        }
    }
}
