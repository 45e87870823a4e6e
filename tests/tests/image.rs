//! The image that all VMs of these tests boot: that it holds what its manifest says, and nothing of the build host.

use anteroom_guest_image::{Depth, ImageStore, Inputs, Kind, Listing, Recipe};
use anteroom_tests::{Turn, daemon};
use anyhow::{Context as _, Result};

/// Not to be found in any layer: traces of the build, and what each VM gets of its own.
const FORBIDDEN: [&str; 3] = ["/etc/hostname", "/etc/resolv.conf", "/etc/apt/apt.conf.d/99mmdebstrap"];
const MOUNT_POINTS: [&str; 5] = ["/dev", "/proc", "/run", "/sys", "/tmp"];

#[test]
fn it_holds_what_its_manifest_says_and_nothing_of_the_build_host() -> Result<()> {
    let _turn = Turn::take()?;
    let store = ImageStore::open(daemon::image_dir()?)?;
    let inputs = Inputs::default().with_program("anteroom-demo", daemon::guest_binary("anteroom-demo"));
    let image = store.find(&Recipe::embedded("debian-12").context("a recipe")?, "test", &inputs)?;

    // Every layer is unpacked again and compared, file by file.
    let verified = store.verify(Some("test"), Depth::Contents, &mut |_| ())?;
    assert_eq!(verified.findings, []);
    assert!(verified.files >= image.manifest.layers.len() * 2 + 2, "layers, their lists, the kernel");

    let listings = image.manifest.layers.iter().map(|layer| {
        let listing = Listing::read(&store.root().join(&layer.file_list.path))?;
        assert_eq!(listing.len(), layer.file_count, "{:?}", layer.name);
        Ok(listing)
    });
    let listings: Vec<Listing> = listings.collect::<Result<_>>()?;
    for listing in &listings {
        for path in FORBIDDEN {
            assert_eq!(listing.entry(path), None, "{path}");
        }
        let host = nix::unistd::gethostname()?.into_string().unwrap_or_default();
        let named_like_host = listing.iter().find(|(path, _)| path.split('/').any(|part| part == host));
        assert!(named_like_host.is_none(), "{named_like_host:?}");
    }
    let debian = &listings[0];
    // Each VM has its own (machine-id(5)).
    let machine_id = debian.entry("/etc/machine-id").map(|entry| &entry.kind);
    assert!(matches!(machine_id, None | Some(Kind::File { size: 0, .. })), "{machine_id:?}");
    let home = debian.entry("/home/desktop").context("the desktop user's home")?;
    assert_eq!((home.uid, home.gid, home.mode.as_str()), (1000, 1000, "0700"));
    for path in MOUNT_POINTS {
        assert_eq!(debian.entry(path).map(|entry| &entry.kind), Some(&Kind::Directory), "{path}");
    }
    let installed = |package: &str| {
        image.manifest.layers.iter().flat_map(|layer| &layer.packages).any(|found| found.name == package)
    };
    for package in ["xvfb", "openbox", "xterm", "x11vnc", "dbus"] {
        assert!(installed(package), "{package}");
    }
    // It comes with whatever wants a session bus, unless something else is one.
    assert!(!installed("systemd"));
    for module in ["virtio_blk", "erofs", "overlay", "vmw_vsock_virtio_transport"] {
        assert!(image.manifest.kernel.modules.iter().any(|loaded| loaded == module), "{module}");
    }
    Ok(())
}
