//! Random changes of inputs, the same for the same seed.
//!
//! Blind where libFuzzer sees what a change leads to; good enough to notice a property that has just been broken.

/// Most changes of one input.
const MAX_CHANGES: usize = 6;
/// Longest run of bytes that one change removes or repeats.
const MAX_RUN_BYTES: usize = 32;
/// Longest input, bytes.
const MAX_INPUT_BYTES: usize = 16 * 1024;
/// Pieces that readers take for something special.
const PIECES: &[&[u8]] = &[
    b"\n",
    b"/",
    b"%2F",
    b"%",
    b"+",
    b"&",
    b"=",
    b"@",
    b"\"",
    b"\\u0000",
    b"\\ud800",
    b"[[[[[[[[",
    b"{\"\":",
    b"null",
    b"-1",
    b"18446744073709551615",
    b"4294967295",
    b"1e999",
    b"..",
    b"*",
    b":",
    b"\xff",
    "\u{130}".as_bytes(),
    "\u{10ffff}".as_bytes(),
    b"\0",
];

/// Chance from a seed (xorshift).
pub struct Chance(u64);

impl Chance {
    /// The same chance for the same seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `end`, or 0 if that is 0.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 16) % (end.max(1) as u64)).unwrap_or(0)
    }
}

/// One of the inputs, changed in a few places.
///
/// # Panics
/// When there are no inputs.
pub fn changed(inputs: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut data = inputs[chance.below(inputs.len())].clone();
    for _ in 0..=chance.below(MAX_CHANGES) {
        change(&mut data, inputs, chance);
    }
    data.truncate(MAX_INPUT_BYTES);
    data
}

fn change(data: &mut Vec<u8>, inputs: &[Vec<u8>], chance: &mut Chance) {
    let at = chance.below(data.len() + 1);
    let run = at..data.len().min(at + 1 + chance.below(MAX_RUN_BYTES));
    match chance.below(7) {
        0 if at < data.len() => data[at] ^= 1 << chance.below(8),
        1 if at < data.len() => data[at] = chance.below(256) as u8,
        2 => drop(data.drain(run)),
        3 => {
            let again = data[run].to_vec();
            insert(data, at, &again);
        }
        4 => {
            let other = &inputs[chance.below(inputs.len())];
            let from = chance.below(other.len() + 1);
            data.truncate(at);
            data.extend_from_slice(&other[from..]);
        }
        5 => {
            let other = &inputs[chance.below(inputs.len())];
            let from = chance.below(other.len() + 1);
            insert(data, at, &other[from..other.len().min(from + MAX_RUN_BYTES)]);
        }
        _ => insert(data, at, PIECES[chance.below(PIECES.len())]),
    }
}

fn insert(data: &mut Vec<u8>, at: usize, piece: &[u8]) {
    data.splice(at..at, piece.iter().copied());
}
