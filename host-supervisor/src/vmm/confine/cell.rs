//! What surrounds a VM whose VMM brings no jailer: QEMU and its vsock device, where the daemon is root.
//!
//! Each of the two processes gives everything up before it executes its program: it goes into the VM's control group and a mount
//! namespace of its own, takes limits, drops all capabilities and groups for good, and becomes the VM's user
//! (`process/identity.rs`). It sees the host's files as any user does, but nobody's secrets, and of ours what was brought into
//! its [`Lodging`]. QEMU's own seccomp filter comes on top.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

use anteroom_protocol::VmId;
use nix::sys::stat::{Mode, SFlag, mknod};

use super::{
    Uids,
    disk_limit::limit_disk,
    group::{Group, Share},
    lodging::{Lodging, gone},
};
use crate::vmm::{
    LaunchError, OutOfMemory, Rate, Survivor, VmSpec,
    process::{Identity, Mounts},
};

/// Of the lodging; the processes work in the directory above.
pub(in crate::vmm) const PLACE: &str = "run";

/// Kept as long as the VM lives.
#[derive(Debug)]
pub(in crate::vmm) struct Cell {
    lodging: Lodging,
    group: Option<Group>,
    share: Share,
    most_files: u64,
}

/// What a VM's processes may have, all together and each.
#[derive(Debug, Clone, Copy)]
pub(in crate::vmm) struct Allowance {
    pub(in crate::vmm) share: Share,
    pub(in crate::vmm) most_files: u64,
    /// Of the host's disk.
    pub(in crate::vmm) disk: Rate,
}

impl Cell {
    /// An empty one.
    pub(in crate::vmm) fn furnish(
        uids: &Uids,
        id: VmId,
        directory: &Path,
        guest_socket: &'static str,
        allowance: Allowance,
    ) -> Result<Self, LaunchError> {
        let root = directory.join(PLACE);
        let uid = uids.take()?;
        let at_root = |source| LaunchError::Io { path: root.clone(), source };
        let make = || {
            gone(fs::remove_dir_all(&root))?;
            DirBuilder::new().mode(0o700).create(&root)?;
            chown(&root, Some(uid.number()), Some(uid.number()))?;
            // The way from the working directory, which is root's, into the lodging.
            fs::set_permissions(directory, fs::Permissions::from_mode(0o711))
        };
        make().map_err(at_root)?;
        let Allowance { share, most_files, disk } = allowance;
        let group = Group::make(id, share).unwrap_or_else(|error| {
            tracing::warn!(vm = %id, "the VM has no control group: {error}");
            None
        });
        limit_disk(id, directory, disk);
        let directory = directory.to_owned();
        let lodging = Lodging { uid, directory, root, from_inside: PLACE, guest_socket };
        Ok(Self { lodging, group, share, most_files })
    }

    /// The one in which another daemon has put this VM; `None` when it has put it in none.
    pub(in crate::vmm) fn adopt(
        uids: &Uids,
        survivor: &Survivor,
        guest_socket: &'static str,
    ) -> io::Result<Option<Self>> {
        let root = survivor.directory.join(PLACE);
        let Ok(metadata) = fs::symlink_metadata(&root) else { return Ok(None) };
        let uid = uids.adopt(metadata.uid());
        let directory = survivor.directory.clone();
        let lodging = Lodging { uid, directory, root, from_inside: PLACE, guest_socket };
        lodging.let_the_knock_out()?;
        // What it may have was decided when it began.
        let share = Share::default();
        Ok(Some(Self { lodging, group: Group::existing(survivor.id), share, most_files: 0 }))
    }

    /// Says what the VM looks like from inside, and what has to be mounted for that.
    pub(in crate::vmm) fn bring_in(&self, spec: &VmSpec) -> Result<(VmSpec, Mounts), LaunchError> {
        self.lodging.bring_in(spec).map_err(|source| self.failed(source))
    }

    /// Shows a program, which may lie where the user cannot go; returns its path from inside.
    pub(in crate::vmm) fn show(&self, program: &Path, mounts: &mut Mounts) -> Result<PathBuf, LaunchError> {
        let name = program.file_name().unwrap_or_default();
        let place = self.lodging.root.join(name);
        mounts.show(program, place).map_err(|source| self.failed(source))?;
        Ok(Path::new(PLACE).join(name))
    }

    /// Puts a node of the user's own in the place of this device, which may be root's alone.
    pub(in crate::vmm) fn lend(&self, device: &Path, mounts: &mut Mounts) -> Result<(), LaunchError> {
        let node = self.lodging.root.join(device.file_name().unwrap_or_default());
        let mut make = || {
            mknod(&node, SFlag::S_IFCHR, Mode::S_IRUSR | Mode::S_IWUSR, fs::metadata(device)?.rdev())?;
            self.lodging.own(&node)?;
            mounts.cover(&node, device)
        };
        make().map_err(|source| self.failed(source))
    }

    /// As whom a process of the VM runs.
    pub(in crate::vmm) fn identity(&self) -> Result<Identity, LaunchError> {
        let group =
            self.group.as_ref().map(Group::entrance).transpose().map_err(|source| self.failed(source))?;
        Ok(Identity {
            uid: self.lodging.uid.number(),
            most_files: self.most_files,
            most_processes: self.share.processes.into(),
            group,
        })
    }

    /// As they are now: the host's, on which it listens for the knock, and the guest's.
    pub(in crate::vmm) fn show_sockets_again(&self) -> Result<(), LaunchError> {
        let renew = || {
            self.lodging.let_the_knock_out()?;
            gone(fs::remove_file(self.lodging.directory.join(self.lodging.guest_socket)))
        };
        renew().map_err(|source| self.failed(source))?;
        self.lodging.show_guest_socket()
    }

    pub(in crate::vmm) fn show_guest_socket(&self) -> Result<(), LaunchError> {
        self.lodging.show_guest_socket()
    }

    /// Whether a process of the VM was killed for want of memory.
    pub(in crate::vmm) fn out_of_memory(&self) -> Option<OutOfMemory> {
        self.group.as_ref()?.out_of_memory()
    }

    fn failed(&self, source: io::Error) -> LaunchError {
        LaunchError::Io { path: self.lodging.root.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vmm::process::{Invocation, Process};

    const ALLOWANCE: Allowance = Allowance {
        share: Share { memory_mib: 64, processors: 1, processes: 20 },
        most_files: 64,
        disk: Rate { bytes: None, operations: None },
    };

    /// What a shell in a cell says; `None` without being root.
    async fn said(script: &str, furnish: impl FnOnce(&Cell, &mut Mounts)) -> Option<String> {
        if !nix::unistd::geteuid().is_root() {
            eprintln!("SKIPPED {script}: this is not root");
            return None;
        }
        let (id, scratch) = (VmId::random(), tempfile::tempdir().unwrap());
        let cell = Cell::furnish(&Uids::default(), id, scratch.path(), "v.sock", ALLOWANCE).unwrap();
        let mut mounts = Mounts::default();
        furnish(&cell, &mut mounts);
        let arguments = vec!["-c".into(), format!("exec >&2; {script}").into()];
        let mut shell = Process::start(Invocation {
            mounts,
            identity: Some(cell.identity().unwrap()),
            ..Invocation::of(Path::new("/bin/sh"), arguments, scratch.path())
        });
        Some(shell.as_mut().unwrap().wait().await.stderr.join("\n"))
    }

    #[tokio::test]
    async fn what_is_roots_alone_stays_so_and_files_are_left_in_the_lodging_only() {
        let script = "cat /etc/shadow; (: >outside); (: >run/inside) && echo inside";
        let Some(said) = said(script, |_, _| ()).await else { return };
        let [shadow, outside, inside] = said.lines().collect::<Vec<_>>()[..] else { panic!("{said}") };
        assert!(shadow.ends_with("Permission denied"), "{said}");
        assert!(outside.ends_with("Permission denied"), "{said}");
        assert_eq!(inside, "inside");
    }

    #[tokio::test]
    async fn a_device_that_is_roots_alone_can_be_lent() {
        let device = Path::new("/dev/net/tun");
        if fs::metadata(device).is_ok_and(|metadata| metadata.mode() & 0o006 == 0) {
            let Some(said) = said("(exec 3<>/dev/net/tun) && echo open", |_, _| ()).await else { return };
            assert!(said.ends_with("Permission denied"), "{said}");
        } else {
            eprintln!("SKIPPED: /dev/net/tun is not there, or open to everybody");
            return;
        }
        let lend = |cell: &Cell, mounts: &mut Mounts| cell.lend(device, mounts).unwrap();
        let said =
            said("(exec 3<>/dev/net/tun) && echo open; (exec 3<>run/tun) && echo own", lend).await.unwrap();
        assert_eq!(said, "open\nown");
    }

    #[tokio::test]
    async fn a_program_from_where_only_root_can_go_can_be_shown() {
        let private = tempfile::tempdir().unwrap();
        fs::set_permissions(&private, fs::Permissions::from_mode(0o700)).unwrap();
        let program = private.path().join("tool");
        fs::copy("/bin/true", &program).unwrap();
        let script = format!("{} || run/tool && echo ran", program.display());
        let show = |cell: &Cell, mounts: &mut Mounts| {
            assert_eq!(cell.show(&program, mounts).unwrap(), Path::new("run/tool"));
        };
        let Some(said) = said(&script, show).await else { return };
        let [refused, ran] = said.lines().collect::<Vec<_>>()[..] else { panic!("{said}") };
        assert!(refused.contains("Permission denied") || refused.contains("not found"), "{said}");
        assert_eq!(ran, "ran");
    }
}
