use super::*;

fn forward(guest: &str) -> Forward {
    Forward { guest: guest.parse().unwrap(), host: "127.0.0.1:9400".parse().unwrap() }
}

fn forwarding(guests: &[&str]) -> UserNetwork {
    UserNetwork { forwards: guests.iter().map(|guest| forward(guest)).collect(), ..UserNetwork::default() }
}

#[test]
fn the_guest_is_told_its_address_in_the_kernels_syntax() {
    let network = UserNetwork::default();
    assert_eq!(network.ip_config().to_string(), "10.0.2.15::10.0.2.2:255.255.255.0::eth0:off:10.0.2.3");
    let own_dns = UserNetwork { dns: Some(Ipv4Addr::new(9, 9, 9, 9)), ..network };
    assert!(own_dns.ip_config().to_string().ends_with(":9.9.9.9"));
}

#[test]
fn services_are_forwarded_at_free_addresses_of_the_network_only() {
    assert_eq!(forwarding(&["10.0.2.100:443", "10.0.2.100:80", "10.0.2.101:443"]).check(), Ok(()));
    for bad in ["10.0.3.100:443", "10.0.2.0:1", "10.0.2.255:1", "10.0.2.15:1", "10.0.2.2:1", "10.0.2.3:1"] {
        assert!(matches!(forwarding(&[bad]).check(), Err(NetworkError::Address(_))), "{bad}");
    }
}

#[test]
fn an_address_is_not_given_to_two_services() {
    let network = forwarding(&["10.0.2.100:443", "10.0.2.100:443"]);
    assert!(matches!(network.check(), Err(NetworkError::Twice(_))));
}
