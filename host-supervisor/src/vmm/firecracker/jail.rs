//! Firecracker's jailer: each VM's Firecracker runs as a user of its own, in a root of its own, within a control group of its own.
//!
//! ```text
//!  vms/ID/                     the VM's directory, root's
//!    v.sock, v.sock_1025       what the host connects to and listens on ┐ hard links: the same sockets under
//!    jail/firecracker/ID/root/                                          │ two names
//!      v.sock, v.sock_1025  ◀───────────────────────────────────────────┘
//!      kernel, initrd, layer0…  bind mounts, seen by this process only
//!      disk                     a hard link
//!  /sys/fs/cgroup/anteroom/ID  memory, processors, processes
//! ```
//! The jailer changes root with pivot_root(2), drops all privileges and replaces itself by Firecracker, whose own seccomp filters
//! then leave it three dozen system calls a thread.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs, io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anteroom_protocol::{VmId, ports::HOST_KNOCK};

use super::plan::GUEST_SOCKET;
use crate::{
    net::{self, Network},
    vmm::{
        AgentAddress, LaunchError, Survivor, VmSpec,
        confine::{
            UIDS,
            group::{Limits, Share},
        },
        process::Mounts,
    },
};

/// Open files of a Firecracker: its drives, sockets and devices, and some to spare.
const MOST_FILES: u32 = 256;
/// What a Firecracker needs beside the memory of its guest, with room for the page cache of what it writes.
const OVERHEAD_MIB: u64 = 256;
/// Threads beside those of the guest's processors.
const OTHER_THREADS: u32 = 8;

/// The jailer, and which users it has given to whom.
#[derive(Debug)]
pub(super) struct Jailer {
    program: PathBuf,
    taken: Arc<Mutex<BTreeSet<u32>>>,
}

/// A user and group of one VM's own, given back when this is dropped.
#[derive(Debug)]
struct Uid {
    number: u32,
    taken: Arc<Mutex<BTreeSet<u32>>>,
}

impl Drop for Uid {
    fn drop(&mut self) {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

/// What surrounds one VM. All of it is in the VM's directory but the control group.
#[derive(Debug)]
pub(super) struct Jail {
    uid: Uid,
    root: PathBuf,
    base: PathBuf,
    id: VmId,
    directory: PathBuf,
    /// `None` where the host has no controller for it.
    limits: Option<Limits>,
}

impl Jailer {
    pub(super) fn new(program: PathBuf) -> Self {
        Self { program, taken: Arc::default() }
    }

    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    /// Furnishes a jail, and says what the VM looks like from inside, and what has to be mounted for that.
    pub(super) fn furnish(
        &self,
        firecracker: &Path,
        spec: &VmSpec,
    ) -> Result<(Jail, VmSpec, Mounts), LaunchError> {
        let (base, root) = places(firecracker, spec.id, &spec.directory);
        let at_root = |source| LaunchError::Io { path: root.clone(), source };
        // One that was left would have devices in it, which the jailer makes anew.
        gone(fs::remove_dir_all(&base)).map_err(at_root)?;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&root).map_err(at_root)?;
        let limits = Limits::of(share(spec));
        let directory = spec.directory.clone();
        let uid = self.take_uid()?;
        let jail = Jail { uid, root: root.clone(), base, id: spec.id, directory, limits };
        let (inside, mounts) = jail.bring_in(spec).map_err(at_root)?;
        Ok((jail, inside, mounts))
    }

    /// The jail of a Firecracker that another daemon has put there.
    pub(super) fn adopt(&self, firecracker: &Path, survivor: &Survivor) -> io::Result<Jail> {
        let (base, root) = places(firecracker, survivor.id, &survivor.directory);
        // The jailer has given it to the user.
        let number = fs::metadata(&root)?.uid();
        self.lock().insert(number);
        let uid = Uid { number, taken: Arc::clone(&self.taken) };
        let jail =
            Jail { uid, root, base, id: survivor.id, directory: survivor.directory.clone(), limits: None };
        jail.let_the_knock_out()?;
        Ok(jail)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<u32>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_uid(&self) -> Result<Uid, LaunchError> {
        let mut taken = self.lock();
        let free = UIDS.into_iter().find(|uid| !taken.contains(uid));
        let number =
            free.ok_or_else(|| LaunchError::Shape { what: "a user of its own: all are taken".to_owned() })?;
        taken.insert(number);
        Ok(Uid { number, taken: Arc::clone(&self.taken) })
    }
}

impl Jail {
    fn bring_in(&self, spec: &VmSpec) -> io::Result<(VmSpec, Mounts)> {
        let mut mounts = Mounts::default();
        let mut inside = |file: &Path, name: String| -> io::Result<PathBuf> {
            mounts.show(file, self.root.join(&name))?;
            Ok(Path::new("/").join(name))
        };
        let kernel = inside(&spec.kernel, "kernel".to_owned())?;
        let initrd = spec.initrd.as_ref().map(|initrd| inside(initrd, "initrd".to_owned())).transpose()?;
        let layers = spec
            .layers
            .iter()
            .enumerate()
            .map(|(index, layer)| inside(layer, format!("layer{index}")))
            .collect::<io::Result<_>>()?;
        let disk = spec.disk.as_ref().map(|disk| self.give(disk, "disk")).transpose()?;
        if let Network::Tap(tap) = &spec.network {
            net::host::give_device(&tap.device, self.uid.number)?;
        }
        self.let_the_knock_out()?;
        Ok((VmSpec { kernel, initrd, layers, disk, ..spec.clone() }, mounts))
    }

    /// The guest's knock reaches the socket on which the host listens for it now. It is there unless somebody starts a guest
    /// that nobody wants to hear of.
    fn let_the_knock_out(&self) -> io::Result<()> {
        let address = AgentAddress { directory: self.directory.clone(), socket: GUEST_SOCKET.to_owned() };
        let knock = address.host_socket(HOST_KNOCK);
        gone(fs::remove_file(self.root.join(&knock)))?;
        if self.directory.join(&knock).exists() {
            self.give(&self.directory.join(&knock), &knock)?;
        }
        Ok(())
    }

    /// The same file under a name in the jail, and its user's.
    fn give(&self, file: &Path, name: &str) -> io::Result<PathBuf> {
        fs::hard_link(file, self.root.join(name))?;
        self.own(file)?;
        Ok(Path::new("/").join(name))
    }

    /// Makes it the user's, and nobody else's.
    pub(super) fn own(&self, file: &Path) -> io::Result<()> {
        chown(file, Some(self.uid.number), Some(self.uid.number))?;
        fs::set_permissions(file, fs::Permissions::from_mode(0o600))
    }

    /// What the jailer is told; Firecracker's own arguments come behind.
    pub(super) fn arguments(&self, firecracker: &Path, own: Vec<OsString>) -> Vec<OsString> {
        let (id, uid) = (self.id.to_string(), self.uid.number.to_string());
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
        &self.root
    }

    /// Firecracker's socket of the guest appears in the jail; from now on it is where a VM's belongs.
    pub(super) fn show_guest_socket(&self) -> Result<(), LaunchError> {
        let path = self.directory.join(GUEST_SOCKET);
        fs::hard_link(self.root.join(GUEST_SOCKET), &path).map_err(|source| LaunchError::Io { path, source })
    }
}

/// What the jailer makes of its base directory: the base, and the root.
fn places(firecracker: &Path, id: VmId, directory: &Path) -> (PathBuf, PathBuf) {
    let base = directory.join("jail");
    // The jailer names it by the program.
    let name = firecracker.file_name().unwrap_or_default();
    let root = base.join(name).join(id.to_string()).join("root");
    (base, root)
}

fn share(spec: &VmSpec) -> Share {
    let processors = u32::from(spec.vcpus);
    Share {
        memory_mib: u64::from(spec.memory_mib) + OVERHEAD_MIB,
        processors,
        processes: processors + OTHER_THREADS,
    }
}

fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_vms_have_the_same_user_and_one_is_given_back() {
        let jailer = Jailer::new("/usr/bin/jailer".into());
        let (first, second) = (jailer.take_uid().unwrap(), jailer.take_uid().unwrap());
        assert_ne!(first.number, second.number);
        let number = first.number;
        drop(first);
        assert_eq!(jailer.take_uid().unwrap().number, number);
    }
}
