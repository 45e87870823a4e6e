//! What is in `packaging/` is right, as far as a machine that does not install it can tell.

#![expect(clippy::unwrap_used, reason = "what is not as a test expects it ends the test")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// How exposed `systemd-analyze security` may find the service, in tenths. What it still counts is explained in the unit.
const MOST_EXPOSED: &str = "--threshold=45";

const UNITS: [&str; 2] = ["anteroom.service", "anteroom.socket"];

fn packaging() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("packaging")
}

fn unit(name: &str) -> String {
    fs::read_to_string(packaging().join("systemd").join(name)).unwrap()
}

/// The value of an option that a unit has once.
fn option(unit: &str, name: &str) -> String {
    let values: Vec<&str> = unit.lines().filter_map(|line| line.strip_prefix(name)).collect();
    let [value] = values.as_slice() else { panic!("{name} is there {} times", values.len()) };
    (*value).to_owned()
}

/// Runs systemd's own checks on copies of the units that start the program of this build; `None` without systemd.
fn systemd_analyze(arguments: &[&str]) -> Option<(Output, tempfile::TempDir)> {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        eprintln!("SKIPPED systemd-analyze {arguments:?}: it is not installed");
        return None;
    }
    let directory = tempfile::tempdir().unwrap();
    for name in UNITS {
        let here = unit(name).replace("/usr/local/bin/anteroom", env!("CARGO_BIN_EXE_anteroom"));
        fs::write(directory.path().join(name), here).unwrap();
    }
    let output = Command::new("systemd-analyze").args(arguments).current_dir(&directory).output().unwrap();
    Some((output, directory))
}

#[test]
fn systemd_has_nothing_to_say_against_the_units() {
    let Some((output, _units)) =
        systemd_analyze(&["verify", "--man=no", "./anteroom.service", "./anteroom.socket"])
    else {
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn the_service_is_as_little_exposed_as_it_was() {
    let Some((output, _units)) =
        systemd_analyze(&["security", "--offline=true", "--no-pager", MOST_EXPOSED, "./anteroom.service"])
    else {
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_settings_are_right_and_name_the_sockets_address_and_the_services_directories() {
    let file = packaging().join("anteroom.toml");
    let check =
        Command::new(env!("CARGO_BIN_EXE_anteroom")).args(["config", "check"]).arg(&file).output().unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
    let settings: toml::Table = fs::read_to_string(&file).unwrap().parse().unwrap();
    let (service, socket) = (unit("anteroom.service"), unit("anteroom.socket"));
    assert_eq!(settings["listen"].as_str().unwrap(), option(&socket, "ListenStream="));
    let state = format!("/var/lib/{}", option(&service, "StateDirectory="));
    let cache = format!("/var/cache/{}", option(&service, "CacheDirectory="));
    assert_eq!(
        (settings["state_dir"].as_str(), settings["cache_dir"].as_str()),
        (Some(&*state), Some(&*cache))
    );
    assert_eq!(settings["image_dir"].as_str().unwrap(), format!("{cache}/images"));
}
