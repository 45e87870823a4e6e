//! As whom a child runs that is started by root: everything that root has is given up between fork and exec, for good.
#![expect(unsafe_code, reason = "a system call that has no safe wrapper")]

use std::{fs::File, io, io::Write as _};

use nix::{
    errno::Errno,
    libc,
    sys::{
        prctl::set_no_new_privs,
        resource::{Resource, setrlimit},
    },
    unistd::{Gid, Uid, setgroups, setresgid, setresuid},
};

/// Takes root to assume.
#[derive(Debug)]
pub struct Identity {
    /// User, and group of the same number; there are no others.
    pub uid: u32,
    pub most_files: u64,
    /// Of this user's, threads too.
    pub most_processes: u64,
    /// `cgroup.procs` of the control group that it shall be in.
    pub group: Option<File>,
}

impl Identity {
    /// For a child between fork and exec: system calls only, no allocation.
    pub(super) fn assume(&self) -> io::Result<()> {
        if let Some(mut group) = self.group.as_ref() {
            // 0 is whoever writes it.
            group.write_all(b"0")?;
        }
        setrlimit(Resource::RLIMIT_NOFILE, self.most_files, self.most_files)?;
        setrlimit(Resource::RLIMIT_NPROC, self.most_processes, self.most_processes)?;
        drop_bounding_set()?;
        setgroups(&[])?;
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.uid));
        setresgid(gid, gid, gid)?;
        // Takes all capabilities with it (capabilities(7)).
        setresuid(uid, uid, uid)?;
        set_no_new_privs()?;
        Ok(())
    }
}

/// So that no program that it might execute gets one back.
fn drop_bounding_set() -> io::Result<()> {
    // The kernel says where they end; the mask has room for so many.
    for capability in 0..64_u64 {
        // SAFETY: PR_CAPBSET_DROP takes a number and touches no memory.
        let dropped = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0_u64, 0_u64, 0_u64) };
        match Errno::result(dropped) {
            Ok(_) => {}
            // Beyond the last one; or root here may not, and what follows has to do.
            Err(Errno::EINVAL | Errno::EPERM) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
