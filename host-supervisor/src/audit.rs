//! The audit log's way into the store: entries are written together, a moment after they were made, so that no call waits for the
//! disk. A daemon that is stopped writes all of them; one that is killed loses that moment.

use std::time::Duration;

use time::OffsetDateTime;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, MissedTickBehavior, interval, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::{
    failure::causes,
    metrics,
    store::{AuditEntry, Store},
};

/// Entries that wait to be written; whoever makes more waits with them.
const MOST_WAITING: usize = 1024;
/// How long entries are collected before they are written.
const COLLECT: Duration = Duration::from_millis(50);
/// How often a database that does not answer is tried, and how long before entries are given up.
const TRY_AGAIN: Duration = Duration::from_secs(1);
const GIVE_UP: Duration = Duration::from_secs(10);
const FORGET_EVERY: Duration = Duration::from_secs(3600);

/// Takes entries; cheap to clone.
#[derive(Debug, Clone)]
pub struct Audit {
    entries: mpsc::Sender<AuditEntry>,
    written: watch::Receiver<u64>,
}

/// Writes them.
#[derive(Debug)]
pub struct AuditWriter {
    entries: mpsc::Receiver<AuditEntry>,
    written: watch::Sender<u64>,
    store: Store,
    keep: Duration,
}

/// The two ends; entries older than `keep` are forgotten.
#[must_use]
pub fn audit(store: Store, keep: Duration) -> (Audit, AuditWriter) {
    let (to_writer, entries) = mpsc::channel(MOST_WAITING);
    let (written, seen) = watch::channel(0);
    (Audit { entries: to_writer, written: seen }, AuditWriter { entries, written, store, keep })
}

impl Audit {
    pub(crate) async fn note(&self, entry: AuditEntry) {
        let AuditEntry { caller, acting, action, target, detail, status, request_id, .. } = &entry;
        tracing::info!(
            target: "anteroom::audit", caller, acting, action, target, detail, status, request_id, "audit"
        );
        // Without a writer the daemon has stopped.
        let _ = self.entries.send(entry).await;
    }

    /// Changes whenever something was written.
    pub(crate) fn written(&self) -> watch::Receiver<u64> {
        self.written.clone()
    }
}

impl AuditWriter {
    /// Writes until `stop`, and then what is left.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut hours = interval(FORGET_EVERY);
        hours.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = hours.tick() => self.forget().await,
                count = self.entries.recv_many(&mut batch, MOST_WAITING) => {
                    if count == 0 {
                        return;
                    }
                    if stop.run_until_cancelled(sleep(COLLECT)).await.is_none() {
                        break;
                    }
                    while batch.len() < MOST_WAITING && let Ok(entry) = self.entries.try_recv() {
                        batch.push(entry);
                    }
                    self.write(&batch).await;
                    batch.clear();
                }
            }
        }
        self.entries.close();
        while let Some(entry) = self.entries.recv().await {
            batch.push(entry);
        }
        self.write(&batch).await;
    }

    async fn write(&self, batch: &[AuditEntry]) {
        let deadline = Instant::now() + GIVE_UP;
        while let Err(error) = self.store.audit_append(batch).await {
            if Instant::now() > deadline {
                let lost = batch.len();
                metrics::audit_lost(lost);
                tracing::error!(
                    lost,
                    cause = causes(&error),
                    "the audit log is not written; this log has the entries"
                );
                return;
            }
            sleep(TRY_AGAIN).await;
        }
        self.written.send_modify(|count| *count += batch.len() as u64);
    }

    async fn forget(&self) {
        match self.store.audit_forget_before(OffsetDateTime::now_utc() - self.keep).await {
            Ok(0) => {}
            Ok(forgotten) => tracing::info!(forgotten, "old entries of the audit log are removed"),
            Err(error) => tracing::warn!(cause = causes(&error), "old entries of the audit log stay"),
        }
    }
}
