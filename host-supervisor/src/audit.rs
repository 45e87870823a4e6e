//! The audit log's way into the store: entries are written together, a moment after they were made, so that no call waits for the
//! disk. A daemon that is stopped writes all of them; one that is killed loses that moment.

use std::{sync::Arc, time::Duration};

use time::OffsetDateTime;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, MissedTickBehavior, interval, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::{
    failure::causes,
    live::Live,
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
    keep: Arc<Live<Duration>>,
}

/// The two ends; entries older than `keep` are forgotten.
#[must_use]
pub fn audit(store: Store, keep: Arc<Live<Duration>>) -> (Audit, AuditWriter) {
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
        let mut other_time = self.keep.changes();
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = hours.tick() => self.forget().await,
                Ok(()) = other_time.changed() => self.forget().await,
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
        match self.store.audit_forget_before(OffsetDateTime::now_utc() - *self.keep.now()).await {
            Ok(0) => {}
            Ok(forgotten) => tracing::info!(forgotten, "old entries of the audit log are removed"),
            Err(error) => tracing::warn!(cause = causes(&error), "old entries of the audit log stay"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::AuditPage;

    #[tokio::test]
    async fn what_is_older_than_it_is_kept_goes_as_soon_as_that_is_less() {
        let scratch = tempfile::tempdir().unwrap();
        let store = Store::open(scratch.path()).await.unwrap();
        let day = Duration::from_secs(24 * 3600);
        let keep = Arc::new(Live::new(90 * day));
        let (audit, writer) = audit(store.clone(), Arc::clone(&keep));
        let stop = CancellationToken::new();
        let writing = tokio::spawn(writer.run(stop.clone()));
        let at = |at| AuditEntry {
            at,
            caller: "local key".to_owned(),
            acting: None,
            client: "127.0.0.1".to_owned(),
            action: "POST /api/auth/start".to_owned(),
            target: "/api/auth/start".to_owned(),
            detail: None,
            status: 200,
            request_id: "1".to_owned(),
        };
        let now = OffsetDateTime::now_utc();
        audit.note(at(now - 2 * day)).await;
        audit.note(at(now)).await;
        audit.written().wait_for(|written| *written == 2).await.unwrap();
        keep.set(day);
        let left = async {
            loop {
                let left = store.audit_page(AuditPage::Newest, 10).await.unwrap();
                if left.len() == 1 {
                    return left;
                }
                sleep(COLLECT).await;
            }
        };
        let left = tokio::time::timeout(GIVE_UP, left).await.expect("the old one goes");
        // The database has milliseconds.
        assert!(now - left[0].entry.at < time::Duration::SECOND);
        stop.cancel();
        writing.await.unwrap();
    }
}
