//! The whole way, with the distribution's archive: minutes and a network. Run it with
//! `cargo nextest run -p anteroom-guest-image --run-ignored only`.

use anteroom_guest_image::{Depth, Freshness, ImageStore, Inputs, Kind, Listing, Progress, Recipe};

#[test]
#[ignore = "fetches some 150 MB from the Debian archive and takes a minute or two"]
fn the_test_image_holds_what_its_manifest_says_and_nothing_of_the_build_host() {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("program");
    std::fs::write(&program, "#!/bin/sh\n").unwrap();
    let store = ImageStore::open(directory.path().join("images")).unwrap();
    let recipe = Recipe::embedded("debian-12").unwrap();
    let inputs = Inputs::default().with_program("anteroom-demo", program);
    let mut last_line = String::new();
    let mut progress = |progress: Progress<'_>| {
        if let Progress::Line(line) = progress {
            line.clone_into(&mut last_line);
        }
    };
    let image = store.build(&recipe, "test", &inputs, Freshness::Reuse, &mut progress).unwrap();

    // Every layer is unpacked again and compared, file by file.
    let verified = store.verify(Depth::Contents, &mut |_| ()).unwrap();
    assert_eq!(verified.findings, []);

    let debian = &image.manifest.layers[0];
    let list = Listing::read(&store.root().join(&debian.file_list.path)).unwrap();
    for forbidden in ["/etc/hostname", "/etc/resolv.conf", "/etc/apt/apt.conf.d/99mmdebstrap"] {
        assert_eq!(list.entry(forbidden), None, "{forbidden}");
    }
    assert!(matches!(list.entry("/etc/machine-id").unwrap().kind, Kind::File { size: 0, .. }));
    let home = list.entry("/home/desktop").unwrap();
    assert_eq!((home.uid, home.gid, home.mode.as_str()), (1000, 1000, "0700"));
    for mount_point in ["/dev", "/proc", "/run", "/sys", "/tmp"] {
        assert_eq!(list.entry(mount_point).map(|entry| &entry.kind), Some(&Kind::Directory), "{mount_point}");
    }
    for package in ["xvfb", "openbox", "xterm", "x11vnc", "dbus"] {
        assert!(debian.packages.iter().any(|installed| installed.name == package), "{package}");
    }
    // It comes with whatever wants a session bus, unless something else is one.
    assert!(!debian.packages.iter().any(|installed| installed.name == "systemd"));
    for module in ["virtio_blk", "erofs", "overlay", "vmw_vsock_virtio_transport"] {
        assert!(image.manifest.kernel.modules.iter().any(|loaded| loaded == module), "{module}");
    }
}
