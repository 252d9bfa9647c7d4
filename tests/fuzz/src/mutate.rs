//! Random changes of inputs, the same for the same seed.
//!
//! Blind where libFuzzer sees what a change leads to; good enough to notice a property that has just been broken.

use seeded::Random;

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

/// One of the inputs, changed in a few places.
///
/// # Panics
/// When there are no inputs.
pub fn changed(inputs: &[Vec<u8>], chance: &mut Random) -> Vec<u8> {
    let mut data = inputs[chance.index(inputs.len())].clone();
    for _ in 0..=chance.index(MAX_CHANGES) {
        change(&mut data, inputs, chance);
    }
    data.truncate(MAX_INPUT_BYTES);
    data
}

fn change(data: &mut Vec<u8>, inputs: &[Vec<u8>], chance: &mut Random) {
    let at = chance.index(data.len() + 1);
    let run = at..data.len().min(at + 1 + chance.index(MAX_RUN_BYTES));
    match chance.index(7) {
        0 if at < data.len() => data[at] ^= 1 << chance.index(8),
        1 if at < data.len() => data[at] = chance.index(256) as u8,
        2 => drop(data.drain(run)),
        3 => {
            let again = data[run].to_vec();
            insert(data, at, &again);
        }
        4 => {
            let other = &inputs[chance.index(inputs.len())];
            let from = chance.index(other.len() + 1);
            data.truncate(at);
            data.extend_from_slice(&other[from..]);
        }
        5 => {
            let other = &inputs[chance.index(inputs.len())];
            let from = chance.index(other.len() + 1);
            insert(data, at, &other[from..other.len().min(from + MAX_RUN_BYTES)]);
        }
        _ => insert(data, at, PIECES[chance.index(PIECES.len())]),
    }
}

fn insert(data: &mut Vec<u8>, at: usize, piece: &[u8]) {
    data.splice(at..at, piece.iter().copied());
}
