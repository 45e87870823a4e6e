//! Which address a VM gets. The store remembers it, so that it is taken before the VM's device exists and until that is gone.

use std::{collections::BTreeSet, net::Ipv4Addr};

use anteroom_protocol::VmId;
use ipnet::Ipv4Net;
use tokio::sync::Mutex;

use super::{HostNetworkError, device_name};
use crate::store::{AddressRecord, Store};

#[derive(Debug)]
pub(super) struct AddressPool {
    store: Store,
    /// With the host's own address in it.
    network: Ipv4Net,
    /// The address that was given last; held while one is given, so that no two VMs choose the same.
    last: Mutex<Ipv4Addr>,
}

impl AddressPool {
    pub(super) fn new(store: Store, network: Ipv4Net) -> Self {
        Self { store, network, last: Mutex::new(network.addr()) }
    }

    /// Writes down an address for this VM.
    pub(super) async fn lease(&self, vm: VmId) -> Result<Ipv4Addr, HostNetworkError> {
        let mut last = self.last.lock().await;
        let leases = self.leases().await?;
        if leases.iter().any(|lease| lease.vm == vm) {
            return Err(HostNetworkError::Twice(vm));
        }
        // Of two VMs in four thousand million, the ids begin with the same digits.
        let device = device_name(vm);
        if leases.iter().any(|lease| device_name(lease.vm) == device) {
            return Err(HostNetworkError::DeviceExists(device));
        }
        let taken: BTreeSet<Ipv4Addr> = leases.iter().map(|lease| lease.address).collect();
        let address = next(self.network, &taken, *last).ok_or_else(|| HostNetworkError::NoAddressLeft {
            network: self.network,
            in_use: taken.iter().filter(|address| self.network.contains(*address)).count(),
        })?;
        self.store.address_take(&AddressRecord { vm, address }).await?;
        *last = address;
        Ok(address)
    }

    pub(super) async fn leases(&self) -> Result<Vec<AddressRecord>, HostNetworkError> {
        Ok(self.store.address_list().await?)
    }

    pub(super) async fn address_of(&self, vm: VmId) -> Result<Option<Ipv4Addr>, HostNetworkError> {
        Ok(self.leases().await?.into_iter().find(|lease| lease.vm == vm).map(|lease| lease.address))
    }

    pub(super) async fn free(&self, vm: VmId) -> Result<(), HostNetworkError> {
        Ok(self.store.address_free(vm).await?)
    }
}

/// The first free address after that one, beginning again after the last. An address comes back as late as possible: the
/// world still answers connections of the guest that had it before.
fn next(network: Ipv4Net, taken: &BTreeSet<Ipv4Addr>, after: Ipv4Addr) -> Option<Ipv4Addr> {
    let (first, last) = (u32::from(network.network()) + 1, u32::from(network.broadcast()) - 1);
    let after = u32::from(after).clamp(first - 1, last);
    (after + 1..=last)
        .chain(first..=after)
        .map(Ipv4Addr::from)
        .find(|address| *address != network.addr() && !taken.contains(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network() -> Ipv4Net {
        "10.0.0.2/29".parse().unwrap()
    }

    fn address(last: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 0, last)
    }

    #[test]
    fn every_address_but_the_hosts_and_the_two_edges_is_given_once() {
        let (mut taken, mut given, mut last) = (BTreeSet::new(), Vec::new(), network().addr());
        while let Some(address) = next(network(), &taken, last) {
            taken.insert(address);
            given.push(address.octets()[3]);
            last = address;
        }
        assert_eq!(given, [3, 4, 5, 6, 1]);
    }

    #[test]
    fn a_freed_address_comes_back_last() {
        let taken = BTreeSet::from([address(3), address(5)]);
        assert_eq!(next(network(), &taken, address(5)), Some(address(6)));
        assert_eq!(next(network(), &taken, address(6)), Some(address(1)));
        assert_eq!(next(network(), &taken, address(1)), Some(address(4)));
    }

    #[test]
    fn where_the_network_was_another_before_the_first_address_is_given() {
        for outside in ["1.2.3.4", "10.0.0.0", "200.0.0.1"] {
            let first = next(network(), &BTreeSet::new(), outside.parse().unwrap());
            assert_eq!(first, Some(address(1)), "{outside}");
        }
    }

    async fn pool(network: &str) -> (tempfile::TempDir, AddressPool) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).await.unwrap();
        (directory, AddressPool::new(store, network.parse().unwrap()))
    }

    #[tokio::test]
    async fn an_exhausted_network_says_how_many_addresses_are_in_use() {
        let (_directory, pool) = pool("192.168.100.1/24").await;
        let mut vms = Vec::new();
        let error = loop {
            let vm = VmId::random();
            match pool.lease(vm).await {
                Ok(_) => vms.push(vm),
                Err(error) => break error,
            }
        };
        assert_eq!(error.to_string(), "no address left in 192.168.100.0/24: 253 are in use");
        pool.free(vms[100]).await.unwrap();
        let freed = pool.lease(VmId::random()).await.unwrap();
        assert_eq!(freed, Ipv4Addr::new(192, 168, 100, 102));
    }

    #[tokio::test]
    async fn leases_outlive_the_pool_and_are_not_given_to_two_vms_at_once() {
        let (directory, first) = pool("10.0.0.1/24").await;
        let vms: Vec<VmId> = (0..20).map(|_| VmId::random()).collect();
        let given = futures_util::future::join_all(vms.iter().map(|vm| first.lease(*vm))).await;
        let given: BTreeSet<Ipv4Addr> = given.into_iter().map(Result::unwrap).collect();
        assert_eq!(given.len(), 20);
        assert!(matches!(first.lease(vms[0]).await, Err(HostNetworkError::Twice(_))));
        drop(first);
        let second =
            AddressPool::new(Store::open(directory.path()).await.unwrap(), "10.0.0.1/24".parse().unwrap());
        assert_eq!(second.leases().await.unwrap().len(), 20);
        assert!(!given.contains(&second.lease(VmId::random()).await.unwrap()));
    }

    #[tokio::test]
    async fn a_vm_whose_device_would_have_the_name_of_another_gets_no_address() {
        let (_directory, pool) = pool("10.0.0.1/24").await;
        let ids = ["3f2a51c4-0b1e-4c52-9d37-6f1f4a1c9e10", "3f2a51c4-ffff-4c52-9d37-6f1f4a1c9e10"];
        pool.lease(ids[0].parse().unwrap()).await.unwrap();
        let error = pool.lease(ids[1].parse().unwrap()).await.unwrap_err();
        assert!(matches!(error, HostNetworkError::DeviceExists(name) if name == "fc-vm-3f2a51c4"));
    }
}
