//! File descriptors: how many there may be, and how many of them connections may take.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that connections leave to the database, deployments, keys and requests of guests, where the limit allows it.
const RESERVE: u64 = 256;
/// The most of all descriptors that are kept so, as a fraction.
const RESERVE_DIVISOR: u64 = 4;

/// How many descriptors connections may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptors {
    limit: u64,
}

impl Descriptors {
    /// Raises the process's limit as far as it may without asking anybody.
    pub fn raise() -> Self {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
        let limit = match raised {
            Ok(()) => maximum,
            Err(error) => {
                tracing::warn!(%error, "cannot raise the limit of open files");
                current
            }
        };
        Self { limit: limit.unwrap_or(u64::MAX) }
    }

    /// Whether a connection with this descriptor takes one that is kept for other things. The system gives the lowest that is free, so as many
    /// are taken as its number says.
    pub fn are_short(self, descriptor: u64) -> bool {
        descriptor >= self.limit - self.reserve()
    }

    /// Whether even the half of those is taken that connections may have until idle ones have closed.
    pub fn are_very_short(self, descriptor: u64) -> bool {
        descriptor >= self.limit - self.reserve() / 2
    }

    fn reserve(self) -> u64 {
        RESERVE.min(self.limit / RESERVE_DIVISOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_a_quarter_of_few_descriptors_and_256_of_many() {
        let shortness = |limit, descriptor| {
            let descriptors = Descriptors { limit };
            (descriptors.are_short(descriptor), descriptors.are_very_short(descriptor))
        };
        assert_eq!(
            [47, 48, 55, 56].map(|descriptor| shortness(64, descriptor)),
            [(false, false), (true, false), (true, false), (true, true)]
        );
        assert_eq!([3_839, 3_840, 3_968].map(|descriptor| shortness(4_096, descriptor)), [(false, false), (true, false), (true, true)]);
        assert_eq!(shortness(u64::MAX, 1 << 30), (false, false));
    }

    #[test]
    fn the_limit_is_raised_to_what_the_process_may_have() {
        Descriptors::raise();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }
}
