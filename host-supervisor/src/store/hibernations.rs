//! The keys of VMs' memory on the disk, sealed by the vault: this layer cannot read them. Whoever forgets one has made that memory
//! unreadable for ever.

use anteroom_protocol::VmId;
use sqlx::sqlite::SqliteRow;
use time::OffsetDateTime;

use super::{
    Store, StoreError,
    column::{Columns, json, millis},
};

/// One row of `hibernations`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HibernationRecord {
    pub vm: VmId,
    /// Names the master key that opens `sealed`.
    pub key_id: String,
    pub sealed: Vec<u8>,
    /// What it can be woken with, as JSON: this layer does not read it.
    pub conditions: Option<serde_json::Value>,
    pub began_at: OffsetDateTime,
}

impl Store {
    /// Must be called before any of the memory is written; the key takes the place of an older one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn hibernation_put(&self, hibernation: &HibernationRecord) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO hibernations (vm_id, key_id, sealed, conditions, began_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (vm_id) DO UPDATE SET key_id = $2, sealed = $3, conditions = $4, began_at = $5",
        )
        .bind(hibernation.vm.to_string())
        .bind(&hibernation.key_id)
        .bind(&hibernation.sealed)
        .bind(hibernation.conditions.as_ref().map(json).transpose()?)
        .bind(millis(hibernation.began_at))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// # Errors
    /// When the database does not answer or the row is damaged.
    pub async fn hibernation_get(&self, vm: VmId) -> Result<Option<HibernationRecord>, StoreError> {
        let row = sqlx::query("SELECT * FROM hibernations WHERE vm_id = $1")
            .bind(vm.to_string())
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// From now on the VM's memory on the disk is of no use to anybody.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn hibernation_forget(&self, vm: VmId) -> Result<(), StoreError> {
        let gone = sqlx::query("DELETE FROM hibernations WHERE vm_id = $1")
            .bind(vm.to_string())
            .execute(&self.pool)
            .await?;
        if gone.rows_affected() > 0 {
            self.scrub().await;
        }
        Ok(())
    }

    /// Seals every key that another master key than `key_id` has sealed once more, all of them or none. `reseal` makes new
    /// sealed bytes of a row, under the key `key_id`, or leaves it as it is.
    ///
    /// # Errors
    /// When `reseal` refuses a row or the database does not answer; then nothing has changed.
    pub async fn hibernations_reseal<E: From<StoreError>>(
        &self,
        key_id: &str,
        mut reseal: impl FnMut(&HibernationRecord) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<(), E> {
        let broken = StoreError::from;
        let mut transaction = self.pool.begin().await.map_err(broken)?;
        let rows = sqlx::query("SELECT * FROM hibernations WHERE key_id <> $1")
            .bind(key_id)
            .fetch_all(&mut *transaction)
            .await
            .map_err(broken)?;
        for row in &rows {
            let record = read(row)?;
            let Some(sealed) = reseal(&record)? else { continue };
            sqlx::query("UPDATE hibernations SET key_id = $2, sealed = $3 WHERE vm_id = $1")
                .bind(record.vm.to_string())
                .bind(key_id)
                .bind(sealed)
                .execute(&mut *transaction)
                .await
                .map_err(broken)?;
        }
        transaction.commit().await.map_err(broken)?;
        if !rows.is_empty() {
            self.scrub().await;
        }
        Ok(())
    }
}

fn read(row: &SqliteRow) -> Result<HibernationRecord, StoreError> {
    let columns = Columns::of(row, "hibernation of VM", "vm_id")?;
    Ok(HibernationRecord {
        vm: columns.parsed("vm_id")?,
        key_id: columns.text("key_id")?,
        sealed: columns.bytes("sealed")?,
        conditions: columns.json("conditions")?,
        began_at: columns.time("began_at")?,
    })
}
