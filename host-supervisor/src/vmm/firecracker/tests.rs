use std::collections::BTreeSet;

use super::*;

fn firecracker(change: fn(&mut Firecracker)) -> Firecracker {
    let version = |major, minor| Version { major, minor, patch: 0 };
    let mut firecracker = Firecracker {
        settings: FirecrackerSettings {
            program: "firecracker".into(),
            transport: Transport::Pci,
            jailer: JailerChoice::Never,
            rates: Rates::default(),
            host_disk: Rate::default(),
        },
        program: "/usr/bin/firecracker".into(),
        jailer: None,
        version: version(1, 13),
        format: version(8, 0),
    };
    change(&mut firecracker);
    firecracker
}

#[test]
fn whatever_a_snapshot_was_made_with_is_among_its_conditions() {
    let changes: [fn(&mut Firecracker); 7] = [
        |_| (),
        |firecracker| firecracker.version.minor += 1,
        |firecracker| firecracker.format.major += 1,
        |firecracker| firecracker.settings.transport = Transport::Mmio,
        |firecracker| firecracker.jailer = Some(Jailer::new("/usr/bin/jailer".into(), Rate::default())),
        |firecracker| firecracker.settings.rates.disk.bytes = Some(1),
        |firecracker| firecracker.settings.rates.network.operations = Some(1),
    ];
    let conditions = changes.map(|change| firecracker(change).conditions().unwrap());
    let different: BTreeSet<String> = conditions.iter().map(Value::to_string).collect();
    assert_eq!(different.len(), conditions.len(), "{different:#?}");
    for same in ["firecracker", "processor", "host_kernel"] {
        assert!(conditions.iter().all(|one| !one[same].is_null()), "{same}");
    }
    assert_ne!(conditions[0]["host_kernel"], "");
}

#[test]
fn a_program_elsewhere_and_limits_of_the_hosts_are_no_reason_for_another_snapshot() {
    let elsewhere = firecracker(|firecracker| {
        firecracker.program = "/opt/firecracker".into();
        firecracker.settings.host_disk.bytes = Some(1);
    });
    assert_eq!(elsewhere.conditions(), firecracker(|_| ()).conditions());
}

#[test]
fn a_firecracker_whose_clones_are_deaf_makes_no_snapshots() {
    let deaf = firecracker(|firecracker| firecracker.version.minor = 16);
    assert!(deaf.conditions().is_none() && !deaf.capabilities().snapshots);
    let mended = firecracker(|firecracker| firecracker.version = Version { major: 1, minor: 16, patch: 1 });
    assert!(mended.conditions().is_some() && mended.capabilities().snapshots);
}
