//! Addresses of VMs on the host's bridge: which are taken, and by whom.

use std::net::Ipv4Addr;

use anteroom_protocol::VmId;
use sqlx::sqlite::SqliteRow;

use super::{Store, StoreError, column::Columns};

/// One row of `addresses`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRecord {
    pub vm: VmId,
    pub address: Ipv4Addr,
}

impl Store {
    /// Must be called before anything on the host has the address.
    ///
    /// # Errors
    /// When the database does not answer, the address is taken, or the VM has one.
    pub async fn address_take(&self, record: &AddressRecord) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO addresses (vm_id, address) VALUES ($1, $2)")
            .bind(record.vm.to_string())
            .bind(record.address.to_string())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Must be called after nothing on the host has the address any more. A VM that has none is no error.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn address_free(&self, vm: VmId) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM addresses WHERE vm_id = $1")
            .bind(vm.to_string())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Every address that is taken.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn address_list(&self) -> Result<Vec<AddressRecord>, StoreError> {
        let rows = sqlx::query("SELECT * FROM addresses ORDER BY vm_id").fetch_all(&self.pool).await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &SqliteRow) -> Result<AddressRecord, StoreError> {
    let columns = Columns::of(row, "address of VM", "vm_id")?;
    Ok(AddressRecord { vm: columns.parsed("vm_id")?, address: columns.parsed("address")? })
}
