//! Columns that hold more than text and numbers, and the error that says which one is damaged.

use serde::{Serialize, de::DeserializeOwned};
use sqlx::{Row as _, sqlite::SqliteRow};
use time::OffsetDateTime;

use super::StoreError;

/// One row of a table, with its table's name and its id for errors.
pub(super) struct Columns<'r> {
    row: &'r SqliteRow,
    table: &'static str,
    id: String,
}

impl<'r> Columns<'r> {
    /// `key` is the column that names the row.
    pub(super) fn of(row: &'r SqliteRow, table: &'static str, key: &'static str) -> Result<Self, StoreError> {
        Ok(Self::named(row, table, row.try_get(key)?))
    }

    pub(super) fn named(row: &'r SqliteRow, table: &'static str, id: String) -> Self {
        Self { row, table, id }
    }

    pub(super) fn corrupt(&self, column: &'static str) -> StoreError {
        StoreError::Corrupt { table: self.table, column, id: self.id.clone() }
    }

    pub(super) fn text(&self, column: &'static str) -> Result<String, StoreError> {
        Ok(self.row.try_get(column)?)
    }

    pub(super) fn text_option(&self, column: &'static str) -> Result<Option<String>, StoreError> {
        Ok(self.row.try_get(column)?)
    }

    pub(super) fn number_option<T: TryFrom<i64>>(
        &self,
        column: &'static str,
    ) -> Result<Option<T>, StoreError> {
        let value: Option<i64> = self.row.try_get(column)?;
        value.map(|value| T::try_from(value).map_err(|_| self.corrupt(column))).transpose()
    }

    pub(super) fn bytes(&self, column: &'static str) -> Result<Vec<u8>, StoreError> {
        Ok(self.row.try_get(column)?)
    }

    pub(super) fn number<T: TryFrom<i64>>(&self, column: &'static str) -> Result<T, StoreError> {
        let value: i64 = self.row.try_get(column)?;
        T::try_from(value).map_err(|_| self.corrupt(column))
    }

    pub(super) fn parsed<T: std::str::FromStr>(&self, column: &'static str) -> Result<T, StoreError> {
        self.text(column)?.parse().map_err(|_| self.corrupt(column))
    }

    pub(super) fn parsed_option<T: std::str::FromStr>(
        &self,
        column: &'static str,
    ) -> Result<Option<T>, StoreError> {
        let text: Option<String> = self.row.try_get(column)?;
        text.map(|text| text.parse().map_err(|_| self.corrupt(column))).transpose()
    }

    /// An enum that serde writes as one word.
    pub(super) fn word<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, StoreError> {
        serde_json::from_value(self.text(column)?.into()).map_err(|_| self.corrupt(column))
    }

    pub(super) fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<Option<T>, StoreError> {
        let text: Option<String> = self.row.try_get(column)?;
        text.map(|text| serde_json::from_str(&text).map_err(|_| self.corrupt(column))).transpose()
    }

    pub(super) fn time(&self, column: &'static str) -> Result<OffsetDateTime, StoreError> {
        self.time_option(column)?.ok_or_else(|| self.corrupt(column))
    }

    pub(super) fn time_option(&self, column: &'static str) -> Result<Option<OffsetDateTime>, StoreError> {
        let millis: Option<i64> = self.row.try_get(column)?;
        let time = |millis: i64| OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000);
        millis.map(|millis| time(millis).map_err(|_| self.corrupt(column))).transpose()
    }
}

/// Milliseconds since the Unix epoch.
pub(super) fn millis(time: OffsetDateTime) -> i64 {
    // The range of `OffsetDateTime` is that of the years -9999 to 9999, far inside an i64 of milliseconds.
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

pub(super) fn json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|source| StoreError::Database(sqlx::Error::Encode(source.into())))
}

/// The one word that serde makes of an enum.
pub(super) fn word<T: Serialize>(value: &T) -> Result<String, StoreError> {
    Ok(json(value)?.trim_matches('"').to_owned())
}
