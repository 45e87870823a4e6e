//! What VMs are made of, and what they begin with.

use clap::{Args, Subcommand};

use super::value::given;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ImageCommand {
    Build(BuildArguments),
    /// List the images that have been built
    Ls {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Check that the files of all images are what was built
    Verify {
        /// Unpack every layer and compare each file with the list; takes minutes
        #[arg(long)]
        contents: bool,
        /// Only the images of this profile
        #[arg(long, value_name = "NAME")]
        profile: Option<String>,
    },
}

impl ImageCommand {
    pub(in crate::cli) fn flags(&self) -> Vec<(String, String)> {
        match self {
            Self::Build(build) => given([
                ("image_recipe", &build.recipe),
                ("image_profile", &build.profile),
                ("image_kernel", &build.kernel),
            ]),
            Self::Ls { .. } | Self::Verify { .. } => Vec::new(),
        }
    }
}

/// Build an image, or find that it is up to date
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  anteroom image build                      the configured profiles, with a desktop and without
  anteroom image build --profile dev        with the demo provider
  anteroom image build --recipe debian-12-google-chrome
  anteroom image build --kernel custom      compiles a kernel: many minutes once, then VMs start sooner

An image with the custom kernel stands beside the one with the stock kernel; `anteroom serve --kernel custom` uses it.
An unchanged part costs nothing: only layers whose recipe has changed are built. The agent is in no layer.")]
pub(in crate::cli) struct BuildArguments {
    /// What it is built from: the name of a recipe, or a path [default: the setting image_recipe]
    #[arg(long, value_name = "NAME")]
    recipe: Option<String>,
    /// Which image: desktop, dev (with the demo provider) or test, or one without a desktop: cli, cli-dev, cli-test
    /// [default: those of the settings image_profile and vm.cli.profile]
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Which kernel it boots: stock (the distribution's) or custom [default: the setting image_kernel]
    #[arg(long, value_name = "KIND")]
    kernel: Option<String>,
    /// Build packages and kernel again if their archives have published anything since
    #[arg(long)]
    pub(in crate::cli) update: bool,
    /// As JSON: what was built
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

impl BuildArguments {
    pub(in crate::cli) fn names_a_profile(&self) -> bool {
        self.profile.is_some()
    }
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum SnapshotCommand {
    /// Make the snapshot that `anteroom serve` would use, or find that it is there
    ///
    /// A daemon makes it by itself, once nobody waits for a VM. This is for who does not want to wait for that.
    Build {
        /// Of which image [default: the setting image_profile]
        #[arg(long, value_name = "NAME")]
        profile: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// List the snapshots
    Ls {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// What a snapshot was made of and depends on, as JSON
    Show {
        /// The beginning of its key
        key: String,
    },
    /// Check that snapshots are what was made
    Verify {
        /// The beginning of a key; all when none is given
        key: Option<String>,
    },
    /// Remove snapshots; VMs that began with them go on
    Rm {
        /// Beginnings of keys
        #[arg(required_unless_present = "all")]
        keys: Vec<String>,
        #[arg(long, conflicts_with = "keys")]
        all: bool,
    },
}

impl SnapshotCommand {
    pub(in crate::cli) fn flags(&self) -> Vec<(String, String)> {
        match self {
            Self::Build { profile: Some(profile), .. } => vec![("image_profile".to_owned(), profile.clone())],
            _ => Vec::new(),
        }
    }
}
