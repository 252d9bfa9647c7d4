//! Work whose time grows with the length of a text.

use std::panic::resume_unwind;

use tokio::task::spawn_blocking;

/// From so many bytes on a text takes longer to read or to write than others should wait for it.
const LONG_TEXT_BYTES: usize = 256 << 10;

/// Does work that reads or makes a text of so many bytes: where the text is long, on a thread that
/// may take its time, since tokio's workers have others to serve meanwhile.
pub async fn by_length<T: Send + 'static>(bytes: usize, work: impl FnOnce() -> T + Send + 'static) -> T {
    if bytes < LONG_TEXT_BYTES {
        return work();
    }
    match spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        // The runtime shuts down, and nothing waits for this any more.
        Err(_) => std::future::pending().await,
    }
}
