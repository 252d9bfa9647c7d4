//! Workers, those of them that wait for work, and how many of these have been called.
//!
//! Waking a thread costs a system call even if another one takes the job first, and a second thread
//! that is woken for the same job finds nothing and sleeps again. So no thread is woken for work
//! that an already woken thread will take.

/// Counts workers.
#[derive(Debug, Default)]
pub(super) struct IdleThreads {
    /// Workers that look for work again once they have done theirs: those without the ones that
    /// were replaced.
    crew: usize,
    waiting: usize,
    /// Those among them that have been called and have not come yet.
    called: usize,
}

impl IdleThreads {
    /// A thread is about to wait.
    pub(super) fn begin(&mut self) {
        self.waiting += 1;
    }

    /// A thread waits no longer. It may have woken by itself: then the thread that was called comes
    /// as well, and is called once more at most.
    pub(super) fn end(&mut self) {
        self.waiting -= 1;
        self.called = self.called.saturating_sub(1);
    }

    /// A worker is about to be started.
    pub(super) fn join_crew(&mut self) {
        self.crew += 1;
    }

    /// A worker will not look for work again.
    pub(super) fn leave_crew(&mut self) {
        self.crew = self.crew.saturating_sub(1);
    }

    /// Whether there are workers at all.
    pub(super) fn has_crew(&self) -> bool {
        self.crew > 0
    }

    /// How many wait and have not been called.
    pub(super) fn uncalled(&self) -> usize {
        self.waiting - self.called
    }

    /// Whether every worker waits and none has been called: then none will look for work.
    pub(super) fn is_at_rest(&self) -> bool {
        self.waiting == self.crew && self.called == 0
    }

    /// Whether a thread waits.
    pub(super) fn is_any(&self) -> bool {
        self.waiting > 0
    }

    /// Whether to call one more thread, now that so many jobs wait that no thread on its way takes.
    #[must_use]
    pub(super) fn calls_for(&mut self, jobs: usize) -> bool {
        let call = self.waiting > self.called && jobs > self.called;
        self.called += usize::from(call);
        call
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(threads: usize) -> IdleThreads {
        IdleThreads { crew: threads, waiting: threads, called: 0 }
    }

    #[test]
    fn no_thread_is_called_twice_for_one_job() {
        let mut idle = waiting(2);
        assert!(idle.calls_for(1));
        assert!(!idle.calls_for(1));
        assert!(idle.calls_for(2), "a second job is worth a second thread");
        assert!(!idle.calls_for(3), "there is no third");
    }

    #[test]
    fn a_thread_that_has_come_can_be_called_again_once_it_waits() {
        let mut idle = waiting(1);
        assert!(idle.calls_for(1));
        idle.end();
        assert!(!idle.calls_for(1), "it looks for work by itself");
        idle.begin();
        assert!(idle.calls_for(1));
    }

    #[test]
    fn a_thread_that_woke_by_itself_leaves_no_other_uncalled() {
        let mut idle = waiting(2);
        assert!(idle.calls_for(1));
        idle.end();
        assert!(idle.calls_for(1), "the one that was called may have been either");
    }
}
