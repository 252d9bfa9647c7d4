//! Random numbers for tests.
//!
//! A failed run names its seed, and the same seed must lead to the same run a year later. So the
//! generator stands here: a library may change its own with any version.

/// A small generator (SplitMix64): the same seed gives the same numbers on every machine and in
/// every version.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Begins with this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 if that is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.number() % end.max(1)
    }

    /// A place in a list of `len`; 0 if that is 0.
    pub fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    /// A number of at least `low` and below `high`.
    pub fn within(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low)
    }

    /// True in so many of a hundred cases.
    pub fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }

    /// One of these.
    ///
    /// # Panics
    /// When there are none.
    pub fn choose<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.index(of.len())]
    }

    /// Another generator, so that what one part of a run draws does not change what others draw.
    pub fn fork(&mut self) -> Self {
        Self(self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn a_seed_gives_the_numbers_that_it_always_gave() {
        let mut random = Random::new(7);
        let numbers: Vec<_> = (0..3).map(|_| random.number()).collect();
        assert_eq!(numbers, [0x63cb_e1e4_5932_0dd7, 0x044c_3cd7_f43c_661c, 0xe698_4080_bab1_2a02]);
        let mut fork = random.fork();
        assert_ne!(fork.number(), random.number());
    }

    #[test]
    fn a_number_stays_below_its_end_and_nothing_to_choose_from_is_no_division_by_zero() {
        let mut random = Random::new(1);
        assert!((0..1_000).all(|_| random.below(3) < 3 && (5..8).contains(&random.within(5, 8))));
        assert_eq!((random.below(0), random.index(0)), (0, 0));
    }
}
