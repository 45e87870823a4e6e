use super::*;
use crate::recipe::Recipe;

#[test]
fn every_suite_becomes_a_line_bound_to_its_keyring() {
    let recipe = Recipe::embedded("debian-12").unwrap();
    let signed = "deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]";
    assert_eq!(
        source_lines(&recipe.archives),
        [
            format!("{signed} http://deb.debian.org/debian bookworm main"),
            format!("{signed} http://deb.debian.org/debian bookworm-updates main"),
            format!("{signed} http://deb.debian.org/debian-security bookworm-security main"),
        ]
    );
}

#[test]
fn the_date_of_a_release_is_read() {
    let release = "Origin: Debian\nDate: Fri, 20 Nov 2026 00:12:41 UTC\nComponents: main\n";
    assert_eq!(release_date(release), Some(1_795_133_561));
    assert_eq!(release_date("Origin: Debian\n"), None);
    assert_eq!(release_date("Date: soon\n"), None);
}

#[test]
fn only_kernel_packages_are_followed() {
    let output = "linux-image-generic\n  Depends: linux-image-5.15.0-1-generic\n  Depends: linux-firmware\n \
                  |Depends: linux-modules-extra-5.15.0-1-generic\n  Depends: <virtual>\n    one\n";
    let followed: Vec<_> = dependencies(output, &["linux-image-", "linux-modules-"]).collect();
    assert_eq!(followed, ["linux-image-5.15.0-1-generic"]);
}

#[test]
fn a_package_is_identified_by_version_and_hash() {
    let shown = "Package: linux-source-6.1\nVersion: 6.1.192-2\nSHA256: ae95fe63\n\n";
    assert_eq!(identity(shown).as_deref(), Some("6.1.192-2 ae95fe63"));
    assert_eq!(identity(&shown.replace("6.1.192-2", "")), None);
    assert_eq!(identity(&shown.replace("SHA256", "SHA512")), None);
    assert_eq!(identity(""), None);
}

#[test]
fn apt_sees_nothing_of_the_hosts_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let scratch = directory.path();
    std::fs::create_dir(scratch.join("none.d")).unwrap();
    std::fs::write(scratch.join("apt.conf"), configuration(scratch, true)).unwrap();
    let dump =
        Tool::new(tool::APT_CONFIG, ["dump"]).env("APT_CONFIG", scratch.join("apt.conf")).output().unwrap();
    for key in [
        "Dir::Etc::sourcelist",
        "Dir::Etc::sourceparts",
        "Dir::Etc::parts",
        "Dir::State::lists",
        "Dir::Cache",
    ] {
        let line = dump.lines().find(|line| line.starts_with(&format!("{key} "))).unwrap();
        assert!(line.contains(&scratch.display().to_string()), "{line}");
    }
}

#[test]
fn a_missing_keyring_is_named_with_where_it_comes_from() {
    let mut archives = Recipe::embedded("ubuntu-22.04").unwrap().archives;
    let elsewhere = "/nonexistent/ubuntu.gpg".to_owned();
    archives[0].keyring = elsewhere.try_into().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let error = Index::fetch(&archives, directory.path(), &mut |_| ()).unwrap_err().to_string();
    assert_eq!(
        error,
        "archive http://archive.ubuntu.com/ubuntu: its keyring /nonexistent/ubuntu.gpg is missing; it comes from package \
         ubuntu-keyring (on Debian 12 from bookworm-backports)"
    );
}
