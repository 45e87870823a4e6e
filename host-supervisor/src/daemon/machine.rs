//! What this machine runs VMs with: a VMM, and an image that is ready.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use anteroom_guest_image::{self as guest_image, Image, ImageStore, Inputs, Kernel, Lease, Recipe};

use super::backend;
use crate::{
    config::{Backend, BackendChoice, Config, ImageRecipe},
    failure::causes,
    guest_programs::{self, NoGuestProgram},
    images::ResolvedImage,
    vmm::{
        BootFiles, KernelFile, LaunchError, Vmm,
        firecracker::Firecracker,
        qemu::{Qemu, QemuSettings},
    },
};

/// What VMs are run with.
#[derive(Debug)]
pub struct Machine {
    pub vmm: Arc<dyn Vmm>,
    pub image: ResolvedImage,
    /// Of VMs without a desktop, or why there is none: prompts cannot be run then.
    pub cli_image: Result<ResolvedImage, String>,
    /// Programs that the image has, for choosing the providers that can be offered.
    pub programs: BTreeSet<String>,
    /// Keep the images' files from being pruned.
    pub leases: Vec<Lease>,
}

#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    #[error(transparent)]
    Vmm(#[from] LaunchError),
    #[error(transparent)]
    Image(#[from] guest_image::Error),
    #[error(transparent)]
    GuestProgram(#[from] NoGuestProgram),
    /// Blocking work was interrupted, which happens only when the program ends.
    #[error("interrupted")]
    Interrupted,
}

/// The VMM alone, for who starts no VM.
///
/// # Errors
/// With what is missing and how to get it.
pub(super) async fn find_vmm(config: &Config) -> Result<Arc<dyn Vmm>, LaunchError> {
    Ok(match backend(config).await {
        Backend::Qemu => Arc::new(Qemu::open(qemu_settings(config)).await?),
        Backend::Firecracker => Arc::new(Firecracker::open(config.firecracker.clone()).await?),
    })
}

async fn backend(config: &Config) -> Backend {
    if let BackendChoice::Exactly(backend) = config.vmm {
        return backend;
    }
    let sought = config.clone();
    // What is wrong with the image is told by whoever needs it.
    let find = move || find_image(&sought, &sought.image_profile, KernelFile::Either).ok();
    let found = tokio::task::spawn_blocking(find).await.ok().flatten();
    let chosen = backend::choose(config, found.as_ref().map(|(_, boot)| boot)).await;
    tracing::info!(vmm = ?chosen.backend, "chosen: {}", chosen.reason);
    chosen.backend
}

impl Machine {
    /// Finds the VMM and the image.
    ///
    /// # Errors
    /// With what is missing and how to get it.
    pub async fn find(config: &Config) -> Result<Self, MachineError> {
        match backend(config).await {
            Backend::Qemu => Self::with_qemu(config).await,
            Backend::Firecracker => {
                let firecracker = Firecracker::open(config.firecracker.clone()).await?;
                Self::running(Arc::new(firecracker), config).await
            }
        }
    }

    /// Whether the processor can be used is found out beside, so that the first VM need not wait for it.
    async fn with_qemu(config: &Config) -> Result<Self, MachineError> {
        let qemu = Arc::new(Qemu::open(qemu_settings(config)).await?);
        let machine = Self::running(Arc::clone(&qemu) as Arc<dyn Vmm>, config).await?;
        let boot = machine.image.boot.clone();
        tokio::spawn(async move {
            match qemu.choice(&boot).await {
                Ok(choice) => tracing::info!(?choice, "acceleration"),
                // Said again, to whoever asks, by the first VM.
                Err(error) => tracing::error!("{}", causes(&error)),
            }
        });
        Ok(machine)
    }

    /// With this VMM, and the configured image.
    ///
    /// # Errors
    /// With what is missing and how to get it.
    pub async fn running(vmm: Arc<dyn Vmm>, config: &Config) -> Result<Self, MachineError> {
        let (sought, kind) = (config.clone(), vmm.capabilities().kernel);
        let found = tokio::task::spawn_blocking(move || {
            let find = |profile: &str| {
                let (image, boot) = find_image(&sought, profile, kind)?;
                let lease = image.lease()?.with(boot.iter())?;
                Ok::<_, MachineError>((programs(&image), resolved(image, boot), lease))
            };
            let with_desktop = find(&sought.image_profile)?;
            // Who only signs people in needs none.
            Ok::<_, MachineError>((with_desktop, find(&sought.prompt.profile)))
        });
        let ((programs, image, lease), cli) = found.await.map_err(|_| MachineError::Interrupted)??;
        let mut leases = vec![lease];
        let cli_image = match cli {
            Ok((_, image, lease)) => {
                leases.push(lease);
                Ok(image)
            }
            Err(error) => Err(no_cli_image(&error)),
        };
        Ok(Self { vmm, image, cli_image, programs, leases })
    }
}

fn no_cli_image(error: &MachineError) -> String {
    match error {
        MachineError::Image(guest_image::Error::Missing(missing)) => {
            format!("{}; build it with `{}`", missing.reasons.join(", "), missing.remedy())
        }
        error => causes(error),
    }
}

/// The recipe that the configuration names, with the kernel that it wants.
///
/// # Errors
/// When there is none of that name, it is wrong, or it has no such kernel.
pub fn recipe(config: &Config) -> Result<Recipe, guest_image::Error> {
    let recipe = match &config.image_recipe {
        ImageRecipe::Embedded(name) => Recipe::embedded(name)?,
        ImageRecipe::File(path) => Recipe::load(path)?,
    };
    Ok(recipe.with_kernel(config.image_kernel)?)
}

/// The programs of ours that go into layers, as far as they are there.
#[must_use]
pub fn layer_inputs() -> Inputs {
    match guest_programs::demo() {
        Ok(path) => Inputs::default().with_program(guest_programs::DEMO, path),
        Err(_) => Inputs::default(),
    }
}

/// The programs of the configured image; `None` when it is not built, or out of date.
pub(crate) fn image_programs(config: &Config) -> Option<BTreeSet<String>> {
    let store = ImageStore::open(&config.image_dir).ok()?;
    let image = store.find(&recipe(config).ok()?, &config.image_profile, &layer_inputs()).ok()?;
    Some(programs(&image))
}

fn programs(image: &Image) -> BTreeSet<String> {
    image.manifest.programs.iter().map(ToString::to_string).collect()
}

/// An image, and what its kernel begins with, as a VMM takes it.
pub(crate) fn find_image(
    config: &Config,
    profile: &str,
    kind: KernelFile,
) -> Result<(Image, BootFiles), MachineError> {
    let agent = guest_programs::agent(config.agent.as_deref())?;
    let store = ImageStore::open(&config.image_dir)?;
    let image = store.find(&recipe(config)?, profile, &layer_inputs())?;
    let initrd = match &image.kernel.modules {
        Some(modules) => Some(store.initrd(modules, &guest_programs::loader(&agent)?)?),
        None => None,
    };
    let kernel = kernel_file(kind, &image.kernel, &store)?;
    let boot = BootFiles { kernel, initrd, agent: Some(store.agent_disk(&agent)?) };
    Ok((image, boot))
}

fn kernel_file(kind: KernelFile, kernel: &Kernel, store: &ImageStore) -> Result<PathBuf, guest_image::Error> {
    match kind {
        KernelFile::BzImage => Ok(kernel.image.clone()),
        KernelFile::Elf => store.vmlinux(kernel),
        // A stock kernel's bzImage is not worth being unpacked for it: nobody knows whether it has the entry.
        KernelFile::Either => Ok(kernel.elf.as_ref().unwrap_or(&kernel.image).clone()),
    }
}

fn resolved(image: Image, boot: BootFiles) -> ResolvedImage {
    ResolvedImage {
        profile: image.manifest.profile.to_string(),
        digest: image.manifest.digest().to_string(),
        boot,
        layers: image.layers,
    }
}

/// QEMU's findings about this machine are kept in the cache: they outlive a state directory.
pub(crate) fn qemu_settings(config: &Config) -> QemuSettings {
    let qemu = &config.qemu;
    let cache = config.cache_dir.clone();
    QemuSettings {
        program: qemu.program.clone(),
        vsock_device: qemu.vsock_device.clone(),
        machine: qemu.machine.clone(),
        wanted: qemu.acceleration,
        relay: relay(),
        host_disk: config.vm_disk_rate,
        ..QemuSettings::new(cache)
    }
}

/// This very program joins a guest with a service of the host; see [`crate::relay`].
fn relay() -> Option<Vec<String>> {
    let program = std::env::current_exe().ok()?.into_os_string().into_string().ok()?;
    Some(vec![program, "relay".to_owned()])
}
