use std::sync::mpsc;
use std::thread;

use super::*;
use crate::digest::Digest;
use crate::kernel;
use crate::manifest::CustomRecord;
use crate::progress::{Outcome, Progress};
use crate::recipe::Recipe;

/// Layers that need no network: our own files only.
const RECIPE: &str = r#"
name = "local"
distribution = "None"

[[archive]]
uri = "http://archive.test/debian"
suites = ["stable"]
components = ["main"]
keyring = "/nonexistent/test.gpg"
keyring_from = "a test"

[kernel]
package = "linux-image"
modules = []

[kernel.custom]
source = "linux-source-6.1"
config = "linux-6.1"

[profiles]
desktop = ["desktop"]
dev = ["desktop", "demo"]

[files.desktop]
tree = "desktop"
executables = ["/usr/lib/anteroom/browser"]
links = { "/usr/local/bin/xdg-open" = "/usr/lib/anteroom/anteroom-agent" }

[files.demo]
tree = "demo"
inputs = { tool = "/usr/local/bin/tool" }
programs = { tool = "/usr/local/bin/tool" }
"#;

/// A store whose kernel is built already, so that nothing has to be fetched.
struct Bench {
    directory: tempfile::TempDir,
    store: ImageStore,
    recipe: Recipe,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = ImageStore::open(directory.path().join("images")).unwrap();
        let recipe = Recipe::parse("local.toml", RECIPE).unwrap();
        store_kernel(&store, &recipe, "6.1-test");
        let bench = Self { directory, store, recipe };
        bench.write_tool("the tool");
        bench
    }

    /// The same store with the other kernel, which is there already too.
    fn with_custom_kernel(self) -> Self {
        let recipe = self.recipe.with_kernel(KernelKind::Custom).unwrap();
        store_kernel(&self.store, &recipe, "6.1-custom");
        Self { recipe, ..self }
    }

    fn write_tool(&self, contents: &str) {
        fs_err::write(self.directory.path().join("tool"), contents).unwrap();
    }

    fn inputs(&self) -> Inputs {
        Inputs::default().with_program("tool", self.directory.path().join("tool"))
    }

    fn build(&self, profile: &str) -> Image {
        self.build_told(profile).0
    }

    /// With the steps that were more than a look.
    fn build_told(&self, profile: &str) -> (Image, Vec<String>) {
        let mut built = Vec::new();
        let mut progress = |progress: Progress<'_>| {
            if let Progress::Done { what, outcome: Outcome::Built { .. }, .. } = progress {
                built.push(what.to_owned());
            }
        };
        let image =
            self.store.build(&self.recipe, profile, &self.inputs(), Freshness::Reuse, &mut progress).unwrap();
        (image, built)
    }

    fn missing(&self, profile: &str) -> Vec<String> {
        match self.store.find(&self.recipe, profile, &self.inputs()) {
            Err(Error::Missing(missing)) => missing.reasons,
            other => panic!("{other:?}"),
        }
    }

    fn findings(&self) -> Vec<String> {
        let verified = self.store.verify(None, Depth::Contents, &mut |_| ()).unwrap();
        verified
            .findings
            .iter()
            .map(|finding| format!("{} {}", finding.path.display(), finding.damage))
            .collect()
    }
}

/// As if the recipe's kernel had been built.
fn store_kernel(store: &ImageStore, recipe: &Recipe, name: &str) {
    let directory = PathBuf::from("kernels").join(name);
    fs_err::create_dir_all(store.root().join(&directory)).unwrap();
    let stored = |name: &str| {
        let path = directory.join(name);
        fs_err::write(store.root().join(&path), name).unwrap();
        StoredFile { path, sha256: Digest::of(name.as_bytes()), size_bytes: name.len() as u64 }
    };
    let inputs = kernel::input_digest(&recipe.kernel, &recipe.archives).unwrap();
    let is_custom = recipe.kernel_kind() == KernelKind::Custom;
    let record = KernelRecord {
        version: name.to_owned(),
        inputs,
        created_at: time::OffsetDateTime::UNIX_EPOCH,
        packages: Vec::new(),
        image: stored("vmlinuz"),
        modules_archive: (!is_custom).then(|| stored("modules.cpio")),
        modules: Vec::new(),
        custom: is_custom.then(|| CustomRecord {
            origin: Digest::of(name.as_bytes()),
            vmlinux: stored("vmlinux"),
            config: stored("config"),
        }),
    };
    for digest in [Some(inputs), record.custom.as_ref().map(|custom| custom.origin)].into_iter().flatten() {
        write_json(&store.record_path(digest), &record).unwrap();
    }
}

#[test]
fn only_what_changed_is_built_again() {
    let bench = Bench::new();
    let (first, built) = bench.build_told("dev");
    assert_eq!(built, ["layer desktop", "layer demo"]);
    let (second, built) = bench.build_told("dev");
    assert_eq!((second, built), (first.clone(), vec![]));
    bench.write_tool("the tool, changed");
    let (third, built) = bench.build_told("dev");
    assert_eq!(built, ["layer demo"]);
    assert_eq!(third.layers[0], first.layers[0]);
    assert_ne!(third.layers[1], first.layers[1]);
}

#[test]
fn profiles_share_their_layers() {
    let bench = Bench::new();
    let dev = bench.build("dev");
    let (desktop, built) = bench.build_told("desktop");
    assert_eq!(built, [""; 0]);
    assert_eq!(desktop.layers, dev.layers[..1]);
}

#[test]
fn two_stores_with_the_same_inputs_hold_the_same_bytes() {
    assert_eq!(Bench::new().build("dev").manifest, Bench::new().build("dev").manifest);
}

#[test]
fn the_manifest_names_programs_and_counts_what_is_inside() {
    let manifest = Bench::new().build("dev").manifest;
    assert_eq!(manifest.programs.iter().map(Name::as_str).collect::<Vec<_>>(), ["tool"]);
    let demo = &manifest.layers[1];
    assert!(demo.file_count > 5 && demo.uncompressed_bytes > 8, "{demo:?}");
}

#[test]
fn a_layer_contains_what_its_list_says_with_the_modes_of_the_recipe() {
    let bench = Bench::new();
    let image = bench.build("dev");
    assert_eq!(bench.findings(), [""; 0]);
    let list = bench.store.root().join(&image.manifest.layers[0].file_list.path);
    let list = crate::Listing::read(&list).unwrap();
    assert_eq!(list.entry("/usr/lib/anteroom/browser").unwrap().mode, "0755");
    assert_eq!(list.entry("/etc/hosts").unwrap().mode, "0644");
    assert!(matches!(list.entry("/usr/local/bin/xdg-open").unwrap().kind, crate::Kind::Link { .. }));
}

#[test]
fn an_image_is_found_once_it_is_built() {
    let bench = Bench::new();
    assert_eq!(bench.missing("dev"), ["it was never built here"]);
    let image = bench.build("dev");
    assert_eq!(bench.store.find(&bench.recipe, "dev", &bench.inputs()).unwrap(), image);
    // A daemon does not have the program at hand from which the layer was made.
    assert_eq!(bench.store.find(&bench.recipe, "dev", &Inputs::default()).unwrap(), image);
}

#[test]
fn what_has_to_be_built_again_is_named_with_the_command() {
    let bench = Bench::new();
    let image = bench.build("dev");
    bench.write_tool("the tool, changed");
    assert_eq!(bench.missing("dev"), ["layer demo has changed"]);
    fs_err::write(&image.layers[0], "cut").unwrap();
    assert_eq!(bench.missing("dev"), ["layer desktop is gone or cut short", "layer demo has changed"]);
    fs_err::remove_file(&image.kernel.image).unwrap();
    let error = bench.store.find(&bench.recipe, "dev", &bench.inputs()).unwrap_err().to_string();
    assert!(error.contains("the kernel's files are gone"), "{error}");
    assert!(error.ends_with("run: anteroom image build --recipe local.toml --profile dev"), "{error}");
}

#[test]
fn a_layer_that_was_lost_is_built_again() {
    let bench = Bench::new();
    let image = bench.build("dev");
    fs_err::remove_file(&image.layers[0]).unwrap();
    let (again, built) = bench.build_told("dev");
    assert_eq!(built, ["layer desktop"]);
    assert_eq!(again, image);
}

#[test]
fn an_unknown_profile_and_a_missing_program_are_named() {
    let bench = Bench::new();
    let build = |profile: &str, inputs: &Inputs| {
        let built = bench.store.build(&bench.recipe, profile, inputs, Freshness::Reuse, &mut |_| ());
        built.unwrap_err().to_string()
    };
    assert_eq!(build("tset", &bench.inputs()), r#"recipe local has no profile "tset"; it has desktop, dev"#);
    assert_eq!(
        build("dev", &Inputs::default()),
        "layer demo contains the program tool, and no file was given for it"
    );
}

#[test]
fn damage_is_found_and_told_precisely() {
    let bench = Bench::new();
    let image = bench.build("dev");
    let relative = |path: &Path| path.strip_prefix(bench.store.root()).unwrap().display().to_string();
    let [desktop, demo] = &image.layers[..] else { panic!("{image:?}") };

    let mut contents = fs_err::read(desktop).unwrap();
    contents[100] ^= 1;
    fs_err::write(desktop, &contents).unwrap();
    fs_err::write(demo, &fs_err::read(demo).unwrap()[..1000]).unwrap();
    fs_err::remove_file(image.kernel.modules.unwrap().path).unwrap();

    let findings = bench.findings();
    assert_eq!(findings[0], "kernels/6.1-test/modules.cpio is missing");
    assert!(
        findings[1].starts_with(&format!("{} has changed: its sha256 is ", relative(desktop))),
        "{findings:?}"
    );
    let size = image.manifest.layers[1].image.size_bytes;
    assert_eq!(findings[2], format!("{} has 1000 of {size} bytes", relative(demo)));
    assert_eq!(findings.len(), 3);
}

#[test]
fn a_list_that_does_not_fit_its_layer_is_found() {
    let bench = Bench::new();
    let image = bench.build("desktop");
    let mut manifest = image.manifest;
    // Hashes and sizes agree, and yet the list is another one.
    let list = bench.store.root().join(&manifest.layers[0].file_list.path);
    let text = fs_err::read_to_string(&list).unwrap().replace(r#""/etc/hosts""#, r#""/etc/ghosts""#);
    fs_err::write(&list, &text).unwrap();
    manifest.layers[0].file_list.sha256 = Digest::of(text.as_bytes());
    manifest.layers[0].file_list.size_bytes = text.len() as u64;
    write_json(&bench.store.manifest_path(&manifest.recipe, &manifest.profile, KernelKind::Stock), &manifest)
        .unwrap();
    let findings = bench.findings();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0].ends_with("/etc/ghosts is missing, /etc/hosts is not in the list"), "{findings:?}");
}

#[test]
fn what_a_killed_build_left_is_swept_by_the_next() {
    let bench = Bench::new();
    let left = bench.store.root().join("scratch/build-left/root");
    fs_err::create_dir_all(&left).unwrap();
    fs_err::write(left.join("file"), "").unwrap();
    bench.build("dev");
    assert_eq!(fs_err::read_dir(bench.store.root().join("scratch")).unwrap().count(), 0);
}

#[test]
fn a_second_build_waits_for_the_first() {
    let bench = Bench::new();
    let lock = bench.store.lock(&mut || ()).unwrap();
    let (waiting, waits) = mpsc::channel();
    thread::scope(|scope| {
        let second = scope.spawn(|| {
            let mut progress = |progress: Progress<'_>| {
                if progress == Progress::Waiting {
                    waiting.send(()).unwrap();
                }
            };
            bench.store.build(&bench.recipe, "dev", &bench.inputs(), Freshness::Reuse, &mut progress)
        });
        waits.recv().unwrap();
        assert_eq!(bench.missing("dev"), ["it was never built here"]);
        drop(lock);
        second.join().unwrap().unwrap();
    });
}

#[test]
fn superseded_layers_are_pruned_unless_a_vm_boots_from_them() {
    let bench = Bench::new();
    let old = bench.build("dev");
    let lease = old.lease().unwrap();
    bench.write_tool("the tool, changed");
    let new = bench.build("dev");

    let pruned = bench.store.prune().unwrap();
    assert_eq!(pruned.in_use, [old.manifest.layers[1].image.path.clone()]);
    assert!(old.layers[1].is_file());

    drop(lease);
    let pruned = bench.store.prune().unwrap();
    assert_eq!(pruned.removed, [old.manifest.layers[1].image.path.clone()]);
    assert!(pruned.freed_bytes > 0 && !old.layers[1].exists());
    assert_eq!(bench.store.find(&bench.recipe, "dev", &bench.inputs()).unwrap(), new);
    assert_eq!(bench.findings(), [""; 0]);
}

#[test]
fn of_the_agents_disks_the_newest_stay_and_one_that_a_vm_begins_on() {
    let bench = Bench::new();
    let image = bench.build("dev");
    let agent = bench.store.root().join("agent");
    let disks: Vec<_> = (0..6)
        .map(|number| {
            fs_err::write(&agent, format!("agent {number}")).unwrap();
            let disk = bench.store.agent_disk(&agent).unwrap();
            let made = std::time::UNIX_EPOCH + std::time::Duration::from_secs(number);
            fs_err::File::options().write(true).open(&disk).unwrap().file().set_modified(made).unwrap();
            disk
        })
        .collect();
    let lease = image.lease().unwrap().with([&disks[0]]).unwrap();
    let pruned = bench.store.prune().unwrap();
    assert!(pruned.in_use.iter().any(|path| disks[0].ends_with(path)), "{pruned:?}");
    assert!(pruned.removed.iter().any(|path| disks[1].ends_with(path)), "{pruned:?}");
    assert!(disks[0].is_file() && !disks[1].exists() && disks[2..].iter().all(|disk| disk.is_file()));
    drop(lease);
    bench.store.prune().unwrap();
    assert!(!disks[0].exists());
}

#[test]
fn a_stock_kernel_that_was_unpacked_stays_as_long_as_a_vm_boots_from_it() {
    let bench = Bench::new();
    let image = bench.build("dev");
    let elf = image.kernel.image.with_file_name("vmlinux");
    fs_err::write(&elf, "\x7fELF").unwrap();
    let lease = image.lease().unwrap();
    let manifest =
        bench.store.manifest_path(&image.manifest.recipe, &image.manifest.profile, KernelKind::Stock);
    fs_err::remove_file(&manifest).unwrap();
    let in_use = bench.store.prune().unwrap().in_use;
    assert!(in_use.iter().any(|path| elf.ends_with(path)) && elf.is_file(), "{in_use:?}");
    drop(lease);
    bench.store.prune().unwrap();
    assert!(!elf.exists());
}

#[test]
fn the_list_shows_which_images_are_whole_and_which_are_in_use() {
    let bench = Bench::new();
    let image = bench.build("dev");
    bench.build("desktop");
    let list = || -> Vec<_> {
        let row =
            |row: ImageSummary| (row.image.manifest.profile.to_string(), row.is_complete, row.is_in_use);
        bench.store.list().unwrap().into_iter().map(row).collect()
    };
    let lease = image.lease().unwrap();
    assert_eq!(list(), [("desktop".to_owned(), true, false), ("dev".to_owned(), true, true)]);
    drop(lease);
    fs_err::remove_file(&image.layers[1]).unwrap();
    assert_eq!(list(), [("desktop".to_owned(), true, false), ("dev".to_owned(), false, false)]);
}

#[test]
fn a_manifest_of_another_version_counts_as_not_built() {
    let bench = Bench::new();
    let manifest = bench.build("dev").manifest;
    let path = bench.store.manifest_path(&manifest.recipe, &manifest.profile, KernelKind::Stock);
    fs_err::write(&path, "{\"schema\": 99}").unwrap();
    assert_eq!(bench.missing("dev"), ["it was never built here"]);
    assert_eq!(bench.store.list().unwrap().len(), 0);
}

#[test]
fn images_with_either_kernel_stand_beside_each_other_and_share_their_layers() {
    let bench = Bench::new();
    let stock = bench.build("dev");
    let bench = bench.with_custom_kernel();
    assert_eq!(bench.missing("dev"), ["it was never built here"]);
    let error = bench.store.find(&bench.recipe, "dev", &bench.inputs()).unwrap_err().to_string();
    assert!(error.ends_with("--profile dev --kernel custom"), "{error}");

    let (custom, built) = bench.build_told("dev");
    assert_eq!((built, &custom.layers), (vec![], &stock.layers));
    assert_eq!(custom.kernel.version, "6.1-custom");
    assert_eq!(custom.kernel.modules, None);
    assert_eq!(bench.store.vmlinux(&custom.kernel).unwrap(), custom.kernel.image.with_file_name("vmlinux"));
    assert_ne!(custom.manifest.digest(), stock.manifest.digest());

    let listed: Vec<_> = bench.store.list().unwrap().iter().map(|row| row.image.clone()).collect();
    assert_eq!(listed, [custom.clone(), stock.clone()]);
    let pruned = bench.store.prune().unwrap();
    assert!(pruned.removed.is_empty(), "{pruned:?}");
    assert_eq!(bench.store.find(&bench.recipe, "dev", &bench.inputs()).unwrap(), custom);
}

#[test]
fn a_custom_kernel_whose_elf_file_is_gone_counts_as_not_built_and_is_never_pruned_under_a_vm() {
    let bench = Bench::new().with_custom_kernel();
    let image = bench.build("dev");
    let elf = image.kernel.elf.clone().unwrap();
    let lease = image.lease().unwrap();
    let manifest =
        bench.store.manifest_path(&image.manifest.recipe, &image.manifest.profile, KernelKind::Custom);
    fs_err::remove_file(&manifest).unwrap();
    let in_use = bench.store.prune().unwrap().in_use;
    assert!(in_use.iter().any(|path| elf.ends_with(path)), "{in_use:?}");
    drop(lease);

    let bench = Bench::new().with_custom_kernel();
    let image = bench.build("dev");
    fs_err::remove_file(image.kernel.elf.unwrap()).unwrap();
    assert_eq!(bench.missing("dev"), ["the kernel's files are gone"]);
}

#[test]
fn a_custom_kernel_that_was_never_recorded_is_not_taken_for_built() {
    let bench = Bench::new().with_custom_kernel();
    for record in fs_err::read_dir(bench.store.root().join("records")).unwrap() {
        fs_err::remove_file(record.unwrap().path()).unwrap();
    }
    let built = bench.store.build(&bench.recipe, "dev", &bench.inputs(), Freshness::Reuse, &mut |_| ());
    // To build it the archives are asked first, and this recipe has none.
    assert!(matches!(built, Err(Error::KeyringMissing { .. } | Error::ToolsMissing(_))), "{built:?}");
    assert_eq!(fs_err::read_dir(bench.store.root().join("scratch")).unwrap().count(), 0);
}
