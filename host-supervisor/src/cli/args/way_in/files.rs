//! Files and directories.

use std::path::PathBuf;

use clap::Args;

use super::NAMES;

/// Copy files and directories into a VM, out of one, or from one to another
///
/// Modes, times, links and holes stay as they are; owners become whoever writes. What comes out of a VM stays within the
/// target, whatever it is called.
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  anteroom cp report.pdf @last:/home/desktop/
  anteroom cp @last:.codex ./codex-of-the-vm
  anteroom cp 3f2a:/var/log 8b11:/tmp/log-of-3f2a

As cp -a: a target that is a directory gets the source into it, another one becomes the source. A path in a VM that is not
absolute begins in the user's home directory.

{NAMES}"))]
pub(in crate::cli) struct CopyArguments {
    /// VM:PATH, or a path here
    #[arg(value_name = "FROM")]
    pub(in crate::cli) from: Place,
    /// VM:PATH, or a path here
    #[arg(value_name = "TO")]
    pub(in crate::cli) to: Place,
    /// Who reads and writes in VMs [default: the user of the desktop]
    #[arg(long, short, value_name = "USER")]
    pub(in crate::cli) user: Option<String>,
    /// Say nothing about the progress
    #[arg(long, short)]
    pub(in crate::cli) quiet: bool,
}

/// Where something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) enum Place {
    Here(PathBuf),
    Vm { vm: String, path: String },
}

impl std::str::FromStr for Place {
    type Err = std::convert::Infallible;

    /// A path with a slash before its first colon is one of ours, as scp(1) has it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.split_once(':') {
            Some((vm, path)) if !vm.is_empty() && !vm.contains('/') => {
                Self::Vm { vm: vm.to_owned(), path: if path.is_empty() { "." } else { path }.to_owned() }
            }
            _ => Self::Here(text.into()),
        })
    }
}
