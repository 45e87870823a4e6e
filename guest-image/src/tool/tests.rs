use super::*;

const SH: Program = Program { name: "sh", debian_package: "dash" };

fn shell(script: &str) -> Tool {
    Tool::new(SH, ["-c", script])
}

#[test]
fn lines_of_both_streams_are_shown_as_they_come() {
    let mut lines = Vec::new();
    shell("echo one; echo two >&2; printf 'three\\rfour'")
        .run(&mut |line| lines.push(line.to_owned()))
        .unwrap();
    lines.sort();
    assert_eq!(lines, ["four", "one", "three", "two"]);
}

#[test]
fn a_failure_carries_the_last_lines() {
    let error = shell("for n in $(seq 30); do echo line $n >&2; done; exit 3").run(&mut |_| ()).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("sh ended with exit status: 3"), "{text}");
    assert!(text.ends_with("line 30") && text.contains("line 11") && !text.contains("line 10\n"), "{text}");
}

#[test]
fn a_program_that_is_not_there_is_an_error_with_its_package() {
    let nowhere = Program { name: "anteroom-no-such-program", debian_package: "some-package" };
    assert!(!nowhere.is_installed());
    let error = Tool::new(nowhere, [""; 0]).run(&mut |_| ()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "not installed: anteroom-no-such-program; run: sudo apt-get install some-package"
    );
}

#[test]
fn the_callers_environment_is_not_passed_on() {
    let names = shell("env | cut -d= -f1").output().unwrap();
    let unexpected: Vec<_> = names
        .lines()
        .filter(|name| !ENVIRONMENT.contains(name) && !name.to_lowercase().starts_with("npm_config_"))
        .filter(|name| !["LC_ALL", "PWD", "SHLVL", "_", "OLDPWD"].contains(name))
        .collect();
    assert_eq!(unexpected, [""; 0]);
    assert!(names.contains("PATH"));
}

#[test]
fn a_consumer_that_gives_up_is_the_reason_of_the_failure() {
    let error = shell("yes")
        .run_reading::<()>(&mut |_| (), |_| Err(Error::Archive("enough".to_owned())))
        .unwrap_err();
    assert_eq!(error.to_string(), "archive: enough");
}

#[test]
fn very_long_lines_are_cut() {
    let mut longest = 0;
    shell("head -c 100000 /dev/zero | tr '\\0' x")
        .run(&mut |line| longest = longest.max(line.len()))
        .unwrap();
    assert_eq!(longest, LINE_BYTES);
}

#[test]
fn all_that_is_missing_is_named_at_once_with_each_package_once() {
    let nowhere = |name, debian_package| Requirement::Program(Program { name, debian_package });
    let header = Header { path: "/nonexistent/include/some.h", debian_package: "libsome-dev" };
    let needed = [
        nowhere("anteroom-no-such-compiler", "some-tools"),
        Requirement::Program(SH),
        Requirement::Header(header),
        nowhere("anteroom-no-such-assembler", "some-tools"),
    ];
    assert_eq!(
        check(needed).unwrap_err().to_string(),
        "not installed: anteroom-no-such-assembler, anteroom-no-such-compiler, /nonexistent/include/some.h; run: \
         sudo apt-get install libsome-dev some-tools"
    );
    assert!(check([Requirement::Program(SH)]).is_ok());
}
