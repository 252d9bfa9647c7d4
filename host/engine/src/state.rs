//! What the engine has in memory: instances, mailboxes and queues, all behind one lock.

pub(crate) mod cache;
pub(crate) mod commit_queue;
pub(crate) mod hold;
pub(crate) mod idle_threads;
pub(crate) mod instance;
pub(crate) mod lane;
pub(crate) mod late;
pub(crate) mod prefetch;
pub(crate) mod scheduler;
pub(crate) mod wakeups;
pub(crate) mod weight;
