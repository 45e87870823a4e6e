use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

fn word() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9_]{0,8}(=[a-zA-Z0-9,./:-]{1,12})?".prop_filter("not ours", |word| {
        let key = word.split('=').next().unwrap_or_default();
        ![ROOT, IP, IP6, VM, LAYERS, DISK, PURPOSE, CLIPBOARD].contains(&key)
    })
}

fn ip() -> impl Strategy<Value = IpConfig> {
    let address = || proptest::option::of(any::<u32>().prop_map(Ipv4Addr::from));
    let autoconf = proptest::sample::select(vec![
        Autoconf::Unset,
        Autoconf::Off,
        Autoconf::Any,
        Autoconf::Dhcp,
        Autoconf::Bootp,
        Autoconf::Rarp,
        Autoconf::Both,
    ]);
    let names =
        (proptest::option::of("[a-z][a-z0-9.-]{0,20}"), proptest::option::of("[a-z]{1,10}[0-9]{1,3}"));
    let addresses = [address(), address(), address(), address(), address(), address()];
    (addresses, proptest::option::of(0u8..=32), names, autoconf).prop_map(
        |([client, server, gateway, dns0, dns1, ntp0], prefix_len, (hostname, device), autoconf)| IpConfig {
            client,
            server,
            gateway,
            prefix_len,
            hostname,
            device,
            autoconf,
            dns0,
            dns1,
            ntp0,
        },
    )
}

fn ip6() -> impl Strategy<Value = Ip6Config> {
    let address = || any::<u128>().prop_map(Ipv6Addr::from);
    (address(), 0u8..=128, proptest::option::of(address()))
        .prop_map(|(address, prefix_len, gateway)| Ip6Config { address, prefix_len, gateway })
}

prop_compose! {
    fn line()(
        root in proptest::option::of("/dev/vd[a-z]"),
        ip in proptest::option::of(ip()),
        ip6 in proptest::option::of(ip6()),
        vm in proptest::option::of(Just(VmId::random())),
        layers in proptest::collection::vec("/dev/vd[a-z]", 0..5),
        disk in proptest::option::of("/dev/vd[a-z]"),
        probe in any::<bool>(),
        (to_desktop, from_desktop) in any::<(bool, bool)>(),
        others in proptest::collection::vec(word(), 0..8),
    ) -> KernelCommandLine {
        let purpose = if probe { Purpose::Probe } else { Purpose::Desktop };
        let clipboard = Directions { to_desktop, from_desktop };
        KernelCommandLine { root, ip, ip6, vm, layers, disk, purpose, clipboard, others }
    }
}

proptest! {
    #[test]
    fn a_line_reads_back_as_written(line in line()) {
        let text = line.render().unwrap();
        prop_assert_eq!(text.parse::<KernelCommandLine>().unwrap(), line);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,200}") {
        let _ = text.parse::<KernelCommandLine>();
    }

    #[test]
    fn no_ip_value_makes_the_parser_panic(text in "[0-9a-z:.]{0,80}") {
        if let Ok(parsed) = text.parse::<IpConfig>() {
            prop_assert_eq!(parsed.to_string().parse::<IpConfig>().unwrap(), parsed);
        }
    }

    #[test]
    fn no_ip6_value_makes_the_parser_panic(text in "[0-9a-f:.,/]{0,80}") {
        if let Ok(parsed) = text.parse::<Ip6Config>() {
            prop_assert_eq!(parsed.to_string().parse::<Ip6Config>().unwrap(), parsed);
        }
    }
}

#[test]
fn the_kernels_own_examples_of_ip_are_understood() {
    let full: IpConfig =
        "10.0.2.15:10.0.2.2:10.0.2.2:255.255.255.0:guest:eth0:off:10.0.2.3:8.8.8.8:10.0.2.9".parse().unwrap();
    assert_eq!(full.client, Some(Ipv4Addr::new(10, 0, 2, 15)));
    assert_eq!(full.prefix_len, Some(24));
    assert_eq!(full.hostname.as_deref(), Some("guest"));
    assert_eq!(full.device.as_deref(), Some("eth0"));
    assert_eq!(full.autoconf, Autoconf::Off);
    assert_eq!(full.dns1, Some(Ipv4Addr::new(8, 8, 8, 8)));
    assert_eq!(full.ntp0, Some(Ipv4Addr::new(10, 0, 2, 9)));

    assert_eq!("dhcp".parse::<IpConfig>().unwrap().autoconf, Autoconf::Dhcp);
    assert_eq!("::::::dhcp".parse::<IpConfig>().unwrap().autoconf, Autoconf::Dhcp);
    assert_eq!("192.168.0.9".parse::<IpConfig>().unwrap().client, Some(Ipv4Addr::new(192, 168, 0, 9)));
}

#[test]
fn a_wrong_ip_names_the_field() {
    let error = |text: &str| text.parse::<IpConfig>().unwrap_err();
    assert_eq!(error("10.0.2.256:"), ParseIpError::Address("10.0.2.256".into()));
    assert_eq!(error(":::255.0.255.0"), ParseIpError::Netmask("255.0.255.0".into()));
    assert_eq!(error(":::::eth0/x"), ParseIpError::Device("eth0/x".into()));
    assert_eq!(error("maybe"), ParseIpError::Autoconf("maybe".into()));
    assert_eq!(error(":::::::::::"), ParseIpError::TooManyFields);
}

#[test]
fn an_ip6_has_an_address_a_prefix_and_perhaps_a_gateway() {
    let expected = Ip6Config { address: "fd00:77::2".parse().unwrap(), prefix_len: 64, gateway: None };
    assert_eq!("fd00:77::2/64".parse(), Ok(expected));
    let routed = Ip6Config { gateway: Some("fd00:77::1".parse().unwrap()), ..expected };
    assert_eq!("fd00:77::2/64,fd00:77::1".parse(), Ok(routed));
}

#[test]
fn a_wrong_ip6_names_the_field() {
    let error = |text: &str| text.parse::<Ip6Config>().unwrap_err();
    assert_eq!(error("fd00::2"), ParseIp6Error::NoPrefix);
    assert_eq!(error("10.0.2.15/24"), ParseIp6Error::Address("10.0.2.15".into()));
    assert_eq!(error("fd00::2/129"), ParseIp6Error::PrefixLen("129".into()));
    assert_eq!(error("fd00::2/64,"), ParseIp6Error::Address(String::new()));
    assert_eq!(error("fd00::2/64,fd00::1,x"), ParseIp6Error::Address("fd00::1,x".into()));
    let line = "anteroom.ip6=fd00::2".parse::<KernelCommandLine>().unwrap_err();
    assert!(
        line.to_string().starts_with("anteroom.ip6= has the value \"fd00::2\": expected an address"),
        "{line}"
    );
}

#[test]
fn a_word_that_the_kernel_would_split_is_refused() {
    let line = KernelCommandLine { others: vec!["a b".into()], ..KernelCommandLine::default() };
    assert_eq!(line.render(), Err(CommandLineError::BadWord("a b".into())));
    let line = KernelCommandLine { others: vec!["x".repeat(MAX_BYTES + 1)], ..KernelCommandLine::default() };
    assert_eq!(line.render(), Err(CommandLineError::TooLong(MAX_BYTES + 1)));
}

#[test]
fn a_parameter_of_ours_may_stand_only_once() {
    let text = "anteroom.disk=/dev/vdb anteroom.disk=/dev/vdc";
    assert_eq!(text.parse::<KernelCommandLine>(), Err(CommandLineError::Twice(DISK)));
}

#[test]
fn quotes_keep_a_foreign_parameter_together() {
    let parsed: KernelCommandLine = "foo=\"a b\" quiet".parse().unwrap();
    assert_eq!(parsed.others, ["foo=a b", "quiet"]);
    assert_eq!("foo=\"a".parse::<KernelCommandLine>(), Err(CommandLineError::OpenQuote));
}

#[test]
fn a_device_that_is_no_block_device_is_refused() {
    for bad in ["anteroom.disk=/etc/passwd", "anteroom.layers=/dev/vda,,", "anteroom.layers=/dev/../x"] {
        assert!(bad.parse::<KernelCommandLine>().is_err(), "{bad}");
    }
}

#[test]
fn a_clipboard_is_open_until_the_line_says_otherwise() {
    let read = |text: &str| text.parse::<KernelCommandLine>().map(|line| line.clipboard);
    assert_eq!(read("quiet"), Ok(Directions::BOTH));
    assert_eq!(read("anteroom.clipboard=out"), Ok(Directions { to_desktop: false, from_desktop: true }));
    assert_eq!(read("anteroom.clipboard=none"), Ok(Directions::NONE));
    assert!(read("anteroom.clipboard=both").is_err() && read("anteroom.clipboard=").is_err());
}
