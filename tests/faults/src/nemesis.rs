//! What is done to the host, chosen by the seed.

use std::fs::File;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use e2e::eventually;

use crate::random::Random;
use crate::subject::Subject;

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
}

/// What this machine allows.
#[derive(Clone, Copy, Debug)]
pub struct Means {
    /// strace is installed and may attach.
    pub strace: bool,
    /// The data lies on a disk of its own, which may be filled.
    pub small_disk: bool,
}

/// How the host is started next.
pub fn mode(random: &mut Random) -> &'static [&'static str] {
    random.choose::<&[&str]>(&MODES)
}

/// Draws the next fault; `None` where this machine does not allow what was drawn.
pub fn draw(random: &mut Random, means: Means) -> Option<Fault> {
    let fault = match random.within(0, 100) {
        0..35 => Fault::Kill,
        35..47 => Fault::KillWhileStarting { times: random.within(1, 4) },
        47..62 => Fault::KillAtWrite { number: random.within(1, 40) },
        62..76 => Fault::Stop,
        76..90 => Fault::Pause { ms: random.within(20, 1_500) },
        _ => Fault::FillDisk,
    };
    let possible = match fault {
        Fault::KillAtWrite { .. } => means.strace,
        Fault::FillDisk => means.small_disk,
        Fault::Kill | Fault::KillWhileStarting { .. } | Fault::Stop | Fault::Pause { .. } => true,
    };
    possible.then_some(fault)
}

/// Does one thing after the other until `over`; leaves the host running. Returns what it did.
pub async fn torment(subject: &Subject<'_>, mut random: Random, means: Means, over: &AtomicBool) -> Vec<Fault> {
    let mut done = Vec::new();
    while !over.load(Ordering::SeqCst) {
        // The moment is the subject of the test: a chosen one, not a wait for something.
        tokio::time::sleep(Duration::from_millis(random.within(10, 500))).await;
        if let Some(fault) = draw(&mut random, means) {
            inflict(subject, &mut random, fault).await;
            done.push(fault);
        }
    }
    done
}

async fn inflict(subject: &Subject<'_>, random: &mut Random, fault: Fault) {
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
            return fill_disk(subject).await;
        }
    }
    subject.start_again(mode(random)).await;
}

/// Has strace kill the host as it enters its `number`-th call, in any one thread, that writes or synchronises a file.
async fn kill_at_write(subject: &Subject<'_>, number: u64) {
    let calls = "pwrite64,fdatasync,fsync,ftruncate";
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={calls}")]);
    command.args(["-e", &format!("inject={calls}:signal=KILL:when={number}"), "-p", &subject.process_id().to_string()]);
    let Ok(mut strace) = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn() else { return };
    let deadline = tokio::time::Instant::now() + WRITE_LIMIT;
    while !subject.has_ended() && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // It has nothing left to trace, or the host is killed next anyway.
    let _ = strace.kill();
    let _ = strace.wait();
}

async fn fill_disk(subject: &Subject<'_>) {
    let ballast = subject.data().join("ballast");
    let mut file = File::create(&ballast).expect("a file on the small disk");
    // To the last byte: halves the pieces until not one more byte finds room.
    let mut piece = vec![0_u8; 1 << 16];
    while !piece.is_empty() {
        if file.write_all(&piece).is_err() {
            piece.truncate(piece.len() / 2);
        }
    }
    tokio::time::sleep(FULL).await;
    drop(file);
    std::fs::remove_file(&ballast).expect("the ballast can be removed");
    // Whether it serves again by itself is what this fault is about.
    eventually("the host to run on with room on its disk", WRITE_LIMIT, || {
        std::future::ready(if subject.has_ended() { Err("it ended".to_owned()) } else { Ok(()) })
    })
    .await;
}
