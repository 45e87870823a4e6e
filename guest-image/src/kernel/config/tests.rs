use proptest::prelude::*;

use super::*;

const FRAGMENT: &str = "\
# A comment, and why.
CONFIG_EROFS_FS=y
CONFIG_NR_CPUS=64
CONFIG_LSM=\"landlock,yama\"
# CONFIG_MODULES is not set

CONFIG_KEXEC=n
";

/// The lines of the error, without the first.
fn lost(config: &str) -> Vec<String> {
    let Err(lost) = Fragment::parse(FRAGMENT).unwrap().check(config) else { return Vec::new() };
    lost.to_string().lines().skip(1).map(|line| line.trim().to_owned()).collect()
}

const KEPT: &str = "\
CONFIG_CC_VERSION_TEXT=\"gcc (Debian 12.2.0-14+deb12u1) 12.2.0\"
CONFIG_EROFS_FS=y
CONFIG_NR_CPUS=64
CONFIG_LSM=\"landlock,yama\"
# CONFIG_MODULES is not set
";

#[test]
fn an_option_that_is_as_wanted_or_off_and_not_mentioned_is_not_lost() {
    assert_eq!(lost(KEPT), [""; 0]);
}

#[test]
fn an_option_that_is_missing_is_lost() {
    assert_eq!(
        lost(&KEPT.replace("CONFIG_EROFS_FS=y\n", "")),
        ["CONFIG_EROFS_FS=y is unknown, or depends on something that is missing"]
    );
}

#[test]
fn an_option_with_another_value_is_lost() {
    assert_eq!(
        lost(&KEPT.replace("=64", "=8").replace("# CONFIG_MODULES is not set", "CONFIG_MODULES=y")),
        ["CONFIG_NR_CPUS=64 became 8", "CONFIG_MODULES=n became y"]
    );
    assert_eq!(
        lost(&KEPT.replace("CONFIG_EROFS_FS=y", "# CONFIG_EROFS_FS is not set")),
        ["CONFIG_EROFS_FS=y became n"]
    );
    let none = Fragment::parse(FRAGMENT).unwrap().check("").unwrap_err().to_string();
    assert!(none.starts_with("3 of 5 options\n"), "{none}");
    // An option whose name is the beginning of another's is another option.
    assert_eq!(lost(&KEPT.replace("CONFIG_EROFS_FS=y", "CONFIG_EROFS_FS_ZIP=y")).len(), 1);
}

#[test]
fn what_is_no_option_is_refused_with_its_line() {
    let error = |text: &str| Fragment::parse(text).unwrap_err().to_string();
    assert_eq!(
        error("CONFIG_A=y\nCONFIG B=y\n"),
        "line 2: \"CONFIG B=y\" is neither CONFIG_NAME=value nor \"# CONFIG_NAME is not set\" nor a comment"
    );
    assert!(error("CONFIG_A=\n").starts_with("line 1: "));
    assert!(error("EROFS_FS=y\n").starts_with("line 1: "));
    assert_eq!(error("\nCONFIG_A=y\n# CONFIG_A is not set\n"), "line 3: CONFIG_A is there twice");
    assert_eq!(error("CONFIG_KVM=m\n"), "line 1: CONFIG_KVM is a module, and this kernel has none");
}

proptest! {
    #[test]
    fn a_fragment_loses_nothing_to_itself(text in "(CONFIG_[A-D]{1,3}=[yn1-9]\n|# CONFIG_[E-H]{1,3} is not set\n|# \\PC{0,9}\n){0,20}") {
        if let Ok(fragment) = Fragment::parse(&text) {
            prop_assert_eq!(fragment.check(&text), Ok(()));
        }
    }
}
