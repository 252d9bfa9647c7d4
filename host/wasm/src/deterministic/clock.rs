//! The turn's time as WASI's clocks.

use longhaul_core::Timestamp;
use wasmtime::component::{HasData, Resource, ResourceTable};
use wasmtime::{Result, bail};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock::{self, Duration, Instant};
use wasmtime_wasi::p2::bindings::clocks::wall_clock::{self, Datetime};
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

const NANOSECONDS_PER_MS: u64 = 1_000_000;

/// Both clocks stand still during a turn.
pub(super) struct TurnClock<'a> {
    pub now: Timestamp,
    pub table: &'a mut ResourceTable,
}

pub(super) struct HasTurnClock;

impl HasData for HasTurnClock {
    type Data<'a> = TurnClock<'a>;
}

impl wall_clock::Host for TurnClock<'_> {
    fn now(&mut self) -> Result<Datetime> {
        let Timestamp(ms) = self.now;
        Ok(Datetime { seconds: ms / 1_000, nanoseconds: (ms % 1_000) as u32 * NANOSECONDS_PER_MS as u32 })
    }

    fn resolution(&mut self) -> Result<Datetime> {
        Ok(Datetime { seconds: 0, nanoseconds: NANOSECONDS_PER_MS as u32 })
    }
}

impl monotonic_clock::Host for TurnClock<'_> {
    fn now(&mut self) -> Result<Instant> {
        Ok(self.now.0.saturating_mul(NANOSECONDS_PER_MS))
    }

    fn resolution(&mut self) -> Result<Duration> {
        Ok(NANOSECONDS_PER_MS)
    }

    fn subscribe_instant(&mut self, when: Instant) -> Result<Resource<DynPollable>> {
        self.subscribe_duration(when.saturating_sub(self.now.0.saturating_mul(NANOSECONDS_PER_MS)))
    }

    /// The clock stands still, so a sleep would never end: the code wants a durable timer instead.
    fn subscribe_duration(&mut self, duration: Duration) -> Result<Resource<DynPollable>> {
        if duration > 0 {
            bail!("an orchestrator or entity cannot sleep ({} ms were asked for): await a timer", duration / NANOSECONDS_PER_MS);
        }
        let ready = self.table.push(Ready)?;
        subscribe(self.table, ready)
    }
}

struct Ready;

#[async_trait]
impl Pollable for Ready {
    async fn ready(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_show_the_turns_time_and_nobody_can_wait_for_them() {
        let mut table = ResourceTable::new();
        let mut clock = TurnClock { now: Timestamp(1_234), table: &mut table };
        let wall = wall_clock::Host::now(&mut clock).unwrap();
        assert_eq!((wall.seconds, wall.nanoseconds), (1, 234_000_000));
        assert_eq!(monotonic_clock::Host::now(&mut clock).unwrap(), 1_234_000_000);
        assert!(monotonic_clock::Host::subscribe_instant(&mut clock, 1_234_000_000).is_ok());
        assert!(monotonic_clock::Host::subscribe_instant(&mut clock, 1_235_000_000).is_err());
    }
}
