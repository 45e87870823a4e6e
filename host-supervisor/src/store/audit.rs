//! Who did what through the API.

use sqlx::{Row as _, sqlite::SqliteRow};
use time::OffsetDateTime;

use super::{
    Change, Store, StoreError,
    column::{Columns, millis},
};

/// What is written down of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    pub at: OffsetDateTime,
    /// The key by its name and id, `local key`, or a session's token.
    pub caller: String,
    /// The user in whose name it was done (`x-user-id`).
    pub acting: Option<String>,
    /// The address of whoever called.
    pub client: String,
    /// Method and route, for example `POST /api/auth/session/{id}/cancel`.
    pub action: String,
    /// The path as it was called, without its query.
    pub target: String,
    /// What path and method do not say, such as the program that was run.
    pub detail: Option<String>,
    /// Of HTTP.
    pub status: u16,
    pub request_id: String,
}

/// One row of `audit`.
#[derive(Debug, Clone)]
pub struct AuditRecord {
    pub number: i64,
    pub entry: AuditEntry,
}

/// Which rows are wanted.
#[derive(Debug, Clone, Copy)]
pub enum AuditPage {
    /// The next ones after this number, in order.
    After(i64),
    /// The newest, in order.
    Newest,
}

impl Store {
    /// Writes them in this order, or none.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn audit_append(&self, entries: &[AuditEntry]) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        for entry in entries {
            sqlx::query(
                "INSERT INTO audit \
                 (number, at, caller, acting, client, action, target, detail, status, request_id) \
                 SELECT COALESCE(MAX(number), 0) + 1, $1, $2, $3, $4, $5, $6, $7, $8, $9 FROM audit",
            )
            .bind(millis(entry.at))
            .bind(&entry.caller)
            .bind(&entry.acting)
            .bind(&entry.client)
            .bind(&entry.action)
            .bind(&entry.target)
            .bind(&entry.detail)
            .bind(i64::from(entry.status))
            .bind(&entry.request_id)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        self.tell(Change::Audit);
        Ok(())
    }

    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn audit_page(&self, page: AuditPage, most: u32) -> Result<Vec<AuditRecord>, StoreError> {
        let rows = match page {
            AuditPage::After(number) => {
                sqlx::query("SELECT * FROM audit WHERE number > $1 ORDER BY number LIMIT $2").bind(number)
            }
            AuditPage::Newest => sqlx::query(
                "SELECT * FROM (SELECT * FROM audit WHERE number > $1 ORDER BY number DESC LIMIT $2) AS newest \
                 ORDER BY number",
            )
            .bind(0),
        };
        let rows = rows.bind(i64::from(most)).fetch_all(&self.pool).await?;
        rows.iter().map(read).collect()
    }

    /// Removes what is older, but for the newest row: its number must not be given again.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn audit_forget_before(&self, time: OffsetDateTime) -> Result<u64, StoreError> {
        let done =
            sqlx::query("DELETE FROM audit WHERE at < $1 AND number < (SELECT MAX(number) FROM audit)")
                .bind(millis(time))
                .execute(&self.pool)
                .await?;
        Ok(done.rows_affected())
    }
}

fn read(row: &SqliteRow) -> Result<AuditRecord, StoreError> {
    let number: i64 = row.try_get("number")?;
    let columns = Columns::named(row, "audit entry", number.to_string());
    let entry = AuditEntry {
        at: columns.time("at")?,
        caller: columns.text("caller")?,
        acting: row.try_get("acting")?,
        client: columns.text("client")?,
        action: columns.text("action")?,
        target: columns.text("target")?,
        detail: row.try_get("detail")?,
        status: columns.number("status")?,
        request_id: columns.text("request_id")?,
    };
    Ok(AuditRecord { number, entry })
}
