//! What is done to the host, chosen by the seed.

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::block_in_place;

use crate::disk::SmallDisk;
use crate::subject::Subject;
use seeded::Random;

/// How hosts are started, one of these each time.
const MODES: [&[&str]; 7] = [
    &[],
    &[],
    &["--guest-threads=1"],
    &["--evict-after-every-turn"],
    &["--evict-after-every-turn", "--guest-threads=1"],
    &["--max-hot-instances=2"],
    &["--one-commit-per-batch"],
];
/// Calls that fail on a disk that breaks.
const FAILING: [&str; 3] = ["fdatasync,fsync", "pwrite64", "pwrite64,fdatasync,fsync,ftruncate"];
/// How long a disk stays full.
const FULL: Duration = Duration::from_millis(700);
/// How long a host may take to come to the write at which it is killed; then it is killed without.
const WRITE_LIMIT: Duration = Duration::from_secs(3);

/// One thing that is done to the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL at any moment.
    Kill,
    /// SIGKILL, and again while the host starts.
    KillWhileStarting {
        /// How often.
        times: u64,
    },
    /// SIGKILL at a system call that writes.
    KillAtWrite {
        /// Which, counted in each thread from the attachment.
        number: u64,
    },
    /// SIGTERM.
    Stop,
    /// SIGSTOP, and SIGCONT after a while.
    Pause {
        /// How long, in milliseconds.
        ms: u64,
    },
    /// The disk has no room for a while.
    FillDisk,
    /// Calls that write or synchronise fail for a while, as they do on a disk that breaks.
    FailDisk {
        /// Which calls.
        calls: &'static str,
        /// How long, in milliseconds.
        ms: u64,
    },
    /// The power fails: what was not synchronised is lost, too.
    CutPower,
}

/// What this machine allows.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// strace is installed and may attach.
    pub strace: bool,
    /// The disk of the data, if it is one of its own.
    pub disk: Option<&'a SmallDisk>,
}

/// How the host is started next.
pub fn mode(random: &mut Random) -> &'static [&'static str] {
    random.choose::<&[&str]>(&MODES)
}

/// Draws the next fault; `None` where this machine does not allow what was drawn.
pub fn draw(random: &mut Random, means: Means) -> Option<Fault> {
    let fault = match random.within(0, 100) {
        0..30 => Fault::Kill,
        30..40 => Fault::KillWhileStarting { times: random.within(1, 4) },
        40..54 => Fault::KillAtWrite { number: random.within(1, 40) },
        54..65 => Fault::Stop,
        65..76 => Fault::Pause { ms: random.within(20, 1_500) },
        76..83 => Fault::FillDisk,
        83..91 => Fault::FailDisk { calls: random.choose::<&str>(&FAILING), ms: random.within(50, 900) },
        _ => Fault::CutPower,
    };
    let possible = match fault {
        Fault::KillAtWrite { .. } | Fault::FailDisk { .. } => means.strace,
        Fault::FillDisk => means.disk.is_some(),
        Fault::CutPower => means.disk.is_some_and(SmallDisk::has_power),
        Fault::Kill | Fault::KillWhileStarting { .. } | Fault::Stop | Fault::Pause { .. } => true,
    };
    possible.then_some(fault)
}

/// Does one thing after the other until `over`; leaves the host running. Returns what it did.
pub async fn torment(subject: &Subject<'_>, mut random: Random, means: Means<'_>, over: &AtomicBool) -> Vec<Fault> {
    let mut done = Vec::new();
    while !over.load(Ordering::SeqCst) {
        // The moment is the subject of the test: a chosen one, not a wait for something.
        tokio::time::sleep(Duration::from_millis(random.within(10, 500))).await;
        if let Some(fault) = draw(&mut random, means) {
            inflict(subject, &mut random, means, fault).await;
            done.push(fault);
        }
    }
    done
}

async fn inflict(subject: &Subject<'_>, random: &mut Random, means: Means<'_>, fault: Fault) {
    match fault {
        Fault::Kill => subject.kill(),
        Fault::KillWhileStarting { times } => {
            subject.kill();
            for _ in 0..times {
                subject.spawn_again(mode(random)).await;
                tokio::time::sleep(Duration::from_millis(random.within(0, 200))).await;
                subject.kill();
            }
        }
        Fault::KillAtWrite { number } => {
            kill_at_write(subject, number).await;
            subject.kill();
        }
        Fault::Stop => subject.stop().await,
        Fault::Pause { ms } => {
            subject.signal("STOP");
            tokio::time::sleep(Duration::from_millis(ms)).await;
            return subject.signal("CONT");
        }
        Fault::FillDisk => {
            // What was in memory is dropped when a commit fails.
            subject.count_crash();
            let disk = means.disk.expect("drawn only where there is one");
            return fill_disk(subject, disk).await;
        }
        Fault::FailDisk { calls, ms } => {
            subject.count_crash();
            return fail_disk(subject, calls, Duration::from_millis(ms)).await;
        }
        Fault::CutPower => {
            let disk = means.disk.expect("drawn only where there is one");
            subject.signal("STOP");
            // Copying a disk takes seconds, in which the servers of runs beside this one have to answer.
            block_in_place(|| disk.cut_power());
            subject.kill();
            block_in_place(|| disk.restore());
        }
    }
    subject.start_again(mode(random)).await;
}

/// Has strace kill the host as it enters its `number`-th call, in any one thread, that writes or synchronises a file.
async fn kill_at_write(subject: &Subject<'_>, number: u64) {
    let calls = "pwrite64,fdatasync,fsync,ftruncate";
    let Ok(injection) = Injection::begin(subject.process_id(), calls, &format!("signal=KILL:when={number}")) else { return };
    let deadline = tokio::time::Instant::now() + WRITE_LIMIT;
    while !subject.has_ended() && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    injection.end();
}

/// Has these calls of the host fail for a while.
async fn fail_disk(subject: &Subject<'_>, calls: &str, pause: Duration) {
    let Ok(injection) = Injection::begin(subject.process_id(), calls, "error=EIO") else { return };
    tokio::time::sleep(pause).await;
    injection.end();
    runs_on(subject).await;
}

/// strace at work on calls of a process.
pub struct Injection(Child);

impl Injection {
    /// Has strace do something to calls of a process. It takes a moment to attach.
    ///
    /// # Errors
    /// When strace cannot be started.
    pub fn begin(process: u32, calls: &str, what: &str) -> std::io::Result<Self> {
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={calls}")]);
        command.args(["-e", &format!("inject={calls}:{what}"), "-p", &process.to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().map(Self)
    }

    /// Leaves the process to itself.
    ///
    /// # Panics
    /// When strace does not end.
    pub fn end(mut self) {
        // Not killed: a call that it has begun to change would be left half changed. It may have ended with the process.
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).stderr(Stdio::null()).status();
        self.0.wait().expect("strace ends when it is asked to");
    }
}

async fn fill_disk(subject: &Subject<'_>, disk: &SmallDisk) {
    block_in_place(|| disk.fill());
    tokio::time::sleep(FULL).await;
    disk.make_room();
    runs_on(subject).await;
}

/// Whether the host serves again by itself is what such faults are about.
async fn runs_on(subject: &Subject<'_>) {
    assert!(subject.healthy_or_ended().await, "the host ended though nobody ended it");
}
