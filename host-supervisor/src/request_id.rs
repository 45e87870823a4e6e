//! Which request this task is answering, so that whatever is done for it can say so.

use anteroom_protocol::RequestId;

tokio::task_local! {
    static CURRENT: RequestId;
}

pub(crate) fn current() -> Option<RequestId> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Lets everything that is done for the request know it; what is spawned meanwhile does not.
pub(crate) async fn during<T>(id: RequestId, work: impl Future<Output = T>) -> T {
    CURRENT.scope(id, work).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_works_for_a_request_knows_it() {
        assert_eq!(current(), None);
        let id = RequestId::random();
        assert_eq!(during(id.clone(), async { current() }).await, Some(id));
    }
}
