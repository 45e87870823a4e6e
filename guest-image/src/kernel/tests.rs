use super::*;

#[test]
fn a_module_goes_by_its_name_in_the_kernel() {
    assert_eq!(module_name("virtio-rng.ko").as_deref(), Some("virtio_rng"));
    assert_eq!(module_name("erofs.ko.zst").as_deref(), Some("erofs"));
    assert_eq!(module_name("modules.order"), None);
    assert_eq!(module_name("a.ko.bak"), None);
}

#[test]
fn the_newest_kernel_of_several_is_taken() {
    let boot = tempfile::tempdir().unwrap();
    for name in
        ["vmlinuz-6.1.0-54-cloud-amd64", "vmlinuz-6.1.0-56-cloud-amd64", "config-6.1.0-57-cloud-amd64"]
    {
        std::fs::write(boot.path().join(name), "").unwrap();
    }
    let (version, path) = find_image(boot.path()).unwrap().unwrap();
    assert_eq!(version, "6.1.0-56-cloud-amd64");
    assert_eq!(path, boot.path().join("vmlinuz-6.1.0-56-cloud-amd64"));
}

#[test]
fn modules_are_found_in_all_depths_and_built_in_ones_in_the_list() {
    let root = tempfile::tempdir().unwrap();
    let deep = root.path().join("kernel/drivers/block");
    std::fs::create_dir_all(&deep).unwrap();
    std::fs::write(deep.join("virtio-blk.ko"), "").unwrap();
    std::fs::write(root.path().join("modules.builtin"), "kernel/fs/ext4/ext4.ko\n").unwrap();
    assert_eq!(module_files(root.path()).unwrap()["virtio_blk"], deep.join("virtio-blk.ko"));
    assert_eq!(builtin_modules(root.path()).unwrap(), ["ext4"]);
}

#[test]
fn a_compressed_module_is_refused_by_name() {
    let error = dependencies(Path::new("/lib/modules/6/kernel/erofs.ko.zst")).unwrap_err().to_string();
    assert_eq!(
        error,
        "module /lib/modules/6/kernel/erofs.ko.zst is compressed: only plain .ko files can be read"
    );
}

#[test]
fn the_same_kernel_with_other_modules_has_another_name() {
    let scratch = tempfile::tempdir().unwrap();
    let built = |modules: &str| {
        let [image, archive] = ["vmlinuz", "modules.cpio"].map(|name| scratch.path().join(name));
        std::fs::write(&image, "kernel").unwrap();
        std::fs::write(&archive, modules).unwrap();
        let version = "6.1.0-56-cloud-amd64".to_owned();
        BuiltKernel {
            version,
            packages: Vec::new(),
            modules: Vec::new(),
            image,
            contents: Contents::Stock { archive },
        }
    };
    let name = built("virtio_blk").name().unwrap();
    assert!(name.starts_with("6.1.0-56-cloud-amd64-"), "{name}");
    assert_eq!(built("virtio_blk").name().unwrap(), name);
    assert_ne!(built("kvm_amd").name().unwrap(), name);
}
