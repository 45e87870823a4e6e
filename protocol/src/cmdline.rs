//! The kernel command line: the one channel from host to guest before vsock exists, written and read by one type.
//!
//! It is readable by every process in the guest and kept in logs, so a secret never goes here. Parameters that are
//! not ours pass through untouched, in order.

mod ip;
mod ip6;
#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr};

pub use ip::{Autoconf, IpConfig, ParseIpError};
pub use ip6::{Ip6Config, ParseIp6Error};

use crate::{VmId, desk::Directions};

/// `COMMAND_LINE_SIZE` of x86 and the capacity that Firecracker reserves, in bytes.
pub const MAX_BYTES: usize = 2048;

/// What Anteroom says to a kernel and to PID 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KernelCommandLine {
    /// `root=`: the block device that PID 1 comes from. The kernel mounts it, or whoever loads the kernel's modules before.
    pub root: Option<String>,
    /// `ip=`, in the kernel's own syntax, for the first interface.
    pub ip: Option<IpConfig>,
    /// `anteroom.ip6=`, for the same interface.
    pub ip6: Option<Ip6Config>,
    /// `anteroom.vm=`
    pub vm: Option<VmId>,
    /// `anteroom.layers=`: block devices of the read-only layers, lowest first.
    pub layers: Vec<String>,
    /// `anteroom.disk=`: block device of the writable disk; without it changes stay in memory.
    pub disk: Option<String>,
    /// `anteroom.purpose=`
    pub purpose: Purpose,
    /// `anteroom.clipboard=` `in`, `out` or `none`: which ways it may travel by services that read it at their start.
    pub clipboard: Directions,
    /// Everything else, as it is: `console=ttyS0`, `panic=-1`, ...
    pub others: Vec<String>,
}

/// Why the VM was started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Purpose {
    /// A desktop to sign in on.
    #[default]
    Desktop,
    /// Only to see whether a kernel boots here: PID 1 says [`PROBE_GREETING`] on the console and powers off.
    Probe,
}

/// What PID 1 of a probe boot writes to the console.
pub const PROBE_GREETING: &str = "anteroom: this machine boots";

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandLineError {
    #[error("the kernel command line has {0} bytes, at most {MAX_BYTES} fit")]
    TooLong(usize),
    #[error(
        "{0:?} cannot stand on a kernel command line: white space, quotes and control characters separate parameters"
    )]
    BadWord(String),
    #[error("a comma separates block devices and cannot be part of the name {0:?}")]
    BadDevice(String),
    #[error("{key}= has the value {value:?}: {problem}")]
    BadValue { key: &'static str, value: String, problem: String },
    #[error("{0}= is given twice")]
    Twice(&'static str),
    #[error("a double quote is not closed")]
    OpenQuote,
}

const ROOT: &str = "root";
const IP: &str = "ip";
const IP6: &str = "anteroom.ip6";
const VM: &str = "anteroom.vm";
const LAYERS: &str = "anteroom.layers";
const DISK: &str = "anteroom.disk";
const PURPOSE: &str = "anteroom.purpose";
const CLIPBOARD: &str = "anteroom.clipboard";

impl KernelCommandLine {
    /// The line to hand to a VMM.
    ///
    /// # Errors
    /// When a word would be split by the kernel, or the whole is longer than [`MAX_BYTES`].
    pub fn render(&self) -> Result<String, CommandLineError> {
        for device in self.root.iter().chain(&self.layers).chain(&self.disk) {
            if device.contains(',') || device.is_empty() {
                return Err(CommandLineError::BadDevice(device.clone()));
            }
        }
        let mut words = self.others.clone();
        let mut say = |key: &str, value: String| words.push(format!("{key}={value}"));
        if let Some(root) = &self.root {
            say(ROOT, root.clone());
        }
        if let Some(ip) = &self.ip {
            say(IP, ip.to_string());
        }
        if let Some(ip6) = self.ip6 {
            say(IP6, ip6.to_string());
        }
        if let Some(vm) = self.vm {
            say(VM, vm.to_string());
        }
        if !self.layers.is_empty() {
            say(LAYERS, self.layers.join(","));
        }
        if let Some(disk) = &self.disk {
            say(DISK, disk.clone());
        }
        if self.purpose == Purpose::Probe {
            say(PURPOSE, "probe".to_owned());
        }
        if let Some(word) = clipboard_word(self.clipboard) {
            say(CLIPBOARD, word.to_owned());
        }
        if let Some(bad) = words.iter().find(|word| !is_one_word(word)) {
            return Err(CommandLineError::BadWord(bad.chars().take(64).collect()));
        }
        let line = words.join(" ");
        if line.len() > MAX_BYTES { Err(CommandLineError::TooLong(line.len())) } else { Ok(line) }
    }

    fn take(&mut self, seen: &mut Vec<&'static str>, word: String) -> Result<(), CommandLineError> {
        let Some((key, value)) = word.split_once('=') else {
            self.others.push(word);
            return Ok(());
        };
        let Some(key) =
            [ROOT, IP, IP6, VM, LAYERS, DISK, PURPOSE, CLIPBOARD].into_iter().find(|known| *known == key)
        else {
            self.others.push(word);
            return Ok(());
        };
        if seen.contains(&key) {
            return Err(CommandLineError::Twice(key));
        }
        seen.push(key);
        let bad = |problem: String| CommandLineError::BadValue {
            key,
            value: value.chars().take(64).collect(),
            problem,
        };
        match key {
            // The kernel knows other ways to name one than ours, for systems that are not ours.
            ROOT => self.root = Some(value.to_owned()),
            IP => self.ip = Some(value.parse().map_err(|error: ParseIpError| bad(error.to_string()))?),
            IP6 => self.ip6 = Some(value.parse().map_err(|error: ParseIp6Error| bad(error.to_string()))?),
            VM => self.vm = Some(value.parse().map_err(|_| bad("expected a UUID".to_owned()))?),
            LAYERS => self.layers = devices(value).map_err(bad)?,
            DISK => self.disk = devices(value).map_err(bad)?.into_iter().next(),
            CLIPBOARD => {
                let named = |directions: &Directions| clipboard_word(*directions) == Some(value);
                self.clipboard = RESTRICTED
                    .into_iter()
                    .find(named)
                    .ok_or_else(|| bad("expected in, out or none".to_owned()))?;
            }
            _ => {
                self.purpose = match value {
                    "desktop" => Purpose::Desktop,
                    "probe" => Purpose::Probe,
                    _ => return Err(bad("expected desktop or probe".to_owned())),
                }
            }
        }
        Ok(())
    }
}

impl FromStr for KernelCommandLine {
    type Err = CommandLineError;

    /// Reads `/proc/cmdline`. White space inside double quotes belongs to the value, as for the kernel's own
    /// parameters (Documentation/admin-guide/kernel-parameters.rst).
    fn from_str(line: &str) -> Result<Self, Self::Err> {
        if line.len() > MAX_BYTES {
            return Err(CommandLineError::TooLong(line.len()));
        }
        let mut parsed = Self::default();
        let mut seen = Vec::new();
        for word in split_words(line)? {
            parsed.take(&mut seen, word)?;
        }
        Ok(parsed)
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Desktop => "desktop",
            Self::Probe => "probe",
        })
    }
}

/// What is worth a word on the line.
const RESTRICTED: [Directions; 3] = [
    Directions { to_desktop: true, from_desktop: false },
    Directions { to_desktop: false, from_desktop: true },
    Directions::NONE,
];

fn clipboard_word(directions: Directions) -> Option<&'static str> {
    match (directions.to_desktop, directions.from_desktop) {
        (true, true) => None,
        (true, false) => Some("in"),
        (false, true) => Some("out"),
        (false, false) => Some("none"),
    }
}

fn is_one_word(word: &str) -> bool {
    !word.is_empty() && !word.chars().any(|c| c.is_whitespace() || c.is_control() || c == '"')
}

fn devices(value: &str) -> Result<Vec<String>, String> {
    value
        .split(',')
        .map(|device| match device.strip_prefix("/dev/") {
            Some(name) if !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric()) => {
                Ok(device.to_owned())
            }
            _ => Err("expected block devices such as /dev/vda, separated by commas".to_owned()),
        })
        .collect()
}

fn split_words(line: &str) -> Result<Vec<String>, CommandLineError> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            c => word.push(c),
        }
    }
    if quoted {
        return Err(CommandLineError::OpenQuote);
    }
    if !word.is_empty() {
        words.push(word);
    }
    Ok(words)
}
