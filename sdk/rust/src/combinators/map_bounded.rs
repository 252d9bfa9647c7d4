//! Parallel work with a bound.

use std::pin::Pin;
use std::task::{Context as PollContext, Poll};

use super::Children;

/// Runs `work` for every item, at most `limit` at a time (at least one), and gives the results in
/// the order of the items.
///
/// Items are begun in their order, the next one as soon as one ends, so an orchestration does the
/// same on replay. It waits for every item, failed or not; no items: ready at once. Nothing begins
/// before this is awaited, and dropping it drops what has begun, which cancels it.
///
/// ```
/// # use longhaul::{Context, Failure, map_bounded};
/// #[longhaul::orchestrator]
/// async fn resize_all(ctx: Context, images: Vec<String>) -> Result<Vec<u64>, Failure> {
///     let sizes = map_bounded(8, images, |image| ctx.call_activity::<u64>("Resize", &image)).await;
///     Ok(sizes.into_iter().collect::<Result<_, _>>()?)
/// }
/// # let run = longhaul::testing::Orchestration::new::<resize_all>().input(&["a", "bc"]).activity("Resize", |i: String| Ok(i.len())).run();
/// # assert_eq!(run.output::<Vec<u64>>().unwrap(), [1, 2]);
/// ```
pub fn map_bounded<I, W, F>(limit: usize, items: I, work: W) -> MapBounded<I::IntoIter, W, F>
where
    I: IntoIterator,
    W: FnMut(I::Item) -> F,
    F: Future,
{
    MapBounded { limit: limit.max(1), open: 0, items: items.into_iter(), work, children: Children::new([]), results: Vec::new() }
}

/// The future of [`map_bounded`].
#[must_use = "futures do nothing unless awaited"]
pub struct MapBounded<I, W, F: Future> {
    limit: usize,
    /// How many have begun and not ended.
    open: usize,
    items: I,
    work: W,
    children: Children<F>,
    results: Vec<Option<F::Output>>,
}

// The children are boxed and all else is only moved, so nothing in here depends on its own address.
impl<I, W, F: Future> Unpin for MapBounded<I, W, F> {}

impl<I: Iterator, W: FnMut(I::Item) -> F, F: Future> Future for MapBounded<I, W, F> {
    type Output = Vec<F::Output>;

    fn poll(mut self: Pin<&mut Self>, poll: &mut PollContext<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            while this.open < this.limit
                && let Some(item) = this.items.next()
            {
                this.open += 1;
                this.results.push(None);
                this.children.push((this.work)(item));
            }
            match this.children.next_result(poll.waker()) {
                Some((index, result)) => {
                    this.results[index] = Some(result);
                    this.open -= 1;
                }
                None if this.open == 0 => break,
                None => return Poll::Pending,
            }
        }
        Poll::Ready(std::mem::take(&mut this.results).into_iter().flatten().collect())
    }
}
