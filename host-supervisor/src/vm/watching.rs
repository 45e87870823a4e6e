//! Watching a guest that runs: until it ends, somebody asks for its end, or it is to be put to disk.

use std::{path::PathBuf, sync::Arc};

use anteroom_protocol::{Event, EventBody};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    Order, Origin, VmEvent, VmStatus,
    conversation::{Arrival, Conversation, News},
    failures,
    hibernation::{NotHibernated, Resting},
    launches::holds_place,
    life::Happening,
    owner::Owner,
    timeline::host_mark,
};
use crate::{
    agent::{AgentClient, Knock},
    disk::DiskError,
    failure::{Failure, causes},
    vmm::{SnapshotError, SnapshotFiles, Vm},
};

/// How many pieces of news may wait for the owner; a guest that talks more has to wait itself.
const NEWS: usize = 64;

/// What comes after a guest has been watched.
pub(super) enum Passage {
    Ends(Happening),
    /// Nobody is in it, and its agent is not given to anybody any more.
    Rests(Resting),
}

impl Owner {
    /// # Errors
    /// When the VM fails by something that is noticed here.
    pub(super) async fn watch(
        &mut self,
        vm: &mut dyn Vm,
        knock: Knock,
        arrival: Arrival,
    ) -> Result<Passage, Failure> {
        let console = vm.console();
        self.reached.send_modify(|reached| reached.console = Some(Arc::clone(&console)));

        let limits = self.limits();
        let (news_sender, mut news) = mpsc::channel(NEWS);
        let conversation = Conversation {
            address: self.vmm.agent_address(&self.directory),
            console: Arc::clone(&console),
            limits,
            vm: self.id,
            arrival: arrival.clone(),
            heard: self.heard,
            done: self.done.subscribe(),
            news: news_sender,
        };
        let _conversation = AbortOnDropHandle::new(tokio::spawn(conversation.hold(knock)));
        let mut desktop_due = None;
        let session = self.events.clone();
        let mut hibernate_after = self.hibernate_after.clone();
        loop {
            // A session that does not keep up slows its guest down, not this task.
            let room = session.capacity() > 0 || session.is_closed();
            let waits_for_desktop = self.book.status() == VmStatus::Running;
            let alone = hibernate_after.borrow_and_update().of(self.kind).filter(|_| self.may_rest().is_ok());
            tokio::select! {
                biased;
                reason = self.stop.asked() => return Ok(Passage::Ends(Happening::StopAsked(reason))),
                exit = vm.wait() => {
                    console.ended().await;
                    return Err(failures::ended(&exit, &console.tail(), self.kind, self.memory_mib));
                }
                through = self.outstanding.next() => drop(self.done.send_replace(through)),
                Some(item) = news.recv(), if room => {
                    if matches!(item, News::Answered { .. }) {
                        desktop_due = Some(Instant::now() + limits.desktop);
                    }
                    self.learn(item, &arrival).await?;
                    if !holds_place(self.book.status()) {
                        self.ticket = None;
                    }
                }
                Some(order) = self.orders.recv() => match order {
                    Order::Occupy => {
                        self.is_somebodys = true;
                        self.presence.touch();
                        self.book.occupied().await?;
                    }
                    Order::Hibernate { done } => match self.leave_alone() {
                        Ok(agent) => return Ok(Passage::Rests(Resting { agent, done: Some(done) })),
                        Err(refusal) => drop(done.send(Err(refusal))),
                    },
                    Order::Snapshot { files, disk, done } => {
                        return Ok(Passage::Ends(self.be_snapshotted(vm, files, disk, done).await));
                    }
                },
                _ = session.reserve(), if !room => {}
                // The next round looks at it.
                Ok(()) = hibernate_after.changed() => {}
                () = sleep_until(desktop_due), if waits_for_desktop => {
                    let failure = failures::no_desktop(limits.desktop, &self.book.unready_services());
                    return Err(failures::with_memory_hint(failure, self.memory_mib));
                }
                () = self.presence.left_alone_for(alone.unwrap_or_default()), if alone.is_some() => {
                    // Who has come this very moment has the time begin anew.
                    if let Ok(agent) = self.leave_alone() {
                        return Ok(Passage::Rests(Resting { agent, done: None }));
                    }
                }
            }
        }
    }

    /// Writes a golden VM to files. It does not run any more afterwards; somebody will ask for its end.
    async fn be_snapshotted(
        &mut self,
        vm: &mut dyn Vm,
        files: SnapshotFiles,
        disk: PathBuf,
        done: oneshot::Sender<Result<(), SnapshotError>>,
    ) -> Happening {
        // Nobody reaches its agent any more. Who has asked may have gone.
        self.reached.send_modify(|reached| reached.agent = None);
        let (disks, own) = (self.disks.clone(), self.disk());
        let made = tokio::select! {
            biased;
            reason = self.stop.asked() => return Happening::StopAsked(reason),
            made = snapshot(vm, &files, disks.copy_disk(&own, &disk)) => made,
        };
        let _ = done.send(made);
        Happening::StopAsked(self.stop.asked().await)
    }

    async fn learn(&mut self, news: News, arrival: &Arrival) -> Result<(), Failure> {
        match news {
            News::Answered { agent, at, clock } => {
                match arrival {
                    Arrival::Boots | Arrival::TakenOver => self.book.timeline.learn_guest_clock(clock),
                    Arrival::Cloned(_) => {
                        self.book.timeline.learn_shifted_clock(clock);
                        if let (Some(shelf), Some(Origin::Snapshot { key })) =
                            (&self.shelf, &self.book.origin)
                        {
                            shelf.clear(key);
                        }
                    }
                    Arrival::Woke => {
                        self.book.timeline.learn_shifted_clock(clock);
                        self.book.timeline.mark_at(host_mark::AWAKE, at);
                    }
                }
                self.book.timeline.mark_first(host_mark::AGENT_ANSWERED, at);
                self.presence.touch();
                self.admit(agent);
                self.book.happened(Happening::AgentAnswered).await
            }
            News::Event(event) => {
                self.heard = event.number;
                let verdict = self.heed(&event).await;
                let at = self.book.timeline.moment_of(event.uptime_ns);
                let guard = self.outstanding.hand_out(event.number);
                // There is room, or nobody is there to take it.
                let _ = self.events.try_send(VmEvent { event, at, guard });
                verdict
            }
            News::Failed(failure) => Err(failures::with_memory_hint(failure, self.memory_mib)),
        }
    }

    /// What an event means for the VM itself.
    async fn heed(&mut self, event: &Event) -> Result<(), Failure> {
        match &event.body {
            EventBody::Mark { name } => {
                self.book.timeline.mark_guest(name, event.uptime_ns);
                self.book.publish();
            }
            EventBody::Service(status) => {
                self.book.note_service(status);
                self.book.publish();
            }
            EventBody::DesktopReady => {
                self.presence.touch();
                return self.book.happened(Happening::DesktopReady).await;
            }
            EventBody::DesktopFailed { service, cause, last_lines } => {
                return Err(failures::desktop(service, cause, last_lines, &self.console_tail()));
            }
            _ => {}
        }
        Ok(())
    }

    /// From now on its agent is there for everybody.
    pub(super) fn admit(&self, agent: AgentClient) {
        self.reached.send_modify(|reached| reached.agent = Some(agent));
    }

    /// Takes the agent out of everybody's reach, unless somebody is in the VM.
    fn leave_alone(&self) -> Result<AgentClient, NotHibernated> {
        self.may_rest()?;
        let mut agent = None;
        // Whoever comes takes a seat first and the agent then: one of the two is seen, here or there.
        self.reached.send_modify(|reached| agent = reached.agent.take());
        let agent = agent.ok_or(NotHibernated::NotReady)?;
        if self.presence.is_visited() {
            self.admit(agent);
            return Err(NotHibernated::InUse);
        }
        Ok(agent)
    }
}

async fn snapshot(
    vm: &mut dyn Vm,
    files: &SnapshotFiles,
    disk_copied: impl Future<Output = Result<(), DiskError>>,
) -> Result<(), SnapshotError> {
    vm.snapshot(files).await?;
    // The guest stands still, so that what it has written is what its memory believes.
    disk_copied.await.map_err(|error| SnapshotError::Vmm(causes(&error)))
}

async fn sleep_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
