//! The memory of a VM in its directory: sealed, whole or not there.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use anteroom_protocol::VmId;
use anteroom_sealed_stream::{OpenError, StreamKey};

pub(super) const SEALED: &str = "memory.sealed";
/// While it is written.
const PART: &str = "memory.sealed.part";

/// Seals what comes out of a pipe, to a new file, which only its owner may read; returns how long that is. It does not count before
/// [`finish`]: a pipe that breaks looks like one that ends.
pub(super) fn seal(key: &StreamKey, vm: VmId, mut from: impl io::Read, directory: &Path) -> io::Result<u64> {
    let path = directory.join(PART);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    let bytes = key.seal(&context(vm), &mut from, &mut file)?;
    file.sync_all()?;
    Ok(bytes)
}

/// From now on the file is whole, whatever happens to the host.
pub(super) fn finish(directory: &Path) -> io::Result<()> {
    fs::rename(directory.join(PART), directory.join(SEALED))?;
    File::open(directory)?.sync_all()
}

pub(super) fn open(
    key: &StreamKey,
    vm: VmId,
    directory: &Path,
    mut into: impl io::Write,
) -> Result<(), OpenError> {
    let mut file = File::open(directory.join(SEALED)).map_err(OpenError::Read)?;
    key.open(&context(vm), &mut file, &mut into)
}

pub(in crate::vm) fn is_on_disk(directory: &Path) -> bool {
    directory.join(SEALED).is_file()
}

pub(in crate::vm) fn forget_files(directory: &Path) -> io::Result<()> {
    for name in [SEALED, PART] {
        match fs::remove_file(directory.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Of which VM, in which format.
fn context(vm: VmId) -> Vec<u8> {
    format!("anteroom hibernation v1 {vm}").into_bytes()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_memory_counts_when_it_is_whole_and_opens_for_its_own_vm_only() {
        let scratch = tempfile::tempdir().unwrap();
        let (key, vm) = (StreamKey::random().unwrap(), VmId::random());
        seal(&key, vm, &b"what the guest knows"[..], scratch.path()).unwrap();
        assert!(!is_on_disk(scratch.path()));
        finish(scratch.path()).unwrap();
        let mode = fs::metadata(scratch.path().join(SEALED)).unwrap().permissions().mode();
        assert!(is_on_disk(scratch.path()) && mode & 0o777 == 0o600);
        let mut memory = Vec::new();
        open(&key, vm, scratch.path(), &mut memory).unwrap();
        assert_eq!(memory, b"what the guest knows");
        let of_another = open(&key, VmId::random(), scratch.path(), io::sink());
        assert!(matches!(of_another, Err(OpenError::Damaged)));
        forget_files(scratch.path()).unwrap();
        assert!(matches!(open(&key, vm, scratch.path(), io::sink()), Err(OpenError::Read(_))));
        forget_files(scratch.path()).unwrap();
    }
}
