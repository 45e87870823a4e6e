//! One prompt, from its turn to its end.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anteroom_protocol::{
    ProviderDefinition, Secret,
    agent::Surroundings,
    exec::{Ended, ExecSpec},
    provider::Prompt,
};
use bytes::Bytes;
use serde_json::Value;
use time::OffsetDateTime;
use tokio::{
    sync::{Semaphore, mpsc, watch},
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    NewPrompt, PromptFile,
    hearing::Hearing,
    keeping::Keeping,
    registry::Shared,
    story::{PromptEvent, Story},
    traced::Traced,
    trouble::{self, lost, no_vm, not_kept, not_signed_in, unreadable},
};
use crate::{
    agent::{AgentClient, AgentError, Complaints, Program, ProgramError, Run},
    failure::{Failure, causes},
    metrics,
    store::{PromptRecord, PromptStatus},
    traces::Trace,
    vm::{NoVisit, VmHandle},
};

const SIGTERM: u8 = 15;
const SIGKILL: u8 = 9;
/// Between the signal that asks and the one that does not: a cancelled prompt is over within a second.
const MERCY: Duration = Duration::from_millis(600);
/// For the end of what was killed to be told.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// Into the directory, which is made if need be, and on with the program.
const IN_DIRECTORY: &str = r#"mkdir -p -- "$1" && cd -- "$1" && shift && exec "$@""#;
/// Into the directory, and a file from standard input.
const WRITE_FILE: &str = r#"mkdir -p -- "$1" && cd -- "$1" && mkdir -p -- "$(dirname -- "$2")" && cat >"$2""#;
/// What a desktop's programs find, and a VM without one has not: CLIs would believe that somebody can see a browser.
const NOT_HERE: [&str; 4] = ["BROWSER", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "XDG_SESSION_TYPE"];

pub(super) struct Running {
    shared: Arc<Shared>,
    definition: Arc<ProviderDefinition>,
    new: NewPrompt,
    record: watch::Sender<PromptRecord>,
    story: Story,
    cancel: CancellationToken,
    began: Instant,
    traced: Option<Traced>,
}

/// How it came to its end.
enum End {
    Done { ended: Ended, usage: Option<Value>, complaint: Option<String> },
    Failed(Failure),
    Cancelled,
}

impl Running {
    pub(super) fn new(
        shared: Arc<Shared>,
        new: NewPrompt,
        record: watch::Sender<PromptRecord>,
        story: Story,
        cancel: CancellationToken,
    ) -> Self {
        let definition = Arc::new(new.provider.clone());
        let (began, traced) = (Instant::now(), Traced::begin(record.borrow().id, &new));
        Self { shared, definition, new, record, story, cancel, began, traced }
    }

    /// What everything is part of that is done for it.
    pub(super) fn trace(&self) -> Option<Trace> {
        self.traced.as_ref().map(|traced| traced.trace().clone())
    }

    pub(super) async fn run(self, turns: Arc<Semaphore>) {
        let end = match self.cancel.run_until_cancelled(turns.acquire_owned()).await {
            Some(turn) => {
                let end = self.course().await;
                drop(turn);
                end
            }
            None => End::Cancelled,
        };
        self.finish(end).await;
    }

    async fn course(&self) -> End {
        // Without them no VM is started.
        match self.shared.store.credentials_newest(&self.new.user_id, &self.definition.id).await {
            Ok(Some(_)) => {}
            Ok(None) => return End::Failed(not_signed_in()),
            Err(error) => return End::Failed(unreadable(&error)),
        }
        let vm = match self.shared.vms.of(&self.new.user_id) {
            Ok(vm) => vm,
            Err(error) => return End::Failed(no_vm(&error)),
        };
        self.stands_at(PromptStatus::Starting, Some(&vm)).await;
        let visit = match self.cancel.run_until_cancelled(self.shared.vms.enter(&vm)).await {
            Some(Ok(visit)) => visit,
            Some(Err(error @ NoVisit::Memory { .. })) => return End::Failed(no_vm(&error.into())),
            Some(Err(error)) => return End::Failed(lost(&vm, &error).await),
            None => return End::Cancelled,
        };
        let end = self.with_credentials(&vm, &visit).await;
        self.shared.vms.note_use(&vm).await;
        end
    }

    async fn with_credentials(&self, vm: &VmHandle, agent: &AgentClient) -> End {
        let books = self.shared.books(&self.new.user_id, &self.definition);
        let surroundings = &self.shared.settings.surroundings;
        let begun = self.cancel.run_until_cancelled(Keeping::begin(books, agent, surroundings)).await;
        let (keeping, in_place) = match begun {
            Some(Ok(begun)) => begun,
            Some(Err(error)) => return End::Failed(not_kept(vm, &error).await),
            None => return End::Cancelled,
        };
        let prepared = async {
            if in_place.changed {
                self.verify(agent, &in_place.variables).await?;
            }
            for file in &self.new.files {
                self.write(agent, file).await?;
            }
            Ok(())
        };
        let ran = match self.cancel.run_until_cancelled(prepared).await {
            // It sees to being cancelled itself: the CLI has to be ended then.
            Some(Ok(())) => self.ask(vm, agent, &in_place.variables).await,
            Some(Err(error)) => Err(error),
            None => Ok(End::Cancelled),
        };
        let end = match ran {
            Ok(end) => end,
            Err(NotRun::Failed(failure)) => End::Failed(failure),
            Err(NotRun::Broken(error)) => End::Failed(lost(vm, &*error).await),
        };
        keeping.end().await;
        end
    }

    /// Asks the CLI itself, where it can say it, whether it takes what was put there.
    async fn verify(&self, agent: &AgentClient, variables: &BTreeMap<String, Secret>) -> Result<(), NotRun> {
        let Some(check) = &self.definition.verify else { return Ok(()) };
        let spec = ExecSpec { argv: check.argv.clone(), ..self.spec(variables) };
        let end = agent.run(Run::without_input(spec)).await?.to_its_end().await?;
        if end.ended.code == check.ok_rc {
            return Ok(());
        }
        let message = format!(
            "{} does not take the credentials that were captured: `{}` ended with code {}; sign in again",
            self.definition.name,
            check.argv.join(" "),
            end.ended.code
        );
        Err(NotRun::Failed(Failure::new("not_signed_in", message)))
    }

    async fn write(&self, agent: &AgentClient, file: &PromptFile) -> Result<(), NotRun> {
        let argv =
            ["/bin/sh", "-c", WRITE_FILE, "sh", self.directory(), &file.path].map(str::to_owned).to_vec();
        let (input, reads) = mpsc::channel(1);
        // There is room for one.
        let _ = input.send(Bytes::copy_from_slice(file.contents.expose())).await;
        drop(input);
        let run = Run {
            spec: ExecSpec { argv, ..ExecSpec::default() },
            input: reads,
            complaints: Complaints::Kept,
        };
        let end = agent.run(run).await?.to_its_end().await?;
        if end.ended.code == 0 {
            return Ok(());
        }
        let shown: String = file.path.chars().take(200).collect();
        let message = format!("the file {shown:?} cannot be written in the VM");
        Err(NotRun::Failed(Failure::new("file_not_written", message).with_lines(end.complaint.lines())))
    }

    async fn ask(
        &self,
        vm: &VmHandle,
        agent: &AgentClient,
        variables: &BTreeMap<String, Secret>,
    ) -> Result<End, NotRun> {
        let Some((prompt, understanding)) =
            self.definition.prompt.as_ref().and_then(|prompt| Some((prompt, prompt.understanding().ok()?)))
        else {
            let message = format!("{} takes no prompts", self.definition.name);
            return Err(NotRun::Failed(Failure::new("no_prompts", message)));
        };
        let (input, reads) = mpsc::channel(1);
        // There is room for one.
        let _ = input.send(Bytes::copy_from_slice(self.new.text.expose())).await;
        drop(input);
        let limit = self.limit();
        let spec = ExecSpec {
            argv: self.command(prompt),
            timeout_ms: Some(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)),
            ends_together: true,
            ..self.spec(variables)
        };
        let program = agent.run(Run { spec, input: reads, complaints: Complaints::Told }).await?;
        self.stands_at(PromptStatus::Running, None).await;
        self.hear(vm, program, Hearing::new(understanding)).await
    }

    async fn hear(&self, vm: &VmHandle, mut program: Program, mut hearing: Hearing) -> Result<End, NotRun> {
        let most_bytes = self.shared.settings.limits.now().output_mib.get() as usize * 1024 * 1024;
        let mut heard = false;
        loop {
            let piece = tokio::select! {
                piece = program.next_piece() => piece,
                // Whatever stands between us and a VM that is gone may keep its connections.
                () = vm.begins_to_end() => return Err(NotRun::Broken(NoVisit::Gone.into())),
                () = self.cancel.cancelled() => {
                    end(program).await;
                    return Ok(End::Cancelled);
                }
            };
            let Some(piece) = piece else { break };
            for chunk in hearing.hear(piece) {
                if !std::mem::replace(&mut heard, true) {
                    metrics::prompt_reached("first_byte", self.began.elapsed());
                }
                self.story.tell(&chunk);
            }
            if self.story.bytes() > most_bytes {
                end(program).await;
                let message = format!(
                    "the CLI was ended: it has said more than {} MiB (setting prompt.output_mib)",
                    most_bytes >> 20
                );
                return Err(NotRun::Failed(Failure::new("output_too_large", message)));
            }
        }
        hearing.last().iter().for_each(|chunk| self.story.tell(chunk));
        let ended = program.end().await?.ended;
        Ok(self.judge(ended, hearing))
    }

    fn judge(&self, ended: Ended, hearing: Hearing) -> End {
        if ended.timed_out {
            let message = format!("the CLI was ended: it did not answer within {} s", self.limit().as_secs());
            return End::Failed(Failure::new("time_out", message));
        }
        let complaint = hearing.complaint.text();
        match hearing.failure {
            Some(failure) if ended.code != 0 => {
                let lines = complaint.iter().flat_map(|text| text.lines());
                End::Failed(trouble::complaint(failure, &self.definition.name).with_lines(lines))
            }
            _ => {
                let complaint = complaint.filter(|_| ended.code != 0);
                End::Done { ended, usage: hearing.usage, complaint }
            }
        }
    }

    fn limit(&self) -> Duration {
        let most = self.shared.settings.limits.now().limit;
        self.new.limit.map_or(most, |limit| limit.min(most))
    }

    fn directory(&self) -> &str {
        self.new.directory.as_deref().unwrap_or(NewPrompt::USUAL_DIRECTORY)
    }

    fn command(&self, prompt: &Prompt) -> Vec<String> {
        let before = ["/bin/sh", "-c", IN_DIRECTORY, "sh", self.directory(), "env"];
        let absent = NOT_HERE.into_iter().chain(prompt.unset.iter().map(String::as_str));
        let absent = absent.flat_map(|name| ["-u".to_owned(), name.to_owned()]);
        let command = prompt.command(self.new.model.as_deref());
        before.into_iter().map(str::to_owned).chain(absent).chain(command).collect()
    }

    /// With the environment that the CLI finds.
    fn spec(&self, variables: &BTreeMap<String, Secret>) -> ExecSpec {
        let mut environment: BTreeMap<String, String> =
            self.definition.prompt.as_ref().map(|prompt| prompt.env.clone()).unwrap_or_default();
        if self.shared.settings.surroundings.extra_ca_pem.is_some() {
            environment.insert(Surroundings::NODE_VARIABLE.to_owned(), Surroundings::EXTRA_CA.to_owned());
        }
        let shown =
            variables.iter().filter_map(|(name, value)| Some((name.clone(), value.expose_str()?.to_owned())));
        environment.extend(shown);
        ExecSpec { environment, ..ExecSpec::default() }
    }

    async fn stands_at(&self, status: PromptStatus, vm: Option<&VmHandle>) {
        self.record.send_modify(|record| {
            record.status = status;
            if let Some(vm) = vm {
                record.vm_id = Some(vm.id());
            }
        });
        self.save().await;
        if status == PromptStatus::Running {
            metrics::prompt_reached("running", self.began.elapsed());
            self.traced.iter().for_each(Traced::runs);
        }
        let vm_id = self.record.borrow().vm_id;
        self.story.tell(&PromptEvent::Status { status, vm_id });
    }

    async fn finish(mut self, end: End) {
        let (status, exit_code, failure, last) = match end {
            End::Done { ended, usage, complaint } => {
                self.record.send_modify(|record| record.usage.clone_from(&usage));
                let last = PromptEvent::Done { exit_code: ended.code, usage, complaint };
                (PromptStatus::Done, Some(ended.code), None, last)
            }
            End::Failed(failure) => {
                // The lines are the CLI's: for whoever asked, and not for the store.
                let stored = Failure { detail_lines: Vec::new(), ..failure.clone() };
                (PromptStatus::Failed, None, Some(stored), PromptEvent::error(failure))
            }
            End::Cancelled => {
                let failure = Failure::new("cancelled", "the prompt was cancelled");
                (PromptStatus::Cancelled, None, None, PromptEvent::error(failure))
            }
        };
        self.record.send_modify(|record| {
            record.status = status;
            record.exit_code = exit_code;
            record.failure = failure;
            record.ended_at = Some(OffsetDateTime::now_utc());
        });
        self.save().await;
        metrics::prompt_reached("ended", self.began.elapsed());
        let (id, code) = (
            self.record.borrow().id,
            self.record.borrow().failure.as_ref().map(|failure| failure.code.clone()),
        );
        if let Some(traced) = self.traced.take() {
            traced.ended(status, code.as_deref());
        }
        tracing::info!(prompt = %id, status = status.as_str(), exit_code, code, "prompt ended");
        self.story.tell(&last);
    }

    async fn save(&self) {
        let record = self.record.borrow().clone();
        if let Err(error) = self.shared.store.prompt_update(&record).await {
            tracing::error!(prompt = %record.id, cause = causes(&error), "its state is not stored");
        }
    }
}

/// Why the CLI was not run to its end.
enum NotRun {
    Failed(Failure),
    /// The VM does not do its part.
    Broken(Box<dyn std::error::Error + Send + Sync>),
}

impl From<AgentError> for NotRun {
    fn from(error: AgentError) -> Self {
        Self::Broken(error.into())
    }
}

impl From<ProgramError> for NotRun {
    fn from(error: ProgramError) -> Self {
        match error {
            ProgramError::Refused(reason) => {
                Self::Failed(Failure::new("not_started", format!("the CLI was not started: {reason}")))
            }
            error => Self::Broken(error.into()),
        }
    }
}

/// Ends the CLI and everything that it has started.
async fn end(mut program: Program) {
    program.signal(SIGTERM).await;
    let ended = async { while program.next_piece().await.is_some() {} };
    if timeout(MERCY, ended).await.is_err() {
        program.signal(SIGKILL).await;
        let ended = async { while program.next_piece().await.is_some() {} };
        // One that does not even tell its end then is left.
        let _ = timeout(LAST_WORDS, ended).await;
    }
}
