use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

fn thread() -> String {
    std::thread::current().name().unwrap_or_default().to_owned()
}

fn compute(time: Duration) {
    let begun = processor_time();
    while processor_time() - begun < time {
        std::hint::spin_loop();
    }
}

#[tokio::test]
async fn a_future_that_computes_for_long_goes_on_in_the_background() {
    let background = Background::new(1);
    let ran_on = background.run(async {
        compute(LONGEST_POLL * 2);
        tokio::task::yield_now().await;
        thread()
    });
    assert_eq!(ran_on.await, "guest-background");
}

#[tokio::test]
async fn a_future_that_is_about_to_read_a_long_text_does_it_in_the_background() {
    let background = Background::new(1);
    let ran_on = background.run(async {
        before_reading(LONG_TEXT_BYTES - 1).await;
        let before = thread();
        before_reading(LONG_TEXT_BYTES).await;
        (before, thread())
    });
    assert_eq!(ran_on.await, (thread(), "guest-background".to_owned()));
    // Another future on this thread is not taken for the same.
    assert_eq!(background.run(async { thread() }).await, thread());
}

#[tokio::test]
async fn a_future_that_waits_for_long_stays_and_starts_no_threads() {
    let background = Background::new(1);
    let ran_on = background.run(async {
        tokio::time::sleep(LONGEST_POLL * 2).await;
        thread()
    });
    assert_eq!(ran_on.await, thread());
    assert!(background.threads.get().is_none());
}

#[tokio::test]
async fn a_future_in_the_background_ends_with_its_caller() {
    struct Tells(Arc<AtomicBool>);
    impl Drop for Tells {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Release);
        }
    }
    let (background, ended) = (Background::new(1), Arc::new(AtomicBool::new(false)));
    let tells = Tells(ended.clone());
    let (moved, has_moved) = tokio::sync::oneshot::channel();
    let run = background.run(async move {
        let _tells = tells;
        compute(LONGEST_POLL * 2);
        tokio::task::yield_now().await;
        moved.send(()).unwrap();
        std::future::pending::<()>().await;
    });
    tokio::select! {
        () = run => unreachable!("it never ends by itself"),
        moved = has_moved => moved.unwrap(),
    }
    while !ended.load(Ordering::Acquire) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
#[should_panic(expected = "of its own")]
async fn a_panic_in_the_background_is_the_callers() {
    let background = Background::new(1);
    let run = background.run(async {
        compute(LONGEST_POLL * 2);
        tokio::task::yield_now().await;
        panic!("of its own");
    });
    run.await
}

#[test]
fn a_thread_that_is_held_up_asks_whether_to_give_way() {
    let replaced = std::thread::spawn(|| {
        when_held_up(|| true);
        assert!(held_up());
        rustix::process::nice(0).unwrap()
    });
    let kept = std::thread::spawn(|| {
        when_held_up(|| false);
        assert!(!held_up());
        rustix::process::nice(0).unwrap()
    });
    let (replaced, kept) = (replaced.join().unwrap(), kept.join().unwrap());
    assert!(!cfg!(target_os = "linux") || replaced > kept, "{replaced} and {kept}");
}

#[test]
fn only_so_many_compute_at_a_time_and_in_the_order_in_which_they_came() {
    let semaphore = FairSemaphore::new(1);
    let first = semaphore.acquire();
    let (tell, told) = std::sync::mpsc::channel();
    let others = ["second", "third"].map(|name| {
        let (semaphore_of, tell) = (semaphore.clone(), tell.clone());
        let other = std::thread::spawn(move || {
            let _permit = semaphore_of.acquire();
            tell.send(name).unwrap();
        });
        while semaphore.waiting() < if name == "second" { 1 } else { 2 } {
            std::thread::yield_now();
        }
        other
    });
    assert!(told.try_recv().is_err(), "the first computes");
    drop(first);
    others.into_iter().for_each(|other| other.join().unwrap());
    assert_eq!(told.try_iter().collect::<Vec<_>>(), ["second", "third"]);
}

#[test]
fn once_the_semaphore_is_open_no_thread_waits() {
    let semaphore = FairSemaphore::new(1);
    let _first = semaphore.acquire();
    let waits = std::thread::spawn({
        let semaphore = semaphore.clone();
        move || drop(semaphore.acquire())
    });
    semaphore.open();
    waits.join().unwrap();
    drop(semaphore.acquire());
}

#[test]
fn a_thread_that_is_not_replaced_does_not_wait() {
    let background = Background::new(1);
    let _elsewhere = background.semaphore.acquire();
    assert!(background.next_slice(None).is_none());
}
