//! Remembers across deaths of the process which guests ran when it died.
//!
//! Nothing is written while hosts end as they are asked to. A host that starts after an unclean end
//! enters each call of a guest in a file before the call and clears it after. The page cache
//! outlives the process, so nothing is synced; what a power cut loses was not a guest's doing. A
//! neighbour that ran by chance is never charged with the last death: from two deaths on a call
//! runs alone among the suspects, and only a death during such a lone run counts further. See
//! `docs/decisions/0010-attempts-that-end-the-host.md`.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::fs::OFlags;
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

mod format;

use format::{Ended, Header, Known, LONE_FROM, SLOT_BYTES, State};

/// The file's name in the data folder.
const NAME: &str = "attempts";
/// Most entries; calls beyond are not recorded.
const MAX_ENTRIES: u32 = 1 << 16;
/// A lone run that lives so long is acquitted, at first; twice as long each time that the host died
/// after that.
const FIRST_TRIAL: Duration = Duration::from_secs(10);
const MAX_DOUBLINGS: u8 = 12;

/// Names a call of a guest across starts of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key([u8; 16]);

impl Key {
    /// The key of what these parts name together.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let mut key = [0; 16];
        key.copy_from_slice(&hash.finalize()[..16]);
        Self(key)
    }
}

/// The recorder of one data folder.
#[derive(Debug)]
pub struct Recorder {
    file: File,
    is_armed: bool,
    max_deaths: u32,
    ledger: Mutex<Ledger>,
    lone: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Ledger {
    known: HashMap<Key, Known>,
    free: Vec<u32>,
    /// The first place that was never used.
    end: u32,
}

/// Whether a call may begin.
#[derive(Debug)]
pub(crate) enum Admission {
    /// It may.
    Granted(Option<Entry>),
    /// It may once no other suspect runs alone.
    Later,
    /// It ended the host too often.
    Refused(String),
}

impl Recorder {
    /// Opens the recorder in `folder` and charges what was under way when the last process died. A
    /// call with `max_deaths` of them is refused.
    ///
    /// # Errors
    /// When the file is not a regular one of this folder, or cannot be read or written.
    pub fn open(folder: &Path, max_deaths: u32) -> io::Result<Arc<Self>> {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(flags.bits().cast_signed())
            .open(folder.join(NAME))?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        let mut content = Vec::new();
        (&file).take(u64::from(MAX_ENTRIES + 1) * SLOT_BYTES as u64).read_to_end(&mut content)?;
        let (last, entries) = format::read(&content);
        let charged: Vec<_> = entries.into_iter().filter_map(|(key, known)| Some((key, known.charged(last)?))).collect();
        let header = Header::after(last, !charged.is_empty());
        let mut ledger = Ledger::default();
        let mut content = header.encode().to_vec();
        for (key, known) in charged {
            let known = Known { place: ledger.end, ..known };
            if ledger.known.insert(Key(key), known).is_none() {
                ledger.end += 1;
                content.extend(known.encode(&key));
            }
        }
        file.write_all_at(&content, 0)?;
        file.set_len(content.len() as u64)?;
        let is_armed = header.is_armed();
        if is_armed {
            tracing::info!(suspects = ledger.known.len(), "the host did not end as asked; calls of guests are recorded until it does");
        }
        Ok(Arc::new(Self { file, is_armed, max_deaths, ledger: Mutex::new(ledger), lone: Arc::new(Semaphore::new(1)) }))
    }

    /// The host ends as it was asked to.
    pub fn close(&self) {
        self.write(&Header(Ended::AsAsked).encode(), 0);
    }

    /// Whether the key was under way when the host died.
    pub(crate) fn is_suspect(&self, key: &Key) -> bool {
        self.is_armed && self.ledger().known.get(key).is_some_and(|known| known.deaths > 0)
    }

    /// Whether calls are recorded.
    pub(crate) fn is_armed(&self) -> bool {
        self.is_armed
    }

    /// Asks for a call, without waiting.
    pub(crate) fn try_admit(self: &Arc<Self>, key: Key) -> Admission {
        match self.standing(&key) {
            Standing::Refused(reason) => Admission::Refused(reason),
            Standing::Lone => match self.lone.clone().try_acquire_owned() {
                Ok(alone) => Admission::Granted(self.begin(key, Some(alone))),
                Err(_) => Admission::Later,
            },
            Standing::Free => Admission::Granted(self.begin(key, None)),
        }
    }

    /// Asks for a call that begins later by [`begin`](Self::begin); waits for a place to run alone
    /// if it has to.
    ///
    /// # Errors
    /// Why the call is refused.
    pub async fn admit(self: &Arc<Self>, key: &Key) -> Result<Option<OwnedSemaphorePermit>, String> {
        match self.standing(key) {
            Standing::Refused(reason) => Err(reason),
            Standing::Lone => Ok(self.lone.clone().acquire_owned().await.ok()),
            Standing::Free => Ok(None),
        }
    }

    /// Waits until no suspect runs alone.
    pub(crate) async fn until_nothing_runs_alone(&self) {
        drop(self.lone.acquire().await);
    }

    fn standing(&self, key: &Key) -> Standing {
        if !self.is_armed {
            return Standing::Free;
        }
        let deaths = self.ledger().known.get(key).map_or(0, |known| known.deaths);
        if deaths >= self.max_deaths {
            return Standing::Refused(format!("the host died {deaths} times while this ran, the last time while it ran alone"));
        }
        if deaths >= LONE_FROM { Standing::Lone } else { Standing::Free }
    }

    /// Enters a call that begins now; `None`: it is not recorded.
    pub fn begin(self: &Arc<Self>, key: Key, alone: Option<OwnedSemaphorePermit>) -> Option<Entry> {
        if !self.is_armed {
            return None;
        }
        let mut ledger = self.ledger();
        let known = match ledger.known.get(&key).copied() {
            Some(known) => known,
            None => Known::at(ledger.free_place()?),
        };
        let known = Known { state: if alone.is_some() { State::Lone } else { State::UnderWay }, ..known };
        ledger.known.insert(key, known);
        self.write_known(&key, &known);
        drop(ledger);
        Some(Entry { recorder: self.clone(), key, alone })
    }

    /// The next start gives it a clean slate.
    pub(crate) fn forget(&self, key: &Key) {
        let mut ledger = self.ledger();
        if let Some(known) = ledger.known.remove(key) {
            ledger.free.push(known.place);
            self.write(&[0; SLOT_BYTES], known.place + 1);
        }
    }

    fn set_state(&self, key: &Key, state: State) {
        let mut ledger = self.ledger();
        if let Some(known) = ledger.known.get_mut(key) {
            known.state = state;
            self.write_known(key, known);
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_known(&self, key: &Key, known: &Known) {
        self.write(&known.encode(&key.0), known.place + 1);
    }

    /// Writes the header at 0, an entry behind it.
    fn write(&self, slot: &[u8; SLOT_BYTES], place: u32) {
        if let Err(error) = self.file.write_all_at(slot, u64::from(place) * SLOT_BYTES as u64) {
            tracing::debug!(%error, "cannot record what is under way");
        }
    }
}

enum Standing {
    Free,
    Lone,
    Refused(String),
}

impl Ledger {
    fn free_place(&mut self) -> Option<u32> {
        self.free.pop().or_else(|| {
            let place = self.end;
            (place < MAX_ENTRIES).then(|| self.end += 1).map(|()| place)
        })
    }
}

/// A call that is under way. One that is dropped without [`ended`](Self::ended) keeps the deaths
/// that it is charged with.
#[derive(Debug)]
pub struct Entry {
    recorder: Arc<Recorder>,
    key: Key,
    alone: Option<OwnedSemaphorePermit>,
}

impl Entry {
    /// The guest returned and the host lives: nothing is held against it any more.
    pub fn ended(self) {
        self.recorder.forget(&self.key);
    }

    /// How long the lone run is on trial; `None`: it is not alone.
    pub(crate) fn trial(&self) -> Option<Duration> {
        self.alone.as_ref()?;
        let survived = self.recorder.ledger().known.get(&self.key).map_or(0, |known| known.survived);
        Some(FIRST_TRIAL * (1 << survived.min(MAX_DOUBLINGS)))
    }

    /// The trial is over and the host lives: others may run, and its death is not this call's
    /// doing.
    pub(crate) fn acquit(&mut self) {
        self.recorder.set_state(&self.key, State::Acquitted);
        self.alone = None;
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let deaths = self.recorder.ledger().known.get(&self.key).map(|known| known.deaths);
        match deaths {
            Some(0) => self.recorder.forget(&self.key),
            Some(_) => self.recorder.set_state(&self.key, State::AtRest),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests;
