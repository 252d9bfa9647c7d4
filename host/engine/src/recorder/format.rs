//! What stands in the file: a header and entries, 32 bytes each, of which each is written by one
//! call.

pub(super) const SLOT_BYTES: usize = 32;
/// Deaths from which on a call runs alone among the suspects.
pub(super) const LONE_FROM: u32 = 2;
const MAGIC: [u8; 8] = *b"LHATTEM1";
/// Starts after which an entry whose call never began again is dropped.
const MAX_AGE: u8 = 32;

/// How the last process ended, as far as its file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    AsAsked,
    /// It died and had recorded nothing.
    Unrecorded,
    /// It died, and so did the one before, which had recorded nothing.
    FirstRecorded,
    /// It died like others before.
    Recorded,
}

/// The header says what the end is if none follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header(pub(super) Ended);

impl Header {
    /// The header of the process that follows.
    pub(super) fn after(last: Ended, has_suspects: bool) -> Self {
        Self(match (last, has_suspects) {
            (Ended::AsAsked, false) => Ended::Unrecorded,
            (Ended::Unrecorded, _) => Ended::FirstRecorded,
            (Ended::AsAsked, true) | (Ended::FirstRecorded | Ended::Recorded, _) => Ended::Recorded,
        })
    }

    pub(super) fn is_armed(self) -> bool {
        matches!(self.0, Ended::FirstRecorded | Ended::Recorded)
    }

    pub(super) fn encode(self) -> [u8; SLOT_BYTES] {
        let mut bytes = [0; SLOT_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8] = match self.0 {
            Ended::AsAsked => 0,
            Ended::Unrecorded => 1,
            Ended::FirstRecorded => 2,
            Ended::Recorded => 3,
        };
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Ended> {
        match bytes.strip_prefix(&MAGIC)?.first()? {
            0 => Some(Ended::AsAsked),
            1 => Some(Ended::Unrecorded),
            2 => Some(Ended::FirstRecorded),
            3 => Some(Ended::Recorded),
            _ => None,
        }
    }
}

/// What a call is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    AtRest,
    UnderWay,
    /// Under way, alone among the suspects.
    Lone,
    /// Under way; it was alone for long enough.
    Acquitted,
}

/// What is known of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) place: u32,
    pub(super) state: State,
    pub(super) deaths: u32,
    /// Deaths of the host after its trial was over.
    pub(super) survived: u8,
    /// Starts since it ran.
    pub(super) age: u8,
}

impl Known {
    pub(super) fn at(place: u32) -> Self {
        Self { place, state: State::AtRest, deaths: 0, survived: 0, age: 0 }
    }

    /// The same after the end of the process; `None` if there is nothing to remember.
    pub(super) fn charged(self, end: Ended) -> Option<Self> {
        let rested = Self { state: State::AtRest, age: 0, ..self };
        if end == Ended::AsAsked || self.state == State::AtRest {
            let age = self.age + 1;
            return (self.deaths > 0 && age < MAX_AGE).then_some(Self { age, ..rested });
        }
        Some(match self.state {
            // What killed the first process was under way then, unrecorded.
            State::UnderWay if self.deaths == 0 && end == Ended::FirstRecorded => Self { deaths: LONE_FROM, ..rested },
            State::UnderWay if self.deaths < LONE_FROM => Self { deaths: self.deaths + 1, ..rested },
            State::Lone => Self { deaths: self.deaths.saturating_add(1), ..rested },
            State::Acquitted => Self { survived: self.survived.saturating_add(1), ..rested },
            State::UnderWay | State::AtRest => rested,
        })
    }

    pub(super) fn encode(&self, key: &[u8; 16]) -> [u8; SLOT_BYTES] {
        let mut bytes = [0; SLOT_BYTES];
        bytes[0] = match self.state {
            State::AtRest => 1,
            State::UnderWay => 2,
            State::Lone => 3,
            State::Acquitted => 4,
        };
        (bytes[1], bytes[2]) = (self.survived, self.age);
        bytes[4..8].copy_from_slice(&self.deaths.to_le_bytes());
        bytes[8..24].copy_from_slice(key);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<([u8; 16], Self)> {
        let state = match bytes.first()? {
            1 => State::AtRest,
            2 => State::UnderWay,
            3 => State::Lone,
            4 => State::Acquitted,
            _ => return None,
        };
        let deaths = u32::from_le_bytes(bytes.get(4..8)?.try_into().ok()?);
        let key = bytes.get(8..24)?.try_into().ok()?;
        Some((key, Self { place: 0, state, deaths, survived: bytes[1], age: bytes[2].min(MAX_AGE) }))
    }
}

/// Reads a file. One that is not of this form says nothing.
pub(super) fn read(content: &[u8]) -> (Ended, Vec<([u8; 16], Known)>) {
    let Some(ended) = Header::decode(content) else { return (Ended::AsAsked, Vec::new()) };
    let slots = content.get(SLOT_BYTES..).unwrap_or_default().chunks_exact(SLOT_BYTES);
    (ended, slots.filter_map(Known::decode).collect())
}
