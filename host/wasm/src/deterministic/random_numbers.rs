//! Random numbers that a replay draws again.

use sha2::{Digest, Sha256};
use wasmtime::component::HasData;
use wasmtime::{Result, ensure};
use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};

/// Most bytes in one call: the host must not allocate whatever a guest asks for.
const MAX_BYTES: u64 = 64 << 10;

/// SHA-256 over a seed and a counter. All three WASI interfaces draw from the one stream.
pub(crate) struct RandomNumbers {
    seed: [u8; 32],
    drawn: u64,
}

impl RandomNumbers {
    /// The same parts give the same numbers. The length of each part goes in too, so that no two
    /// lists of parts run together.
    pub fn seeded(parts: &[&[u8]]) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        Self { seed: digest.finalize().into(), drawn: 0 }
    }

    fn block(&mut self) -> [u8; 32] {
        let counter = self.drawn.to_le_bytes();
        self.drawn += 1;
        Sha256::new().chain_update(self.seed).chain_update(counter).finalize().into()
    }

    fn number(&mut self) -> u64 {
        u64::from_le_bytes(*self.block().first_chunk().expect("a block has 32 bytes"))
    }

    fn bytes(&mut self, length: u64) -> Result<Vec<u8>> {
        ensure!(length <= MAX_BYTES, "{length} random bytes were asked for; at most {MAX_BYTES} are given at a time");
        let length = length as usize;
        let mut bytes = Vec::with_capacity(length + 32);
        while bytes.len() < length {
            bytes.extend(self.block());
        }
        bytes.truncate(length);
        Ok(bytes)
    }
}

pub(super) struct HasRandomNumbers;

impl HasData for HasRandomNumbers {
    type Data<'a> = &'a mut RandomNumbers;
}

impl random::Host for RandomNumbers {
    fn get_random_bytes(&mut self, length: u64) -> Result<Vec<u8>> {
        self.bytes(length)
    }

    fn get_random_u64(&mut self) -> Result<u64> {
        Ok(self.number())
    }
}

impl insecure::Host for RandomNumbers {
    fn get_insecure_random_bytes(&mut self, length: u64) -> Result<Vec<u8>> {
        self.bytes(length)
    }

    fn get_insecure_random_u64(&mut self) -> Result<u64> {
        Ok(self.number())
    }
}

impl insecure_seed::Host for RandomNumbers {
    fn insecure_seed(&mut self) -> Result<(u64, u64)> {
        Ok((self.number(), self.number()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_and_another_gives_others() {
        let draw = |parts: &[&[u8]]| {
            (0..3)
                .map({
                    let mut numbers = RandomNumbers::seeded(parts);
                    move |_| numbers.number()
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(draw(&[b"execution", b"1"]), draw(&[b"execution", b"1"]));
        assert_ne!(draw(&[b"execution", b"1"]), draw(&[b"execution", b"2"]));
        assert_ne!(draw(&[b"ab", b"c"]), draw(&[b"a", b"bc"]));
    }

    #[test]
    fn a_guest_cannot_make_the_host_allocate_at_will() {
        assert_eq!(RandomNumbers::seeded(&[]).bytes(100).unwrap().len(), 100);
        assert!(RandomNumbers::seeded(&[]).bytes(u64::MAX).is_err());
    }
}
