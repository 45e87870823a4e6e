//! The credentials: watching the files, taking what the terminal shows, having both checked.

use std::sync::Arc;

use anteroom_protocol::{
    Secret,
    agent::{CapturedCredentials, CapturedFile, SignInSpec},
};
use tokio::task::AbortHandle;

use super::{Later, Message, Owner};
use crate::{
    credentials::{
        capture::{self, Shown},
        watch,
    },
    oauth::{flow::Event, launch, verify},
};

impl Owner {
    pub(super) fn watch_files(&self, spec: &SignInSpec) -> AbortHandle {
        let (tell, sign_in) = (self.tell.clone(), self.number);
        let home = self.places.home.clone();
        let files = spec.provider.credential.iter().filter(|rule| !rule.is_shown());
        let rules = files.cloned().collect();
        let watching = async move {
            let settled = || drop(tell.send(Message::Later { sign_in, what: Later::FilesSettled }));
            if let Err(error) = watch::watch(home, rules, settled).await {
                tracing::error!("the credential files cannot be watched: {error}");
            }
        };
        tokio::spawn(watching).abort_handle()
    }

    /// A credential that the terminal has shown.
    pub(super) fn credential(&mut self, path: String, text: Secret) {
        let Some(current) = &mut self.current else { return };
        current.shown.insert(path, Shown::now(text));
        self.look_at_files();
    }

    pub(super) fn look_at_files(&mut self) {
        let Some(current) = &mut self.current else { return };
        let files =
            match capture::collect(&self.places.home, &current.spec.provider.credential, &current.shown) {
                Ok(files) => files,
                Err(problem) => return self.event(Event::Incomplete { problem: problem.to_string() }),
            };
        let same = |(a, b): (&CapturedFile, &CapturedFile)| a.path == b.path && a.contents == b.contents;
        if current.seen.len() == files.len() && current.seen.iter().zip(&files).all(same) {
            return;
        }
        current.seen.clone_from(&files);
        let Some(check) = current.spec.provider.verify.clone() else { return self.complete(files) };
        let environment = launch::chosen(&current.spec)
            .map(|chosen| launch::environment(&current.spec, chosen))
            .unwrap_or_default();
        let (tell, sign_in, children) = (self.tell.clone(), self.number, Arc::clone(&self.children));
        self.event(Event::Verifying);
        tokio::spawn(async move {
            let result = verify::verify(&children, &check, &environment).await;
            let _ = tell.send(Message::Later { sign_in, what: Later::Verified { files, result } });
        });
    }

    pub(super) fn complete(&mut self, files: Vec<CapturedFile>) {
        let Some(current) = &mut self.current else { return };
        current.captured = Some(CapturedCredentials {
            session: current.spec.session,
            provider: current.spec.provider.id.clone(),
            generation: current.flow.generation + 1,
            files,
        });
        self.event(Event::Complete);
    }
}
