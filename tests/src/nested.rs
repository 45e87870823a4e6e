//! A machine with KVM where there is none: a QEMU guest whose emulated processor has AMD's virtualisation (SVM, nested paging).
//!
//! ```text
//!  test ──▶ qemu (TCG): Debian's kernel with kvm_amd, anteroom-agent as PID 1, root: a Debian + what the test brings
//!             └─ one service, /nested/run ──▶ what the test wants to run with KVM     serial console ──▶ test
//!                  ($DISK: an empty disk)
//! ```
//! What runs in it runs some fifty times slower than on the machine itself, but it runs: the same VMM, the same ioctls.

pub mod firecracker;

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anteroom_guest_image::{Image, ImageStore, Inputs, Recipe};
use anyhow::{Context as _, Result, bail, ensure};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};

use crate::{daemon, workspace};

/// The profile's name in the recipe that is derived for it.
const PROFILE: &str = "nested";
/// What a host needs of the kernel, besides what a guest does.
const MODULES: [&str; 9] = [
    "kvm_amd",
    "tun",
    "bridge",
    "nf_tables",
    "nft_meta_bridge",
    "nft_ct",
    "nft_connlimit",
    "nft_chain_nat",
    "nft_masq",
];
/// What a host needs of the distribution: for disks, for the network, and for a look at what is left.
const PACKAGES: [&str; 6] = ["e2fsprogs", "mount", "iproute2", "nftables", "procps", "curl"];
/// A processor of AMD's, not `max`, which has five levels of page tables: with those of QEMU 7.2 five of nine guests of the nested
/// KVM ended by a triple fault while they booted; of a dozen with this, or with `max,la57=off`, none did.
const PROCESSOR: &str = "EPYC-v2,+svm,+npt";
const MEMORY_MIB: u32 = 6144;
/// Of the empty disk; takes up what is written.
const DISK_BYTES: u64 = 4 << 30;
/// The last line of the script, with its status.
const VERDICT: &str = "nested: exit status ";
const SERVICE: &str = r#"
name = "nested"
command = ["/bin/sh", "/nested/start"]
user = "root"
readiness = { protocol = "started" }
"#;
/// Ends the machine whatever becomes of the script; a reset ends QEMU (`-no-reboot`).
const START: &str = "exec >/dev/ttyS0 2>&1 </dev/null
cd /nested
for disk in /dev/vd?; do DISK=$disk; done
export DISK
PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root /bin/sh ./run
echo \"nested: exit status $?\"
sleep 1
echo b >/proc/sysrq-trigger
";

/// What is brought along, under `/nested`.
#[derive(Debug)]
pub struct Luggage(tempfile::TempDir);

impl Luggage {
    /// # Errors
    /// When there is no room.
    pub fn pack(script: &str) -> Result<Self> {
        let luggage = Self(tempfile::tempdir()?);
        luggage.write("run", script)?;
        luggage.write("start", START)?;
        let services = luggage.0.path().join("usr/lib/anteroom/services");
        fs::create_dir_all(&services)?;
        fs::write(services.join("nested.toml"), SERVICE)?;
        Ok(luggage)
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.place(name)?;
        fs::write(&path, text)?;
        Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o755))?)
    }

    /// A copy of the file, which shares its blocks where it can.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn add(&self, file: &Path, name: &str) -> Result<()> {
        let place = self.place(name)?;
        fs::hard_link(file, &place)
            .or_else(|_| fs::copy(file, &place).map(drop))
            .with_context(|| file.display().to_string())
    }

    fn place(&self, name: &str) -> Result<PathBuf> {
        let place = self.0.path().join("nested").join(name);
        fs::create_dir_all(place.parent().context("a directory")?)?;
        Ok(place)
    }
}

/// A machine that can be started.
#[derive(Debug)]
pub struct Nested {
    image: Image,
    initrd: PathBuf,
    agent: PathBuf,
}

impl Nested {
    /// Builds what is missing: the first time a minute.
    ///
    /// # Errors
    /// When the image cannot be built.
    pub async fn prepare() -> Result<Self> {
        let recipe = tempfile::NamedTempFile::with_suffix(".toml")?;
        fs::write(recipe.path(), recipe_of_a_host()?)?;
        let environment =
            BTreeMap::from([("ANTEROOM_IMAGE_RECIPE".to_owned(), recipe.path().display().to_string())]);
        let built = daemon::image_build(PROFILE, &environment).await?;
        ensure!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let store = ImageStore::open(daemon::image_dir()?)?;
        let image = store.find(&Recipe::load(recipe.path())?, PROFILE, &Inputs::default())?;
        let modules = image.kernel.modules.as_ref().context("a stock kernel's modules")?;
        let initrd = store.initrd(modules, &daemon::guest_binary("anteroom-loader"))?;
        let agent = store.agent_disk(&daemon::guest_binary("anteroom-agent"))?;
        Ok(Self { image, initrd, agent })
    }

    /// Boots with the luggage, runs its script, and returns all that the console has said.
    ///
    /// # Errors
    /// With the end of the console when the script fails, or takes longer than `patience`.
    pub async fn run(&self, luggage: &Luggage, patience: Duration) -> Result<Vec<String>> {
        let scratch = tempfile::tempdir()?;
        let disk = scratch.path().join("luggage.erofs");
        let made =
            Command::new("mkfs.erofs").arg("--quiet").arg(&disk).arg(luggage.0.path()).output().await?;
        ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let empty = scratch.path().join("empty.raw");
        fs::File::create_new(&empty)?.set_len(DISK_BYTES)?;
        let layers: Vec<&Path> =
            self.image.layers.iter().map(PathBuf::as_path).chain([disk.as_path()]).collect();
        let mut qemu = self.qemu(&layers, &empty).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let mut console = BufReader::new(qemu.stdout.take().context("a console")?).split(b'\n');
        let mut said = Vec::new();
        let listening = async {
            while let Some(line) = console.next_segment().await? {
                let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                eprintln!("nested| {line}");
                said.push(line);
            }
            anyhow::Ok(())
        };
        let ended = tokio::time::timeout(patience, listening).await;
        qemu.kill().await?;
        let verdict = said.iter().rev().find_map(|line| line.strip_prefix(VERDICT));
        let last = || said.iter().rev().take(40).rev().cloned().collect::<Vec<_>>().join("\n");
        match (ended, verdict) {
            (Ok(Ok(())), Some("0")) => Ok(said),
            (Ok(Err(error)), _) => Err(error),
            (Err(_), _) => bail!("the nested machine did not end within {patience:?}:\n{}", last()),
            (_, verdict) => bail!("the script ended with {verdict:?}:\n{}", last()),
        }
    }

    fn qemu(&self, layers: &[&Path], empty: &Path) -> Command {
        let mut qemu = Command::new("qemu-system-x86_64");
        qemu.args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"])
            .args(["-accel", "tcg,thread=multi", "-cpu", PROCESSOR, "-machine", "q35", "-smp", "2"])
            .args(["-m", &format!("{MEMORY_MIB}M"), "-serial", "stdio"])
            .arg("-kernel")
            .arg(&self.image.kernel.image)
            .arg("-initrd")
            .arg(&self.initrd);
        let mut devices = Vec::new();
        for (disk, letter) in [self.agent.as_path()].iter().chain(layers).zip('a'..='z') {
            devices.push(format!("/dev/vd{letter}"));
            qemu.arg("-drive").arg(format!("if=virtio,format=raw,readonly=on,file={}", disk.display()));
        }
        qemu.arg("-drive").arg(format!("if=virtio,format=raw,cache=unsafe,file={}", empty.display()));
        qemu.arg("-append").arg(format!(
            "console=ttyS0 loglevel=4 panic=-1 net.ifnames=0 cryptomgr.notests root={} anteroom.layers={}",
            devices[0],
            devices[1..].join(",")
        ));
        qemu.stdin(Stdio::null());
        qemu
    }
}

/// The recipe that Anteroom ships, with a kernel that has KVM, and a profile of nothing but a system.
fn recipe_of_a_host() -> Result<String> {
    let text = fs::read_to_string(workspace().join("guest-image/recipes/debian-12.toml"))?;
    let mut recipe: toml::Table = text.parse()?;
    let modules = recipe["kernel"]["modules"].as_array_mut().context("modules")?;
    modules.extend(MODULES.map(toml::Value::from));
    let packages = recipe["packages"].as_table_mut().context("packages")?;
    let mut layer = toml::Table::new();
    layer.insert("include".to_owned(), PACKAGES.to_vec().into());
    packages.insert(PROFILE.to_owned(), layer.into());
    let profiles = recipe["profiles"].as_table_mut().context("profiles")?;
    profiles.insert(PROFILE.to_owned(), vec![PROFILE].into());
    Ok(recipe.to_string())
}
