//! The end of the VM: orderly when it is asked for, as orderly as possible when PID 1 itself is in trouble.

use std::{fs, panic, time::Duration};

use super::root;
use anteroom_protocol::{agent::FATAL_PREFIX, cmdline::KernelCommandLine};
use nix::{
    mount::{MsFlags, mount},
    sys::reboot::{RebootMode, reboot},
    unistd::sync,
};

/// How the VMM learns that the guest is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Ending {
    /// ACPI power-off.
    #[default]
    PowerOff,
    /// A reset by the keyboard controller: what Firecracker, which has no ACPI power button, takes for the end.
    Reset,
}

impl Ending {
    /// `reboot=k` is how a host says that only the keyboard controller works.
    pub(crate) fn asked_for_by(line: &KernelCommandLine) -> Self {
        if line.others.iter().any(|word| word == "reboot=k") { Self::Reset } else { Self::PowerOff }
    }
}

/// A panic is said on the console, and the VM ends: PID 1 must not die, or the kernel panics without a cause.
pub(crate) fn on_panic() {
    panic::set_hook(Box::new(|panic| {
        eprintln!("{FATAL_PREFIX}{panic}");
        off(Ending::PowerOff);
    }));
}

/// Everything to the disk, then the power off. Services have been stopped before, where that was possible.
pub(crate) fn off(ending: Ending) -> ! {
    sync();
    // The overlay keeps its disk busy, so the disk cannot be unmounted; read-only it is consistent as well. The root
    // comes first, because it writes to the disk.
    let flags = MsFlags::MS_REMOUNT.union(MsFlags::MS_RDONLY);
    let read_only = |path| mount(None::<&str>, path, None::<&str>, flags, None::<&str>);
    if read_only("/").and_then(|()| read_only(root::DISK)).is_err() {
        // SysRq "u" (sysrq.rst) does it by force, for whoever still writes.
        let _ = fs::write("/proc/sysrq-trigger", "u");
    }
    sync();
    let mode = match ending {
        Ending::PowerOff => RebootMode::RB_POWER_OFF,
        Ending::Reset => RebootMode::RB_AUTOBOOT,
    };
    let Err(error) = reboot(mode);
    eprintln!("{FATAL_PREFIX}the power does not go off: {error}");
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_without_acpi_gets_a_reset() {
        let ending = |line: &str| Ending::asked_for_by(&line.parse().unwrap());
        assert_eq!(ending("console=ttyS0 reboot=k panic=1"), Ending::Reset);
        assert_eq!(ending("console=ttyS0 reboot=acpi"), Ending::PowerOff);
    }
}
