//! Futures of one parent.
//!
//! A parent must not look at 10,000 children because one of them moved: each child has a waker of
//! its own, which puts it on its parent's list of children to poll.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as PollContext, Poll, Wake, Waker};

/// Futures of which only the woken ones are polled.
pub(super) struct Children<F> {
    pub(super) futures: Vec<Option<(Pin<Box<F>>, Waker)>>,
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

/// Nothing panics while it holds this lock, and its content is sound after every single step: a
/// poisoned lock is as good as any.
fn lock(ready: &Mutex<Ready>) -> MutexGuard<'_, Ready> {
    ready.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<F: Future> Children<F> {
    pub(super) fn new(futures: impl IntoIterator<Item = F>) -> Self {
        let mut children = Self { futures: Vec::new(), ready: Arc::default() };
        futures.into_iter().for_each(|future| children.push(future));
        children
    }

    /// Adds a child, to be polled after those that are woken already.
    pub(super) fn push(&mut self, future: F) {
        let index = self.futures.len();
        let waker = Waker::from(Arc::new(ChildWaker { index, ready: Arc::clone(&self.ready) }));
        self.futures.push(Some((Box::pin(future), waker)));
        lock(&self.ready).indexes.push_back(index);
    }

    /// Polls woken children until one has its result. `None`: none of them has one now, and
    /// `parent` will be woken.
    pub(super) fn next_result(&mut self, parent: &Waker) -> Option<(usize, F::Output)> {
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
