use super::*;

const STAT: &str = "17 (a) (b c) R 3 17 17 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 1 0 900 1000000 2560 \
                    18446744073709551615 0 0";

#[test]
fn a_process_is_read_whatever_its_name_holds() {
    let process = of_stat(17, STAT, "x11vnc", "desktop".to_owned()).unwrap();
    let expected = Process {
        pid: 17,
        parent: 3,
        name: "a) (b c".to_owned(),
        user: "desktop".to_owned(),
        group: "x11vnc".to_owned(),
        state: 'R',
        started_ms: 9000,
        cpu_ms: 3000,
        resident_kib: 10240,
    };
    assert_eq!(process, expected);
    assert!(of_stat(17, "17 (cut", "", String::new()).is_none());
    assert!(of_stat(17, "17 (cut) R 3", "", String::new()).is_none());
    let kernel = STAT.replace("4194304", "2129984");
    assert!(of_stat(17, &kernel, "", String::new()).is_none(), "a thread of the kernel's");
}

#[test]
fn a_group_is_the_one_of_the_second_hierarchy() {
    assert_eq!(group("1:name=systemd:/x\n0::/exec-3f2a\n"), "exec-3f2a");
    assert_eq!((group("0::/\n"), group("")), ("", ""));
}

#[test]
fn processors_are_counted_and_idleness_is_no_work() {
    let stat = "cpu  10 1 20 400 50 2 3 4 7 7\ncpu0 1 2\ncpu1 1 2\nintr 5\n";
    assert_eq!((processors(stat), busy_ms(stat)), (2, Some(400)));
    assert_eq!(uptime_ms("3661.07 99.00\n"), Some(3_661_070));
}

#[test]
fn this_machine_is_told_with_this_process() {
    let users = HashMap::from([(nix::unistd::geteuid().as_raw(), "me".to_owned())]);
    let told = snapshot(Path::new("/proc"), &users).unwrap();
    assert!(told.processors > 0 && told.memory_total_kib > 0 && told.busy_ms > 0, "{told:?}");
    let own = told.processes.iter().find(|process| process.pid == std::process::id()).unwrap();
    assert!(own.user == "me" && own.resident_kib > 0 && own.started_ms < told.uptime_ms, "{own:?}");
}
