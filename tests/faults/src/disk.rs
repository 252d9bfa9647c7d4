//! A small disk of its own for the data, so that it can be filled and lose its power.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Room for the data of a run and its write-ahead log, and quickly filled.
const SIZE: &str = "192m";
/// Seconds until the file system writes out by itself what nobody has synchronised: long, so that a power failure loses it.
const COMMIT_SECONDS: &str = "commit=60";

/// A file system of its own, mounted until the value ends.
pub struct SmallDisk {
    folder: PathBuf,
    /// The disk of a file system whose power can be cut; the other kind is in memory.
    image: Option<PathBuf>,
}

impl SmallDisk {
    /// Mounts one over `folder`, if this process may: with a disk, which is a file beside `folder`, or in memory.
    pub fn mount(folder: &Path, with_disk: bool) -> Option<Self> {
        let image = folder.with_extension("disk");
        if with_disk && make_image(&image) {
            let disk = Self { folder: folder.to_owned(), image: Some(image) };
            if disk.attach() {
                return Some(disk);
            }
        }
        let options = format!("mode=0700,size={SIZE}");
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &options, "longhaul-faults"]).arg(folder);
        succeeds(&mut command).then(|| Self { folder: folder.to_owned(), image: None })
    }

    /// Whether its power can be cut.
    pub fn has_power(&self) -> bool {
        self.image.is_some()
    }

    /// What a power failure leaves: the disk as it is now, without what the system has not written to it. Whoever uses the file system must be stopped,
    /// and have ended before [`SmallDisk::restore`].
    ///
    /// # Panics
    /// When the disk cannot be copied.
    pub fn cut_power(&self) {
        let (image, cut) = self.images();
        let again = image.with_extension("again");
        copy_sparsely(&image, &cut);
        // The system may write at any time. Two equal copies in a row are one moment.
        for _ in 0..20 {
            copy_sparsely(&image, &again);
            if succeeds(Command::new("cmp").arg("--silent").arg(&cut).arg(&again)) {
                std::fs::remove_file(&again).expect("the second copy can be removed");
                return;
            }
            std::fs::rename(&again, &cut).expect("copies lie in one folder");
        }
        panic!("{} does not come to rest", image.display());
    }

    /// Goes on with what [`SmallDisk::cut_power`] left.
    ///
    /// # Panics
    /// When the file system cannot be used: it is a journalling one, which survives this.
    pub fn restore(&self) {
        let (image, cut) = self.images();
        assert!(succeeds(Command::new("umount").arg(&self.folder)), "{} is in use", self.folder.display());
        std::fs::rename(cut, image).expect("copies lie in one folder");
        assert!(self.attach(), "the disk cannot be mounted after the power failure");
        // That it was removed may be among what was lost.
        let _ = std::fs::remove_file(self.ballast());
    }

    /// Leaves no room for one more byte.
    ///
    /// # Panics
    /// When there is no room for a file to begin with.
    pub fn fill(&self) {
        let mut ballast = File::create(self.ballast()).expect("there is room for a file");
        // Halves the pieces until not one more byte finds room.
        let mut piece = vec![0_u8; 1 << 16];
        while !piece.is_empty() {
            if ballast.write_all(&piece).is_err() {
                piece.truncate(piece.len() / 2);
            }
        }
    }

    /// Makes room again.
    ///
    /// # Panics
    /// When what fills the disk is gone already.
    pub fn make_room(&self) {
        std::fs::remove_file(self.ballast()).expect("the ballast can be removed");
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }

    fn images(&self) -> (PathBuf, PathBuf) {
        let image = self.image.clone().expect("asked for a disk that has power");
        let cut = image.with_extension("cut");
        (image, cut)
    }

    fn attach(&self) -> bool {
        let options = format!("loop,{COMMIT_SECONDS}");
        let image = self.image.as_deref().expect("asked for a disk that has power");
        succeeds(Command::new("mount").args(["-o", &options]).arg(image).arg(&self.folder))
    }
}

fn make_image(image: &Path) -> bool {
    let made = succeeds(Command::new("truncate").args(["--size", &SIZE.to_uppercase()]).arg(image));
    made && succeeds(Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(image))
}

fn copy_sparsely(from: &Path, to: &Path) {
    let copied = succeeds(Command::new("cp").arg("--sparse=always").arg(from).arg(to));
    assert!(copied, "cannot copy {} to {}", from.display(), to.display());
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if std::thread::panicking() {
            keep(&self.folder);
        }
        // Lazily: a failing run may leave a host behind for a moment.
        succeeds(Command::new("umount").arg("--lazy").arg(&self.folder));
    }
}

/// Copies what is on the disk beside it, where it outlives the disk.
fn keep(disk: &Path) {
    let kept = disk.with_extension("kept");
    if let Err(error) = std::fs::create_dir_all(&kept) {
        return eprintln!("cannot keep the data in {}: {error}", kept.display());
    }
    let files = disk.read_dir().into_iter().flatten().flatten().filter(|entry| entry.path().is_file());
    for entry in files {
        if let Err(error) = std::fs::copy(entry.path(), kept.join(entry.file_name())) {
            eprintln!("cannot keep {}: {error}", entry.path().display());
        }
    }
}

/// Whether strace is installed and may attach to other processes, tried on a process of its own.
pub fn strace_works() -> bool {
    let Ok(mut sleeper) = Command::new("sleep").arg("5").spawn() else { return false };
    let mut strace = Command::new("timeout");
    // Ended by `timeout` after it has attached; it fails at once where it may not attach.
    strace.args(["--preserve-status", "-s", "INT", "0.3", "strace", "-qq", "-o", "/dev/null", "-p", &sleeper.id().to_string()]);
    let output = strace.stdout(Stdio::null()).output();
    let _ = sleeper.kill();
    let _ = sleeper.wait();
    output.is_ok_and(|output| !String::from_utf8_lossy(&output.stderr).contains("not permitted") && output.status.code() != Some(127))
}

fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
