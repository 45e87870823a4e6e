//! Work that waits for disks, away from the runtime's threads.

use std::panic::resume_unwind;

/// Runs it, and returns what it returns; a panic goes on where it is waited for. It goes on when nobody waits any more.
pub(crate) async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => resume_unwind(error.into_panic()),
    }
}
