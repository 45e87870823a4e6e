//! How a VM gets going: with a snapshot where there is one, and by a boot otherwise, or when that came to nothing.

use std::sync::Arc;

use super::{
    Origin, VmRequest, VmStatus, conversation::Arrival, failures, identity::Identity, life::Happening,
    origin::Beginning, owner::Owner, teardown, timeline::host_mark,
};
use crate::{
    failure::{Failure, causes},
    snapshots::Snapshot,
    vmm::Vm,
};

impl Owner {
    /// From the disk to whatever ends the VM.
    pub(super) async fn begin(
        &mut self,
        beginning: Beginning,
        request: &VmRequest,
        place: &mut Option<Box<dyn Vm>>,
    ) -> Happening {
        if let Beginning::Restore(snapshot) = beginning {
            match self.restore(&snapshot, request, place).await {
                Ok(end) => return end,
                Err(failure) => self.give_up_on(&snapshot, &failure, place).await,
            }
        }
        self.boot(request, place).await.unwrap_or_else(Happening::Failed)
    }

    /// # Errors
    /// When the clone did not come so far that its agent knew who it is; then a boot may succeed, unless memory was wanting.
    async fn restore(
        &mut self,
        snapshot: &Snapshot,
        request: &VmRequest,
        place: &mut Option<Box<dyn Vm>>,
    ) -> Result<Happening, Failure> {
        self.disks.copy_disk(&snapshot.disk(), &self.disk()).await.map_err(|error| failures::disk(&error))?;
        self.book.timeline.mark(host_mark::DISK_READY);
        let (vmm, spec, files) =
            (Arc::clone(&self.vmm), self.decide_machine(request).await?, snapshot.files());
        let arrival = Arrival::Cloned(Identity::on(&request.network));
        let end = self.live(vmm.restore(&spec, &files), arrival, place).await;
        let nothing_else_is_lost =
            self.book.status() == VmStatus::Creating || self.book.status() == VmStatus::Booting;
        match end {
            Err(failure) if nothing_else_is_lost && !failures::lacked_memory(&failure) => Err(failure),
            end => Ok(end.unwrap_or_else(Happening::Failed)),
        }
    }

    /// The VM will boot instead, in the same directory.
    async fn give_up_on(&mut self, snapshot: &Snapshot, failure: &Failure, place: &mut Option<Box<dyn Vm>>) {
        let because = format!("the snapshot could not be restored: {}", failure.message);
        tracing::error!(vm = %self.id, key = %snapshot.manifest.key, console = ?failure.detail_lines, "{because}");
        self.book.timeline.mark(host_mark::NOT_RESTORED);
        self.book.origin = Some(Origin::Boot { because });
        if let Some(mut vm) = place.take() {
            vm.kill().await;
        }
        self.vmm.clear(self.id).await;
        if let Some(shelf) = &self.shelf {
            match shelf.blame(&snapshot.manifest.key) {
                Ok(true) => tracing::warn!(key = %snapshot.manifest.key, "the snapshot is removed"),
                Ok(false) => {}
                Err(error) => tracing::error!("{}", causes(&error)),
            }
        }
        if let Err(error) = teardown::empty_directory(&self.directory).await {
            tracing::error!(vm = %self.id, "{}: {error}", self.directory.display());
        }
    }

    async fn boot(
        &mut self,
        request: &VmRequest,
        place: &mut Option<Box<dyn Vm>>,
    ) -> Result<Happening, Failure> {
        self.disks.make_disk(request.disk_mib, &self.disk()).await.map_err(|error| failures::disk(&error))?;
        self.book.timeline.mark(host_mark::DISK_READY);
        let (vmm, spec) = (Arc::clone(&self.vmm), self.decide_machine(request).await?);
        self.live(vmm.launch(&spec), Arrival::Boots, place).await
    }
}
