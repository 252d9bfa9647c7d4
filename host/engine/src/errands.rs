//! Work beside the engine's jobs that uses the store: a stop waits for it, because the store is
//! closed right after.

use std::sync::Arc;

use tokio::sync::{OwnedRwLockReadGuard, RwLock};

/// Lets work begin until the engine stops.
#[derive(Debug, Default)]
pub(crate) struct Errands(Arc<RwLock<()>>);

/// Held for as long as the work goes on.
pub(crate) type Errand = OwnedRwLockReadGuard<()>;

impl Errands {
    /// Begins work; `None` once a stop waits or is over.
    pub(crate) fn begin(&self) -> Option<Errand> {
        self.0.clone().try_read_owned().ok()
    }

    /// Waits until all that has begun is over. Nothing begins any more.
    pub(crate) async fn end(&self) {
        std::mem::forget(self.0.clone().write_owned().await);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn is_over(end: &mut (impl Future<Output = ()> + Unpin)) -> bool {
        tokio::select! {
            biased;
            () = end => true,
            () = std::future::ready(()) => false,
        }
    }

    #[tokio::test]
    async fn a_stop_waits_for_what_has_begun_and_lets_nothing_more_begin() {
        let errands = Errands::default();
        let (one, other) = (errands.begin().unwrap(), errands.begin().unwrap());
        let mut end = Box::pin(errands.end());
        assert!(!is_over(&mut end).await);
        assert!(errands.begin().is_none());
        drop(one);
        assert!(!is_over(&mut end).await);
        drop(other);
        end.await;
        assert!(errands.begin().is_none(), "the store may be closed by now");
    }
}
