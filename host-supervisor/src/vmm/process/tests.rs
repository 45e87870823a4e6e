use super::*;

/// A shell in a directory of its own, which goes with it.
struct Shell(Process, #[expect(dead_code, reason = "removed when it is dropped")] tempfile::TempDir);

fn shell(script: &str) -> Shell {
    let scratch = tempfile::tempdir().unwrap();
    let arguments = vec!["-c".into(), script.into()];
    Shell(Process::start(Invocation::of(Path::new("/bin/sh"), arguments, scratch.path())).unwrap(), scratch)
}

impl std::ops::Deref for Shell {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.0
    }
}

impl std::ops::DerefMut for Shell {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.0
    }
}

#[tokio::test]
async fn an_exit_names_the_program_its_code_and_its_last_lines() {
    let exit = shell("echo first >&2; echo 'no such machine' >&2; exit 3").wait().await;
    let stderr = vec!["first".to_owned(), "no such machine".to_owned()];
    assert_eq!(
        exit,
        VmExit { program: "sh".into(), code: Some(3), stderr, by_guest: false, out_of_memory: None }
    );
}

#[tokio::test]
async fn a_signal_is_told_as_a_shell_tells_it() {
    assert_eq!(shell("kill -TERM $$").wait().await.code, Some(128 + 15));
}

#[tokio::test]
async fn only_the_last_lines_are_kept_and_a_line_without_end_is_cut() {
    let exit = shell("head -c 3000 /dev/zero | tr '\\0' x >&2; echo >&2; seq 1 39 >&2").wait().await;
    assert_eq!(exit.stderr.len(), STDERR_LINES);
    assert!(exit.stderr.iter().all(|line| line.len() <= 1000));
    assert_eq!(exit.stderr.last().unwrap(), "39");
}

#[tokio::test]
async fn waiting_can_be_given_up_and_taken_up_again() {
    let mut process = shell("sleep 60");
    assert!(tokio::time::timeout(Duration::from_millis(20), process.wait()).await.is_err());
    assert!(process.ended().await.is_none());
    assert_eq!(process.kill().await.code, Some(128 + 9));
    assert_eq!(process.kill().await.code, Some(128 + 9), "a second end is the first one");
}

#[tokio::test]
async fn a_dropped_process_is_ended() {
    let process = shell("sleep 60");
    let id = process.id();
    assert!(id.is_alive());
    drop(process);
    for _ in 0..200 {
        if !id.is_alive() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the process still runs");
}

#[tokio::test]
async fn a_child_gets_none_of_the_daemons_environment_but_where_programs_are() {
    let exit = shell("env >&2").wait().await;
    let names: Vec<&str> =
        exit.stderr.iter().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    // The shell itself sets PWD, OLDPWD, SHLVL and _.
    let allowed = ["PATH", "HOME", "LD_LIBRARY_PATH", "PWD", "OLDPWD", "SHLVL", "_"];
    assert!(names.contains(&"PATH"), "{names:?}");
    assert!(names.iter().all(|name| allowed.contains(name)), "{names:?}");
}

#[test]
fn a_program_that_is_missing_is_named() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _entered = runtime.enter();
    let program = Path::new("/nonexistent/qemu");
    let scratch = tempfile::tempdir().unwrap();
    let error = Process::start(Invocation::of(program, vec![], scratch.path())).unwrap_err();
    assert_eq!(error.to_string(), "qemu cannot be started");
}

#[test]
fn a_program_is_found_in_path_or_in_the_other_places_but_must_be_executable() {
    assert!(find_program("sh", &[]).is_some());
    assert_eq!(find_program("/bin/sh", &[]), Some("/bin/sh".into()));
    let scratch = tempfile::tempdir().unwrap();
    std::fs::write(scratch.path().join("anteroom-test-tool"), "").unwrap();
    assert_eq!(find_program("anteroom-test-tool", &[scratch.path().to_owned()]), None);
}
