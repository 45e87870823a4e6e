//! Firecracker's jailer: each VM's Firecracker runs as a user of its own, in a root of its own, within a control group of its own.
//!
//! Its root is a `confine::Lodging`, in `jail/firecracker/ID/root` of the VM's directory.
//!
//! The jailer changes root with pivot_root(2), drops all privileges and replaces itself by Firecracker, whose own seccomp filters
//! then leave it three dozen system calls a thread.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use anteroom_protocol::VmId;

use super::{
    hibernate,
    names::{MEMORY, STATE},
    plan::GUEST_SOCKET,
};
use crate::vmm::{
    LaunchError, OutOfMemory, Rate, SnapshotFiles, Survivor, VmSpec,
    confine::{
        Lodging, Uid, Uids,
        disk_limit::limit_disk,
        gone,
        group::{self, Limits, Share},
    },
    process::Mounts,
};

/// Open files of a Firecracker: its drives, sockets and devices, and some to spare.
const MOST_FILES: u32 = 256;
/// What a Firecracker needs beside the memory of its guest, with room for the page cache of what it writes.
pub(super) const OVERHEAD_MIB: u64 = 256;
/// Threads beside those of the guest's processors.
const OTHER_THREADS: u32 = 8;

/// The jailer, and which users it has given to whom.
#[derive(Debug)]
pub(super) struct Jailer {
    program: PathBuf,
    uids: Uids,
    /// What a VM may read and write of the host's disk.
    disk: Rate,
}

/// What surrounds one VM. All of it is in the VM's directory but the control group.
#[derive(Debug)]
pub(super) struct Jail {
    lodging: Lodging,
    base: PathBuf,
    id: VmId,
    /// `None` where the host has no controller for it.
    limits: Option<Limits>,
}

/// A jail, and what the VM looks like from inside.
#[derive(Debug)]
pub(super) struct Furnished {
    pub(super) jail: Jail,
    pub(super) spec: VmSpec,
    pub(super) files: Option<SnapshotFiles>,
    /// What has to be mounted for that.
    pub(super) mounts: Mounts,
}

impl Jailer {
    pub(super) fn new(program: PathBuf, disk: Rate) -> Self {
        Self { program, uids: Uids::default(), disk }
    }

    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    /// Furnishes a jail, with the files of a snapshot if the VM begins with one.
    pub(super) fn furnish(
        &self,
        firecracker: &Path,
        spec: &VmSpec,
        files: Option<&SnapshotFiles>,
    ) -> Result<Furnished, LaunchError> {
        let (base, root) = places(firecracker, spec.id, &spec.directory);
        let at_root = |source| LaunchError::Io { path: root.clone(), source };
        // One that was left would have devices in it, which the jailer makes anew.
        gone(fs::remove_dir_all(&base)).map_err(at_root)?;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&root).map_err(at_root)?;
        let limits = Limits::of(share(spec));
        // Not by the jailer, which takes no value with an equals sign; it goes on with a group that is there.
        limit_disk(spec.id, &spec.directory, self.disk);
        let lodging = lodging(self.uids.take()?, &spec.directory, root.clone());
        let (spec_inside, mut mounts) = lodging.bring_in(spec).map_err(at_root)?;
        let place = root.join(hibernate::PLACE);
        mounts
            .memory(&place, hibernate::room_mib(spec.memory_mib.into()), lodging.uid.number())
            .map_err(at_root)?;
        let mut show = |file: &Path, name: &str| {
            mounts.show(file, root.join(name)).map_err(at_root)?;
            Ok::<_, LaunchError>(lodging.inside(name))
        };
        let show = |files: &SnapshotFiles| {
            Ok::<_, LaunchError>(SnapshotFiles {
                memory: show(&files.memory, MEMORY)?,
                state: show(&files.state, STATE)?,
            })
        };
        let files = files.map(show).transpose()?;
        let jail = Jail { lodging, base, id: spec.id, limits };
        Ok(Furnished { jail, spec: spec_inside, files, mounts })
    }

    /// The jail of a Firecracker that another daemon has put there.
    pub(super) fn adopt(&self, firecracker: &Path, survivor: &Survivor) -> io::Result<Jail> {
        let (base, root) = places(firecracker, survivor.id, &survivor.directory);
        // The jailer has given it to the user.
        let uid = self.uids.adopt(fs::metadata(&root)?.uid());
        let lodging = lodging(uid, &survivor.directory, root);
        lodging.let_the_knock_out()?;
        Ok(Jail { lodging, base, id: survivor.id, limits: None })
    }
}

impl Jail {
    /// Makes it the user's, and nobody else's.
    pub(super) fn own(&self, file: &Path) -> io::Result<()> {
        self.lodging.own(file)
    }

    /// What the jailer is told; Firecracker's own arguments come behind.
    pub(super) fn arguments(&self, firecracker: &Path, own: Vec<OsString>) -> Vec<OsString> {
        let (id, uid) = (self.id.to_string(), self.lodging.uid.number().to_string());
        let files = format!("no-file={MOST_FILES}");
        let mut arguments: Vec<OsString> =
            ["--id", &id, "--uid", &uid, "--gid", &uid, "--resource-limit", &files]
                .into_iter()
                .map(OsString::from)
                .collect();
        arguments.extend(["--exec-file".into(), firecracker.into()]);
        arguments.extend(["--chroot-base-dir".into(), self.base.clone().into()]);
        if let Some(limits) = &self.limits {
            arguments.extend(limits.for_jailer().into_iter().map(OsString::from));
        }
        arguments.push("--".into());
        arguments.extend(own);
        arguments
    }

    /// The jail as the host sees it: where Firecracker's sockets appear.
    pub(super) fn root(&self) -> &Path {
        &self.lodging.root
    }

    /// Whether it was killed for want of memory; as long as its control group is there.
    pub(super) fn out_of_memory(&self) -> Option<OutOfMemory> {
        group::out_of_memory(self.id)
    }

    /// For a guest of that size, and what may lie in the memory besides.
    pub(super) fn limit_memory(&self, guest_mib: u64, besides_mib: u64) -> io::Result<()> {
        group::limit_memory(self.id, guest_mib + OVERHEAD_MIB + besides_mib)
    }

    pub(super) fn let_the_knock_out(&self) -> io::Result<()> {
        self.lodging.let_the_knock_out()
    }

    pub(super) fn show_guest_socket(&self) -> Result<(), LaunchError> {
        self.lodging.show_guest_socket()
    }
}

fn lodging(uid: Uid, directory: &Path, root: PathBuf) -> Lodging {
    Lodging { uid, directory: directory.to_owned(), root, from_inside: "/", guest_socket: GUEST_SOCKET }
}

/// What the jailer makes of its base directory: the base, and the root.
fn places(firecracker: &Path, id: VmId, directory: &Path) -> (PathBuf, PathBuf) {
    let base = directory.join("jail");
    // The jailer names it by the program.
    let name = firecracker.file_name().unwrap_or_default();
    let root = base.join(name).join(id.to_string()).join("root");
    (base, root)
}

pub(super) fn share(spec: &VmSpec) -> Share {
    let processors = u32::from(spec.vcpus);
    Share {
        memory_mib: u64::from(spec.memory_mib) + OVERHEAD_MIB,
        processors,
        processes: processors + OTHER_THREADS,
    }
}
