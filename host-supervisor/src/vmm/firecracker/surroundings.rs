//! What a Firecracker finds around it: a jail, or, where root runs it without one, a control group with the same limits; and the
//! directory in which all has the names that a snapshot knows.

use std::io;

use super::{
    Firecracker, FirecrackerSettings, hibernate,
    jail::{Furnished, Jail, share},
    names, plan,
    request::Request,
    suspend,
    vm::Begin,
};
use crate::vmm::{
    LaunchError, SnapshotFiles, VmSpec,
    confine::{disk_limit::limit_disk, group::Group},
    process::Mounts,
};

pub(super) struct Surroundings {
    pub(super) jail: Option<Jail>,
    /// Of one without a jail.
    pub(super) group: Option<Group>,
    /// As seen from there.
    spec: VmSpec,
    files: Option<SnapshotFiles>,
    pub(super) mounts: Mounts,
}

impl Surroundings {
    pub(super) fn of(
        firecracker: &Firecracker,
        spec: &VmSpec,
        begin: Begin<'_>,
    ) -> Result<Self, LaunchError> {
        let files = match begin {
            Begin::Boot | Begin::Wake(_) => None,
            Begin::Restore(files) => Some(files),
        };
        let mut surroundings = match &firecracker.jailer {
            Some(jailer) => {
                let Furnished { jail, spec, files, mounts } =
                    jailer.furnish(&firecracker.program, spec, files)?;
                Self { jail: Some(jail), group: None, spec, files, mounts }
            }
            None => Self::without_jail(&firecracker.settings, spec, files)
                .map_err(|source| LaunchError::Io { path: spec.directory.clone(), source })?,
        };
        if let Begin::Wake(_) = begin {
            surroundings.files = Some(hibernate::files());
        }
        Ok(surroundings)
    }

    fn without_jail(
        settings: &FirecrackerSettings,
        spec: &VmSpec,
        files: Option<&SnapshotFiles>,
    ) -> io::Result<Self> {
        let (mut mounts, mut group) = (Mounts::default(), None);
        if nix::unistd::geteuid().is_root() {
            let place = std::path::absolute(&spec.directory)?.join(hibernate::PLACE);
            mounts.memory(&place, hibernate::room_mib(spec.memory_mib.into()), 0)?;
            group = Group::make(spec.id, share(spec)).unwrap_or_else(|error| {
                tracing::warn!(vm = %spec.id, "the VM has no control group: {error}");
                None
            });
            limit_disk(spec.id, &spec.directory, settings.host_disk);
        }
        Ok(Self { jail: None, group, spec: names::link(spec)?, files: files.cloned(), mounts })
    }

    /// The whole conversation, up to a machine that boots, or one that has been loaded and stands still.
    pub(super) fn requests(&self, settings: &FirecrackerSettings) -> Result<Vec<Request>, LaunchError> {
        match &self.files {
            None => plan::requests(&self.spec, settings.transport, settings.rates),
            Some(files) => Ok(vec![suspend::loading(files, &self.spec.network)?]),
        }
    }
}
