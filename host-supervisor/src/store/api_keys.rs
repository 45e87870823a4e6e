//! Keys that call the API: what they may do, and since when and until when they count.

use std::{collections::BTreeSet, fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use time::OffsetDateTime;

use super::{
    Change, Store, StoreError,
    column::{Columns, json, millis},
};

/// What a key may be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Scope {
    /// Start, see, help and end sign-ins; their desktops; which credentials there are.
    #[serde(rename = "sessions")]
    Sessions,
    /// Read captured credentials.
    #[serde(rename = "credentials:read")]
    CredentialsRead,
    /// Ask CLIs something with captured credentials.
    #[serde(rename = "prompts")]
    Prompts,
    /// See VMs with their consoles and logs, and end them.
    #[serde(rename = "vms")]
    Vms,
    /// Run programs in VMs, and reach their ports.
    #[serde(rename = "exec")]
    Exec,
    /// Read what is counted and measured.
    #[serde(rename = "metrics")]
    Metrics,
    /// Everything, keys and the audit log among it.
    #[serde(rename = "admin")]
    Admin,
}

impl Scope {
    pub const ALL: [Self; 7] = [
        Self::Sessions,
        Self::CredentialsRead,
        Self::Prompts,
        Self::Vms,
        Self::Exec,
        Self::Metrics,
        Self::Admin,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::CredentialsRead => "credentials:read",
            Self::Prompts => "prompts",
            Self::Vms => "vms",
            Self::Exec => "exec",
            Self::Metrics => "metrics",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            format!("there is no scope {text:?}; there are {known}")
        })
    }
}

/// What one key may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    #[must_use]
    pub fn everything() -> Self {
        Self(BTreeSet::from([Scope::Admin]))
    }

    #[must_use]
    pub fn allow(&self, scope: Scope) -> bool {
        self.0.contains(&scope) || self.0.contains(&Scope::Admin)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<T: IntoIterator<Item = Scope>>(scopes: T) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" "))
    }
}

/// Names a key for good: eight hexadecimal digits. It is no secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, JsonSchema)]
pub struct ApiKeyId(String);

impl ApiKeyId {
    const DIGITS: usize = 8;

    /// # Errors
    /// When the kernel gives no random numbers.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; Self::DIGITS / 2];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ApiKeyId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if digits && text.len() == Self::DIGITS { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

impl fmt::Display for ApiKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One row of `api_keys`.
#[derive(Debug, Clone)]
pub struct ApiKeyRecord {
    pub id: ApiKeyId,
    /// Whose it is, or what for.
    pub name: String,
    /// Of the secret, 32 bytes.
    pub digest: [u8; 32],
    pub scopes: Scopes,
    pub created_at: OffsetDateTime,
    pub expires_at: Option<OffsetDateTime>,
    pub revoked_at: Option<OffsetDateTime>,
    /// Some seconds old at times: it is not written down for every call.
    pub last_used_at: Option<OffsetDateTime>,
}

impl Store {
    /// # Errors
    /// When the database does not answer or has a key of that id.
    pub async fn api_key_insert(&self, record: &ApiKeyRecord) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO api_keys (id, name, digest, scopes, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(record.id.as_str())
        .bind(&record.name)
        .bind(record.digest.as_slice())
        .bind(json(&record.scopes)?)
        .bind(millis(record.created_at))
        .bind(record.expires_at.map(millis))
        .execute(&self.pool)
        .await?;
        self.tell(Change::Keys);
        Ok(())
    }

    /// A key that was revoked before keeps its time.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn api_key_revoke(&self, id: &ApiKeyId, at: OffsetDateTime) -> Result<(), StoreError> {
        sqlx::query("UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL")
            .bind(id.as_str())
            .bind(millis(at))
            .execute(&self.pool)
            .await?;
        self.tell(Change::Keys);
        Ok(())
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn api_keys_used(&self, used: &[(ApiKeyId, OffsetDateTime)]) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        for (id, at) in used {
            sqlx::query("UPDATE api_keys SET last_used_at = $2 WHERE id = $1")
                .bind(id.as_str())
                .bind(millis(*at))
                .execute(&mut *transaction)
                .await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Every key, oldest first, those that do not count any more among them.
    ///
    /// # Errors
    /// When the database does not answer or a row is damaged.
    pub async fn api_key_list(&self) -> Result<Vec<ApiKeyRecord>, StoreError> {
        let rows =
            sqlx::query("SELECT * FROM api_keys ORDER BY created_at, id").fetch_all(&self.pool).await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &SqliteRow) -> Result<ApiKeyRecord, StoreError> {
    let columns = Columns::of(row, "API key", "id")?;
    Ok(ApiKeyRecord {
        id: columns.text("id")?.parse().map_err(|()| columns.corrupt("id"))?,
        name: columns.text("name")?,
        digest: columns.bytes("digest")?.try_into().map_err(|_| columns.corrupt("digest"))?,
        scopes: columns.json("scopes")?.ok_or_else(|| columns.corrupt("scopes"))?,
        created_at: columns.time("created_at")?,
        expires_at: columns.time_option("expires_at")?,
        revoked_at: columns.time_option("revoked_at")?,
        last_used_at: columns.time_option("last_used_at")?,
    })
}
