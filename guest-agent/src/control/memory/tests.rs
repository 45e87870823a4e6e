use super::*;

#[test]
fn a_field_is_read_by_its_whole_name() {
    let text = "MemTotal:        2012345 kB\nMemAvailable:    1000 kB\n";
    assert_eq!(proc_field::kib(text, "MemTotal"), Some(2_012_345));
    assert_eq!(proc_field::kib(text, "Mem"), None);
    assert_eq!(proc_field::kib(text, "SwapTotal"), None);
}

#[test]
fn only_our_own_roles_are_counted() {
    assert_eq!(role_of("1", b"/init\0"), Some("init"));
    assert_eq!(role_of("70", b"/usr/lib/anteroom/anteroom-agent\0oauth\0"), Some("oauth"));
    assert_eq!(role_of("71", b"xterm\0-e\0/usr/lib/anteroom/anteroom-agent\0terminal\0"), None);
    assert_eq!(role_of("72", b"/usr/lib/anteroom/anteroom-agent\0open-url\0https://secret\0"), None);
}

#[test]
fn the_resident_sets_of_a_role_are_summed_up() {
    let proc = tempfile::tempdir().unwrap();
    for (pid, kib) in [("5", 100), ("6", 23)] {
        let directory = proc.path().join(pid);
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("cmdline"), b"/a/anteroom-agent\0terminal\0").unwrap();
        fs::write(directory.join("status"), format!("Name:\tx\nVmRSS:\t{kib} kB\n")).unwrap();
    }
    assert_eq!(roles(proc.path()), BTreeMap::from([("terminal".to_owned(), 123)]));
}
