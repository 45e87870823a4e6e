//! The network as its guests, the host and the world meet it, in namespaces that each test makes for itself.
//!
//! That something does not arrive is seen without waiting: after what must be dropped, something that must arrive is sent
//! on the same way, and it is the first that does.

mod frame;
mod guest;
mod house_keeping;
mod ipv6;
mod outward;
pub(crate) mod scene;
mod spoofing;
mod towards_the_host;

use anteroom_protocol::VmId;

use super::*;
use guest::Guest;

async fn guest(network: &HostNetwork) -> Guest {
    Guest::boot(&network.attach(VmId::random()).await.unwrap())
}

#[test]
fn only_names_that_we_give_are_ours() {
    let name = device_name("3f2a51c4-0b1e-4c52-9d37-6f1f4a1c9e10".parse().unwrap());
    assert_eq!(name, "fc-vm-3f2a51c4");
    assert!(is_device_name(&name));
    for other in ["fc-vm-", "fc-vm-3F2A51C4", "fc-vm-3f2a51c", "fc-vm-3f2a51c4a", "fc-vm-gggggggg", "tap0"] {
        assert!(!is_device_name(other), "{other}");
    }
}

#[test]
fn who_may_not_change_the_network_is_told_what_to_do() {
    let refused = io::Error::from_raw_os_error(nix::libc::EPERM);
    let text = HostNetworkError::io("the device fc-vm-3f2a51c4")(refused).to_string();
    assert!(text.starts_with("the device fc-vm-3f2a51c4: the capability CAP_NET_ADMIN is missing"), "{text}");
}
