//! Waiting for several futures.
//!
//! - [`join_all`], [`try_join_all`]: all of them. [`map_bounded`]: all of them, a few at a time.
//! - [`select`], [`select_all`]: the first of them.
//! - `children`: what they share.

use std::pin::Pin;
use std::task::{Context as PollContext, Poll};

mod children;
mod map_bounded;

use children::Children;
pub use map_bounded::{MapBounded, map_bounded};

/// Waits for all futures and gives their results in the order of the futures.
///
/// It waits for every one, failed or not. No futures: ready at once. Each completion costs the
/// same, however many futures wait.
///
/// ```
/// # use longhaul::{Context, Failure, join_all};
/// #[longhaul::orchestrator]
/// async fn sum_of_squares(ctx: Context, n: u64) -> Result<u64, Failure> {
///     let squares = join_all((1..=n).map(|number| ctx.call_activity::<u64>("Square", &number))).await;
///     Ok(squares.into_iter().collect::<Result<Vec<_>, _>>()?.iter().sum())
/// }
/// # let run = longhaul::testing::Orchestration::new::<sum_of_squares>().input(&3).activity("Square", |n: u64| Ok(n * n)).run();
/// # assert_eq!(run.output::<u64>().unwrap(), 14);
/// ```
pub fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> JoinAll<F> {
    let children = Children::new(futures);
    JoinAll { results: children.futures.iter().map(|_| None).collect(), missing: children.futures.len(), children }
}

/// Waits for all futures and gives their values in the order of the futures, or the first failure
/// there is.
///
/// With the first failure the others are dropped, and so cancelled. To have all of them end
/// whatever happens, use [`join_all`].
///
/// ```
/// # use longhaul::{Context, Failure, try_join_all};
/// #[longhaul::orchestrator]
/// async fn book(ctx: Context) -> Result<Vec<String>, Failure> {
///     Ok(try_join_all(["Flight", "Hotel"].map(|what| ctx.call_activity::<String>("Book", what))).await?)
/// }
/// # let run = longhaul::testing::Orchestration::new::<book>().activity("Book", |what: String| Ok(format!("{what} 7"))).run();
/// # assert_eq!(run.output::<Vec<String>>().unwrap(), ["Flight 7", "Hotel 7"]);
/// ```
pub fn try_join_all<T, E, F: Future<Output = Result<T, E>>>(futures: impl IntoIterator<Item = F>) -> TryJoinAll<F, T> {
    let children = Children::new(futures);
    TryJoinAll { values: children.futures.iter().map(|_| None).collect(), missing: children.futures.len(), children }
}

/// Waits for the first of several futures and gives its place and result. The others are dropped,
/// and so cancelled.
///
/// Give `&mut` futures to keep the others. Without any future it waits for ever.
pub fn select_all<F: Future>(futures: impl IntoIterator<Item = F>) -> SelectAll<F> {
    SelectAll { children: Children::new(futures) }
}

/// Waits for the first of two futures. The other is dropped, and so cancelled; give `&mut` futures
/// to keep it.
///
/// If both are ready the left one wins.
///
/// ```
/// # use longhaul::{Context, Either, Failure, select};
/// # use std::time::Duration;
/// #[longhaul::orchestrator]
/// async fn approval(ctx: Context) -> Result<String, Failure> {
///     let answer = ctx.wait_for_event::<bool>("Approval");
///     let deadline = ctx.timer(Duration::from_secs(3600));
///     Ok(match select(answer, deadline).await {
///         Either::Left(answer) => format!("approved: {}", answer?),
///         Either::Right(_) => "no answer".to_owned(),
///     })
/// }
/// # let run = longhaul::testing::Orchestration::new::<approval>().run();
/// # assert_eq!(run.output::<String>().unwrap(), "no answer");
/// ```
pub fn select<A: Future + Unpin, B: Future + Unpin>(left: A, right: B) -> Select<A, B> {
    Select { both: Some((left, right)) }
}

/// Which of two futures was first, with its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Either<A, B> {
    /// The first argument's.
    Left(A),
    /// The second argument's.
    Right(B),
}

/// The future of [`select`].
#[must_use = "futures do nothing unless awaited"]
pub struct Select<A, B> {
    both: Option<(A, B)>,
}

impl<A: Future + Unpin, B: Future + Unpin> Future for Select<A, B> {
    type Output = Either<A::Output, B::Output>;

    fn poll(mut self: Pin<&mut Self>, poll: &mut PollContext<'_>) -> Poll<Self::Output> {
        let (left, right) = self.both.as_mut().expect("a select is not polled after its result");
        let first = match (Pin::new(left).poll(poll), Pin::new(right)) {
            (Poll::Ready(result), _) => Either::Left(result),
            (Poll::Pending, right) => match right.poll(poll) {
                Poll::Ready(result) => Either::Right(result),
                Poll::Pending => return Poll::Pending,
            },
        };
        self.both = None;
        Poll::Ready(first)
    }
}

/// The future of [`join_all`].
#[must_use = "futures do nothing unless awaited"]
pub struct JoinAll<F: Future> {
    children: Children<F>,
    results: Vec<Option<F::Output>>,
    missing: usize,
}

// The children are boxed and the results are only moved out, so nothing in here depends on its own
// address.
impl<F: Future> Unpin for JoinAll<F> {}

impl<F: Future> Future for JoinAll<F> {
    type Output = Vec<F::Output>;

    fn poll(mut self: Pin<&mut Self>, poll: &mut PollContext<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        while let Some((index, result)) = this.children.next_result(poll.waker()) {
            this.results[index] = Some(result);
            this.missing -= 1;
        }
        if this.missing > 0 {
            return Poll::Pending;
        }
        Poll::Ready(std::mem::take(&mut this.results).into_iter().flatten().collect())
    }
}

/// The future of [`try_join_all`].
#[must_use = "futures do nothing unless awaited"]
pub struct TryJoinAll<F, T> {
    children: Children<F>,
    values: Vec<Option<T>>,
    missing: usize,
}

// As for `JoinAll`.
impl<F, T> Unpin for TryJoinAll<F, T> {}

impl<T, E, F: Future<Output = Result<T, E>>> Future for TryJoinAll<F, T> {
    type Output = Result<Vec<T>, E>;

    fn poll(mut self: Pin<&mut Self>, poll: &mut PollContext<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        while let Some((index, result)) = this.children.next_result(poll.waker()) {
            match result {
                Ok(value) => this.values[index] = Some(value),
                Err(failure) => {
                    this.children.futures.clear();
                    return Poll::Ready(Err(failure));
                }
            }
            this.missing -= 1;
        }
        if this.missing > 0 {
            return Poll::Pending;
        }
        Poll::Ready(Ok(std::mem::take(&mut this.values).into_iter().flatten().collect()))
    }
}

/// The future of [`select_all`].
#[must_use = "futures do nothing unless awaited"]
pub struct SelectAll<F> {
    children: Children<F>,
}

impl<F: Future> Future for SelectAll<F> {
    type Output = (usize, F::Output);

    fn poll(mut self: Pin<&mut Self>, poll: &mut PollContext<'_>) -> Poll<Self::Output> {
        match self.children.next_result(poll.waker()) {
            Some(first) => {
                self.children.futures.clear();
                Poll::Ready(first)
            }
            None => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests;
