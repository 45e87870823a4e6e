//! QEMU's command line as a pure function of what the machine is to be.
//!
//! Paths go in as JSON or as values of their own, so that no character of a path can become an option.

mod network;
#[cfg(test)]
mod tests;

use std::{
    os::fd::RawFd,
    path::{Path, PathBuf},
};

use serde_json::json;

use super::{accelerator::Accelerator, memory};
use crate::{
    net::Network,
    vmm::{BootFiles, LaunchError},
};

/// A machine, with every decision made.
#[derive(Debug, Clone)]
pub(super) struct Machine<'a> {
    /// Shown in process lists.
    pub(super) name: &'a str,
    /// Machine type with its options.
    pub(super) machine: &'a str,
    pub(super) accelerator: Accelerator,
    pub(super) vcpus: u8,
    pub(super) memory_mib: u32,
    /// The agent's disk is the first that the guest sees.
    pub(super) boot: &'a BootFiles,
    pub(super) command_line: &'a str,
    /// Read-only, in the order in which the guest sees them.
    pub(super) layers: &'a [PathBuf],
    pub(super) disk: Option<&'a Path>,
    pub(super) network: &'a Network,
    pub(super) relay: Option<&'a [String]>,
    /// vhost-device-vsock's socket, relative to the working directory.
    pub(super) vsock: Option<&'a str>,
    /// The file of its memory that it inherits, when that is to be snapshotted, or restored.
    pub(super) memory: Option<RawFd>,
    /// The socket that it inherits for QEMU's own protocol.
    pub(super) control: Option<RawFd>,
    /// It begins with the state of another machine, which comes by that protocol.
    pub(super) incoming: bool,
}

/// The slot in which vsock is where it has to be taken out: QEMU cannot save a vhost-user device.
pub(super) const VSOCK_SLOT: &str = "vsock-slot";
/// The device in it.
pub(super) const VSOCK_DEVICE: &str = "vsock";
pub(super) const VSOCK_DRIVER: &str = "vhost-user-vsock-pci";

impl Machine<'_> {
    /// # Errors
    /// When something is wanted that QEMU cannot do.
    pub(super) fn argv(&self) -> Result<Vec<String>, LaunchError> {
        let mut argv = Vec::from(["-name", self.name].map(str::to_owned));
        argv.extend(self.bounds());
        argv.extend(self.processor_and_memory());
        argv.extend(self.boot()?);
        argv.extend(console());
        argv.extend(self.disks()?);
        argv.extend(network::argv(self.network, self.relay)?);
        argv.extend(random_numbers());
        argv.extend(self.balloon());
        argv.extend(self.vsock());
        argv.extend(self.control());
        Ok(argv)
    }

    /// Nothing that was not asked for, and no system calls that a VMM does not need.
    fn bounds(&self) -> Vec<String> {
        let needs_children = matches!(self.network, Network::User(user) if !user.forwards.is_empty());
        let children = if needs_children {
            // Relays inherit the filter: their start calls setsid(2), which counts as a privilege, and any program of
            // ours asks for its processors. Forwards are for development and for networks with a proxy.
            "elevateprivileges=allow,spawn=allow,resourcecontrol=allow"
        } else {
            "elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
        };
        words(&[
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
            "-no-reboot",
            "-sandbox",
            &format!("on,obsolete=deny,{children}"),
        ])
    }

    fn processor_and_memory(&self) -> Vec<String> {
        let (accelerator, cpu) = match self.accelerator {
            Accelerator::Kvm => ("kvm", "host"),
            Accelerator::Tcg { .. } => ("tcg,thread=multi", "max"),
        };
        let memory = self.memory_mib;
        let backend = match self.memory {
            // vhost-device-vsock reads the queues in the guest's memory.
            None => format!("memory-backend-memfd,id=ram,size={memory}M,share=on"),
            Some(file) => {
                format!(
                    "memory-backend-file,id=ram,size={memory}M,share=on,mem-path={}",
                    memory::path_of(file)
                )
            }
        };
        words(&[
            "-machine",
            // A core file of QEMU would hold all that the guest knows.
            &format!("{},memory-backend=ram,dump-guest-core=off", self.machine),
            "-accel",
            accelerator,
            "-cpu",
            cpu,
            "-smp",
            &self.vcpus.to_string(),
            "-m",
            &format!("{memory}M"),
            "-object",
            &backend,
        ])
    }

    fn boot(&self) -> Result<Vec<String>, LaunchError> {
        let mut argv = words(&["-kernel", utf8(&self.boot.kernel)?]);
        if let Some(initrd) = &self.boot.initrd {
            argv.extend(words(&["-initrd", utf8(initrd)?]));
        }
        argv.extend(words(&["-append", self.command_line]));
        Ok(argv)
    }

    fn disks(&self) -> Result<Vec<String>, LaunchError> {
        let mut argv = Vec::new();
        if let Some(agent) = &self.boot.agent {
            argv.extend(disk("agent", agent, Access::ReadOnly)?);
        }
        for (index, layer) in self.layers.iter().enumerate() {
            argv.extend(disk(&format!("layer{index}"), layer, Access::ReadOnly)?);
        }
        if let Some(path) = self.disk {
            argv.extend(disk("disk", path, Access::Scratch)?);
        }
        Ok(argv)
    }

    fn vsock(&self) -> Vec<String> {
        let Some(socket) = self.vsock else { return Vec::new() };
        let slot = format!("pcie-root-port,id={VSOCK_SLOT},chassis=1,slot=1");
        let mut argv = words(&["-chardev", &format!("socket,id=vsock,path={socket}"), "-device", &slot]);
        // A guest that goes on has to see it come.
        if !self.incoming {
            let device = format!("{VSOCK_DRIVER},chardev=vsock,id={VSOCK_DEVICE},bus={VSOCK_SLOT}");
            argv.extend(words(&["-device", &device]));
        }
        argv
    }

    /// Nobody blows it up. The guest tells by it what memory it has freed (free page reporting, since QEMU 5.1), which becomes a hole
    /// in the file of its memory.
    fn balloon(&self) -> Vec<String> {
        match self.memory {
            Some(_) => words(&["-device", "virtio-balloon-pci,free-page-reporting=on,deflate-on-oom=on"]),
            None => Vec::new(),
        }
    }

    fn control(&self) -> Vec<String> {
        let Some(control) = self.control else { return Vec::new() };
        let socket = format!("socket,id=control,fd={control},server=on,wait=off");
        let mut argv = words(&["-chardev", &socket, "-mon", "chardev=control,mode=control"]);
        if self.incoming {
            argv.extend(words(&["-incoming", "defer"]));
        }
        argv
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    ReadOnly,
    /// Writable, and of no worth after a crash of the host: what the guest wants flushed stays in the page cache.
    Scratch,
}

fn disk(name: &str, path: &Path, access: Access) -> Result<Vec<String>, LaunchError> {
    let scratch = access == Access::Scratch;
    let node = json!({
        "driver": "raw",
        "node-name": name,
        "read-only": !scratch,
        "discard": if scratch { "unmap" } else { "ignore" },
        "cache": { "no-flush": scratch },
        "file": { "driver": "file", "filename": utf8(path)?, "read-only": !scratch, "cache": { "no-flush": scratch } },
    });
    Ok(words(&["-blockdev", &node.to_string(), "-device", &format!("virtio-blk-pci,drive={name}")]))
}

fn console() -> Vec<String> {
    words(&["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"])
}

fn random_numbers() -> Vec<String> {
    words(&["-object", "rng-random,id=rng,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng"])
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

fn utf8(path: &Path) -> Result<&str, LaunchError> {
    path.to_str()
        .ok_or_else(|| LaunchError::Shape { what: format!("the path {}: it is not UTF-8", path.display()) })
}
