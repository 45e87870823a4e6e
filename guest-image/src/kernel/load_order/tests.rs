use super::*;

fn order(wanted: &[&str], builtin: &[&str], needs: &[(&str, &[&str])]) -> Vec<String> {
    let builtin: Vec<_> = builtin.iter().map(|name| (*name).to_owned()).collect();
    let needs = |name: &str| {
        let found = needs.iter().find(|(module, _)| *module == name);
        Ok(found.map(|(_, needs)| needs.iter().map(|need| (*need).to_owned()).collect()).unwrap_or_default())
    };
    resolve(wanted, &builtin, needs).unwrap()
}

#[test]
fn a_module_comes_after_all_that_it_needs_and_only_once() {
    let needs: &[(&str, &[&str])] = &[
        ("virtio_pci", &["virtio", "virtio_ring"]),
        ("virtio_blk", &["virtio"]),
        ("virtio", &["virtio_ring"]),
    ];
    assert_eq!(
        order(&["virtio_pci", "virtio_blk"], &[], needs),
        ["virtio_ring", "virtio", "virtio_pci", "virtio_blk"]
    );
}

#[test]
fn what_is_built_in_is_left_out() {
    assert_eq!(order(&["ext4", "erofs"], &["ext4", "libcrc32c"], &[("erofs", &["libcrc32c"])]), ["erofs"]);
}

#[test]
fn modules_that_need_one_another_do_not_loop() {
    assert_eq!(order(&["a"], &[], &[("a", &["b"]), ("b", &["a"])]), ["b", "a"]);
}
