//! Reading whole bodies, within a budget.
//!
//! A body that says its length is paid for before any of it is read; one that does not, as it grows. So many long bodies at once are refused by
//! a word, whoever sends them, and cannot end the host. Short ones need no room: connections bound them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http::StatusCode;
use http::header::RETRY_AFTER;
use http_body_util::BodyExt;
use hyper::body::Body;
use longhaul_engine::budget::{Budget, Room};

use super::answer::{self, Answer, BodyError};

/// Bodies up to this length need no room.
const FREE_BYTES: usize = 16 << 10;
/// Seconds after which a refused request may be sent again.
const RETRY_AFTER_SECONDS: &str = "1";

/// The memory for bodies, in all and for each address.
#[derive(Debug)]
pub struct Bodies {
    all: Budget,
    of_each: u64,
    deadline: Duration,
    taken: Mutex<HashMap<IpAddr, u64>>,
}

/// A body, and its room.
#[derive(Debug)]
pub struct Collected {
    /// The whole body.
    pub bytes: Bytes,
    room: BodyRoom,
}

impl Collected {
    /// The body, and apart from it its room, which is to be held as long as any of it is.
    pub fn into_parts(self) -> (Bytes, BodyRoom) {
        (self.bytes, self.room)
    }
}

/// A body's room; free again when this is dropped.
#[derive(Debug)]
pub struct BodyRoom {
    address: IpAddr,
    of_address: u64,
    of_all: Option<Room>,
    bodies: Arc<Bodies>,
}

/// Why a body is not taken.
enum Refused {
    TooLong,
    BrokenOff,
    Late,
    /// All together have as much under way as they may.
    NoRoom,
    /// The address has.
    NoRoomOfAddress,
}

impl Bodies {
    /// Room for bodies of `bytes` in all and `bytes_of_each` of each address, which may take `deadline` each to arrive.
    pub fn new(bytes: u64, bytes_of_each: u64, deadline: Duration) -> Arc<Self> {
        Arc::new(Self { all: Budget::new(bytes), of_each: bytes_of_each, deadline, taken: Mutex::default() })
    }

    /// The budget in all.
    pub fn budget(&self) -> &Budget {
        &self.all
    }

    /// The whole body of a request that `address` sent.
    ///
    /// # Errors
    /// The answer to give: 413 when it is longer than `max_bytes`, 400 when it breaks off, 408 when it takes too long; 429 when the address has as
    /// much under way as it may, 503 when all together have.
    pub async fn collect<B>(self: &Arc<Self>, address: IpAddr, body: B, max_bytes: usize) -> Result<Collected, Answer>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BodyError>,
    {
        let collected = async {
            let mut collecting = Collecting::begin(self, address, &body, max_bytes)?;
            let mut body = std::pin::pin!(body);
            while let Some(frame) = body.frame().await {
                if let Ok(data) = frame.map_err(|_| Refused::BrokenOff)?.into_data() {
                    collecting.add(data)?;
                }
            }
            Ok(collecting.end())
        };
        let collected = tokio::time::timeout(self.deadline, collected).await.unwrap_or(Err(Refused::Late));
        collected.map_err(|why| self.refusal(&why, max_bytes))
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, HashMap<IpAddr, u64>> {
        // Every change of the map is one step that cannot stop halfway.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refusal(&self, why: &Refused, max_bytes: usize) -> Answer {
        match why {
            Refused::TooLong => {
                let text = format!("the body is longer than the {max_bytes} bytes that this host takes");
                answer::message(StatusCode::PAYLOAD_TOO_LARGE, &text)
            }
            Refused::BrokenOff => answer::message(StatusCode::BAD_REQUEST, "the body broke off"),
            Refused::Late => {
                let text = format!("the body took longer than {} s", self.deadline.as_secs());
                answer::message(StatusCode::REQUEST_TIMEOUT, &text)
            }
            Refused::NoRoom => {
                let text = format!("bodies of {} bytes are under way, as many as this host takes at a time; try again", self.all.limit());
                try_again(StatusCode::SERVICE_UNAVAILABLE, &text)
            }
            Refused::NoRoomOfAddress => {
                let text =
                    format!("bodies of {} bytes may be under way from one address, and this one is beyond them; try again", self.of_each);
                try_again(StatusCode::TOO_MANY_REQUESTS, &text)
            }
        }
    }
}

fn try_again(status: StatusCode, text: &str) -> Answer {
    answer::with_header(answer::message(status, text), RETRY_AFTER, RETRY_AFTER_SECONDS)
}

impl BodyRoom {
    fn none(bodies: &Arc<Bodies>, address: IpAddr) -> Self {
        // The same caller by IPv4 and by IPv4 within IPv6 is one.
        Self { address: address.to_canonical(), of_address: 0, of_all: None, bodies: bodies.clone() }
    }

    /// Makes this room for `bytes`. What is larger than the budget of an address or of all has that alone.
    fn grow_to(&mut self, bytes: usize) -> Result<(), Refused> {
        if bytes <= FREE_BYTES {
            return Ok(());
        }
        let wanted = (bytes as u64).min(self.bodies.of_each);
        self.take_of_address(wanted.saturating_sub(self.of_address))?;
        let has = self.of_all.as_ref().map_or(0, Room::bytes);
        let wanted = (bytes as u64).min(self.bodies.all.limit());
        if wanted > has {
            let more = self.bodies.all.take(wanted - has).ok_or(Refused::NoRoom)?;
            match &mut self.of_all {
                Some(room) => room.add(more),
                None => self.of_all = Some(more),
            }
        }
        Ok(())
    }

    fn take_of_address(&mut self, more: u64) -> Result<(), Refused> {
        let mut taken = self.bodies.taken();
        let of_this = taken.get(&self.address).copied().unwrap_or(0) + more;
        if of_this > self.bodies.of_each {
            return Err(Refused::NoRoomOfAddress);
        }
        taken.insert(self.address, of_this);
        self.of_address += more;
        Ok(())
    }
}

impl Drop for BodyRoom {
    fn drop(&mut self) {
        if self.of_address == 0 {
            return;
        }
        let mut taken = self.bodies.taken();
        if let Some(of_this) = taken.get_mut(&self.address) {
            *of_this = of_this.saturating_sub(self.of_address);
            if *of_this == 0 {
                // Addresses that are gone must not gather in memory.
                taken.remove(&self.address);
            }
        }
    }
}

/// A body on its way.
struct Collecting {
    bytes: Vec<u8>,
    max_bytes: usize,
    room: BodyRoom,
}

impl Collecting {
    /// Room for all of it, if it says how long it is.
    fn begin<B: Body>(bodies: &Arc<Bodies>, address: IpAddr, body: &B, max_bytes: usize) -> Result<Self, Refused> {
        let least = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if least > max_bytes {
            return Err(Refused::TooLong);
        }
        let mut room = BodyRoom::none(bodies, address);
        room.grow_to(least)?;
        Ok(Self { bytes: Vec::with_capacity(least), max_bytes, room })
    }

    fn add(&mut self, mut data: Bytes) -> Result<(), Refused> {
        let length = self.bytes.len() + data.remaining();
        if length > self.max_bytes {
            return Err(Refused::TooLong);
        }
        if length > self.bytes.capacity() {
            // Twice as much each time, so that a long body is not copied for every piece of it.
            let capacity = length.max(self.bytes.capacity() * 2).min(self.max_bytes);
            self.room.grow_to(capacity)?;
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        while data.has_remaining() {
            let piece = data.chunk();
            self.bytes.extend_from_slice(piece);
            let taken = piece.len();
            data.advance(taken);
        }
        Ok(())
    }

    fn end(self) -> Collected {
        Collected { bytes: self.bytes.into(), room: self.room }
    }
}

#[cfg(test)]
mod tests;
