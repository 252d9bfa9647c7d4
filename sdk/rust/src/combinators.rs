//! Waiting for several futures.
//!
//! A parent must not look at 10,000 children because one of them moved: each child has a waker of its own, which puts it
//! on its parent's list of children to poll.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as PollContext, Poll, Wake, Waker};

/// Waits for all futures and gives their results in the order of the futures.
///
/// It waits for every one, failed or not. No futures: ready at once. Each completion costs the same, however many futures wait.
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

/// Waits for the first of several futures and gives its place and result. The others are dropped, and so cancelled.
///
/// Give `&mut` futures to keep the others. Without any future it waits for ever.
pub fn select_all<F: Future>(futures: impl IntoIterator<Item = F>) -> SelectAll<F> {
    SelectAll { children: Children::new(futures) }
}

/// Waits for the first of two futures. The other is dropped, and so cancelled; give `&mut` futures to keep it.
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
///         Either::Right(_) => "nobody answered".to_owned(),
///     })
/// }
/// # let run = longhaul::testing::Orchestration::new::<approval>().run();
/// # assert_eq!(run.output::<String>().unwrap(), "nobody answered");
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

// The children are boxed and the results are only moved out, so nothing in here depends on its own address.
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

/// Futures of which only the woken ones are polled.
struct Children<F> {
    futures: Vec<Option<(Pin<Box<F>>, Waker)>>,
    ready: Arc<Mutex<Ready>>,
}

#[derive(Default)]
struct Ready {
    /// Children to poll, in the order in which they were woken.
    indexes: VecDeque<usize>,
    parent: Option<Waker>,
}

struct ChildWaker {
    index: usize,
    ready: Arc<Mutex<Ready>>,
}

impl Wake for ChildWaker {
    fn wake(self: Arc<Self>) {
        let parent = {
            let mut ready = lock(&self.ready);
            ready.indexes.push_back(self.index);
            ready.parent.clone()
        };
        if let Some(parent) = parent {
            parent.wake();
        }
    }
}

/// Nothing panics while it holds this lock, and its content is sound after every single step: a poisoned lock is as good as any.
fn lock(ready: &Mutex<Ready>) -> MutexGuard<'_, Ready> {
    ready.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<F: Future> Children<F> {
    fn new(futures: impl IntoIterator<Item = F>) -> Self {
        let ready = Arc::new(Mutex::new(Ready::default()));
        let child = |(index, future)| {
            let waker = Waker::from(Arc::new(ChildWaker { index, ready: Arc::clone(&ready) }));
            Some((Box::pin(future), waker))
        };
        let futures: Vec<_> = futures.into_iter().enumerate().map(child).collect();
        lock(&ready).indexes.extend(0..futures.len());
        Self { futures, ready }
    }

    /// Polls woken children until one has its result. `None`: none of them has one now, and `parent` will be woken.
    fn next_result(&mut self, parent: &Waker) -> Option<(usize, F::Output)> {
        loop {
            let index = {
                let mut ready = lock(&self.ready);
                match ready.indexes.pop_front() {
                    Some(index) => index,
                    None => {
                        match &mut ready.parent {
                            Some(waker) => waker.clone_from(parent),
                            none => *none = Some(parent.clone()),
                        }
                        return None;
                    }
                }
            };
            let Some(Some((future, waker))) = self.futures.get_mut(index) else { continue };
            if let Poll::Ready(result) = future.as_mut().poll(&mut PollContext::from_waker(waker)) {
                self.futures[index] = None;
                return Some((index, result));
            }
        }
    }
}
