use std::sync::LazyLock;

use super::*;
use crate::net::{Forward, Reach, TapNetwork, UserNetwork};

static BOOT: LazyLock<BootFiles> = LazyLock::new(|| BootFiles {
    kernel: "/images/vmlinuz".into(),
    initrd: Some("/images/initrd.cpio".into()),
    agent: Some("/images/agent.erofs".into()),
});

fn machine<'a>(network: &'a Network, layers: &'a [PathBuf]) -> Machine<'a> {
    Machine {
        name: "anteroom-3f2a51c4",
        machine: "q35,usb=off",
        accelerator: Accelerator::Tcg { tsc_khz: Some(2_000_000) },
        vcpus: 2,
        memory_mib: 1024,
        boot: &BOOT,
        command_line: "console=ttyS0 panic=-1",
        layers,
        disk: Some(Path::new("/state/vms/3f2a/disk.img")),
        network,
        relay: None,
        vsock: Some("vhost.sock"),
        memory: None,
        control: Some(8),
        incoming: false,
    }
}

/// The words as `option value` lines, as a person would write them.
fn lines(argv: &[String]) -> String {
    let mut text = String::new();
    for word in argv {
        text.push_str(if word.starts_with('-') && !text.is_empty() { "\n" } else { " " });
        text.push_str(word);
    }
    text.trim_start().to_owned()
}

#[test]
fn a_desktop_vm_under_tcg() {
    let layers = ["/images/debian.erofs".into(), "/images/desktop.erofs".into()];
    let network = Network::User(UserNetwork::default());
    let expected = r#"-name anteroom-3f2a51c4
-nodefaults
-no-user-config
-display none
-no-reboot
-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny
-machine q35,usb=off,memory-backend=ram,dump-guest-core=off
-accel tcg,thread=multi
-cpu max
-smp 2
-m 1024M
-object memory-backend-memfd,id=ram,size=1024M,share=on
-kernel /images/vmlinuz
-initrd /images/initrd.cpio
-append console=ttyS0 panic=-1
-chardev stdio,id=console,signal=off
-serial chardev:console
-blockdev {"cache":{"no-flush":false},"discard":"ignore","driver":"raw","file":{"cache":{"no-flush":false},"driver":"file","filename":"/images/agent.erofs","read-only":true},"node-name":"agent","read-only":true}
-device virtio-blk-pci,drive=agent
-blockdev {"cache":{"no-flush":false},"discard":"ignore","driver":"raw","file":{"cache":{"no-flush":false},"driver":"file","filename":"/images/debian.erofs","read-only":true},"node-name":"layer0","read-only":true}
-device virtio-blk-pci,drive=layer0
-blockdev {"cache":{"no-flush":false},"discard":"ignore","driver":"raw","file":{"cache":{"no-flush":false},"driver":"file","filename":"/images/desktop.erofs","read-only":true},"node-name":"layer1","read-only":true}
-device virtio-blk-pci,drive=layer1
-blockdev {"cache":{"no-flush":true},"discard":"unmap","driver":"raw","file":{"cache":{"no-flush":true},"driver":"file","filename":"/state/vms/3f2a/disk.img","read-only":false},"node-name":"disk","read-only":false}
-device virtio-blk-pci,drive=disk
-netdev user,id=net,ipv6=off,restrict=off,net=10.0.2.0/24,host=10.0.2.2,dns=10.0.2.3
-device virtio-net-pci,netdev=net,romfile=
-object rng-random,id=rng,filename=/dev/urandom
-device virtio-rng-pci,rng=rng
-chardev socket,id=vsock,path=vhost.sock
-device pcie-root-port,id=vsock-slot,chassis=1,slot=1
-device vhost-user-vsock-pci,chardev=vsock,id=vsock,bus=vsock-slot
-chardev socket,id=control,fd=8,server=on,wait=off
-mon chardev=control,mode=control"#;
    assert_eq!(lines(&machine(&network, &layers).argv().unwrap()), expected);
}

#[test]
fn a_probe_of_kvm_has_no_disk_but_the_agents_no_network_and_no_vsock() {
    let probe = Machine {
        accelerator: Accelerator::Kvm,
        vcpus: 1,
        memory_mib: 256,
        disk: None,
        vsock: None,
        control: None,
        ..machine(&Network::None, &[])
    };
    let text = lines(&probe.argv().unwrap());
    assert!(text.contains("-accel kvm\n-cpu host\n-smp 1\n-m 256M\n"), "{text}");
    for absent in ["-netdev", "vsock", "virtio-net"] {
        assert!(!text.contains(absent), "{absent} in {text}");
    }
    assert_eq!(text.matches("-blockdev").count(), 1, "{text}");
}

#[test]
fn no_character_of_a_path_becomes_an_option() {
    let layers = [PathBuf::from("/images/a,readonly=off \"quoted\".erofs")];
    let argv = machine(&Network::None, &layers).argv().unwrap();
    let node = argv.iter().find(|word| word.contains("layer0")).unwrap();
    let node: serde_json::Value = serde_json::from_str(node).unwrap();
    assert_eq!(node["file"]["filename"], "/images/a,readonly=off \"quoted\".erofs");
}

fn forwarding(reach: Reach) -> Network {
    let forward =
        Forward { guest: "10.0.2.100:443".parse().unwrap(), host: "127.0.0.1:8443".parse().unwrap() };
    Network::User(UserNetwork { reach, forwards: vec![forward], dns: None })
}

#[test]
fn a_forwarded_service_gets_a_relay_for_each_connection_and_only_then_may_qemu_start_children() {
    let network = forwarding(Reach::ForwardsOnly);
    let relay = ["/opt/o'neil, inc/anteroom".to_owned(), "relay".to_owned()];
    let text = lines(&Machine { relay: Some(&relay), ..machine(&network, &[]) }.argv().unwrap());
    assert!(text.contains("elevateprivileges=allow,spawn=allow,resourcecontrol=allow\n"), "{text}");
    let expected = r"restrict=on,net=10.0.2.0/24,host=10.0.2.2,dns=10.0.2.3,guestfwd=tcp:10.0.2.100:443-cmd:'/opt/o'\''neil,, inc/anteroom' 'relay' '127.0.0.1:8443'";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn a_forwarded_service_without_a_relay_or_at_a_taken_address_is_refused() {
    let network = forwarding(Reach::Everything);
    let error = machine(&network, &[]).argv().unwrap_err();
    assert_eq!(error.to_string(), "a VM cannot have forwarded services without a relay program");
    let Network::User(mut user) = network else { unreachable!() };
    user.forwards[0].guest = "10.0.2.15:443".parse().unwrap();
    assert!(matches!(machine(&Network::User(user), &[]).argv(), Err(LaunchError::Network(_))));
}

#[test]
fn a_tap_device_is_opened_by_its_name_and_nothing_is_run_for_it() {
    let network = Network::Tap(TapNetwork::example());
    let text = lines(&machine(&network, &[]).argv().unwrap());
    assert!(text.contains("elevateprivileges=deny,spawn=deny,resourcecontrol=deny\n"), "{text}");
    let expected = "-netdev tap,id=net,ifname=fc-vm-3f2a51c4,script=no,downscript=no\n\
                    -device virtio-net-pci,netdev=net,mac=02:fc:c0:a8:64:02,romfile=\n";
    assert!(text.contains(expected), "{text}");
}

/// What a machine that is snapshotted and one that goes on have in their places of the plain one's lines.
#[test]
fn a_machine_that_is_snapshotted_has_its_memory_in_a_file_and_one_that_goes_on_lacks_vsock() {
    let network = Network::None;
    let lines_of =
        |incoming| lines(&Machine { memory: Some(7), incoming, ..machine(&network, &[]) }.argv().unwrap());
    let (made, restored) = (lines_of(false), lines_of(true));
    let both = [
        "\n-object memory-backend-file,id=ram,size=1024M,share=on,mem-path=/proc/self/fd/7\n",
        "\n-device virtio-balloon-pci,free-page-reporting=on,deflate-on-oom=on\n",
        "\n-chardev socket,id=vsock,path=vhost.sock\n-device pcie-root-port,id=vsock-slot,chassis=1,slot=1\n",
        "\n-chardev socket,id=control,fd=8,server=on,wait=off\n-mon chardev=control,mode=control",
    ];
    for line in both {
        assert!(made.contains(line) && restored.contains(line), "{line}: {made}\n{restored}");
    }
    let device = "-device vhost-user-vsock-pci,chardev=vsock,id=vsock,bus=vsock-slot\n";
    assert!(made.contains(device) && !made.contains("-incoming"), "{made}");
    // It comes while the guest runs, which has to notice it.
    assert!(!restored.contains(device) && restored.ends_with("\n-incoming defer"), "{restored}");
}
