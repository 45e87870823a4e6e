//! How many VMs wait for somebody, and what becomes of them when memory is short.

use std::time::Duration;

use super::{
    super::{PoolView, Shortage, VmStatus, keeper::Keeper},
    house::{House, LIVES, within},
};
use crate::config::PoolSettings;

const TWO: PoolSettings = PoolSettings { min: 2, max: 2 };

impl House {
    async fn ready_to_wait() -> Self {
        Self::new(LIVES).await.has_a_desktop()
    }

    async fn until_pool(&self, is_so: impl Fn(&PoolView) -> bool) -> PoolView {
        let seen = async {
            loop {
                let pool = self.starter.pool();
                if is_so(&pool) {
                    return pool;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        within(seen).await
    }
}

#[tokio::test]
async fn vms_that_wait_give_their_memory_back_when_it_is_short_and_come_again_after() {
    let house = House::ready_to_wait().await;
    house.has_memory(100_000, 0.0);
    let _keeper = house.keeper_without_snapshots(TWO);
    house.until_pool(|pool| pool.ready == 2 && pool.shortage.is_none()).await;
    house.has_memory(100, 0.0);
    let small = house.until_pool(|pool| pool.ready == 0 && pool.shortage.is_some()).await;
    assert!(matches!(small.shortage, Some(Shortage::Memory { available_mib: 100, .. })), "{small:?}");
    assert_eq!(small.wanted, 2);
    // Whoever comes now waits for a VM, and it says why.
    let mut vm = house.occupy_as("me").await.unwrap();
    vm.until(VmStatus::Ready).await;
    let why = vm.handle.state().borrow().none_ready.clone().unwrap();
    assert!(why.starts_with("100 MiB of this machine's memory are left"), "{why}");
    vm.end().await;
    house.has_memory(100_000, 0.0);
    house.until_pool(|pool| pool.ready == 2 && pool.shortage.is_none()).await;
    house.starter.close().await;
    assert_eq!(house.directories(), [""; 0]);
}

#[tokio::test]
async fn programs_that_wait_for_memory_end_one_vm_that_waits_after_the_other() {
    let house = House::ready_to_wait().await;
    house.has_memory(100_000, 0.0);
    let _keeper = house.keeper_without_snapshots(TWO);
    house.until_pool(|pool| pool.ready == 2).await;
    house.has_memory(100_000, 7.0);
    let less = house.until_pool(|pool| pool.ready < 2).await;
    assert_eq!(less.ready, 1);
    let gone = house.until_pool(|pool| pool.ready == 0).await;
    assert_eq!(gone.shortage, Some(Shortage::Stalls { percent: 7.0 }));
    house.starter.close().await;
}

/// Another keeper sees to the snapshots of VMs without a desktop, of which none wait.
#[tokio::test]
async fn a_keeper_without_a_pool_ends_none_that_another_keeps() {
    let house = House::ready_to_wait().await;
    let _keeper = house.keeper_without_snapshots(TWO);
    house.until_pool(|pool| pool.ready == 2).await;
    let other = Keeper { pool: None, ..house.a_keeper(None, TWO) };
    let other = tokio::spawn(other.run(tokio_util::sync::CancellationToken::new()));
    // It settles, and has a round behind it.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let before: Vec<_> = house.store.vm_living().await.unwrap().into_iter().map(|vm| vm.id).collect();
    assert_eq!((house.starter.spares(), before.len()), (2, 2));
    other.abort();
    house.starter.close().await;
}
