//! What a schedule will do, for people to look at.

use jiff::tz::AmbiguousOffset;
use longhaul_core::Timestamp;

use super::Schedule;

/// A due time to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upcoming {
    /// When.
    pub due: Timestamp,
    /// What a clock in the schedule's zone shows then, with its offset from UTC, such as `Sun 2026-03-29 03:00:00 +02:00`.
    pub local: String,
    /// What a change of the clock has to do with it, if anything.
    pub note: Option<String>,
}

impl Schedule {
    /// The first `count` due times after `after`.
    pub fn upcoming(&self, after: Timestamp, count: usize) -> Vec<Upcoming> {
        let times = std::iter::successors(self.next(after), |last| self.next(*last));
        times.take(count).filter_map(|due| self.shown(due)).collect()
    }

    fn shown(&self, due: Timestamp) -> Option<Upcoming> {
        let moment = jiff::Timestamp::from_millisecond(i64::try_from(due.0).ok()?).ok()?;
        let local = moment.to_zoned(self.zone.clone());
        let note = match self.zone.to_ambiguous_timestamp(local.datetime()).offset() {
            AmbiguousOffset::Fold { before, .. } if before == local.offset() => {
                let more = if self.every_hour { "" } else { "; it does not come the second" };
                Some(format!("the clock shows this time twice: the first{more}"))
            }
            AmbiguousOffset::Fold { .. } => Some("the clock shows this time twice: the second".to_owned()),
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Gap { .. } => self.gap_note(moment),
        };
        Some(Upcoming { due, local: local.strftime("%a %Y-%m-%d %H:%M:%S %:z").to_string(), note })
    }

    fn gap_note(&self, moment: jiff::Timestamp) -> Option<String> {
        let before = moment.checked_sub(jiff::SignedDuration::from_millis(1)).ok()?;
        let (_, named) = self.next_by_clock(before).filter(|_| !self.every_hour)?;
        (named != self.zone.to_datetime(moment)).then(|| format!("the clock skips {}: this is the end of the gap", named.time()))
    }
}
