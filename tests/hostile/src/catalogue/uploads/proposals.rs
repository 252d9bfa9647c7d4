//! Components that use what is off: each the least that needs the proposal.

use super::{COMPONENT, module, within};

/// Name, component, and what the refusal says.
pub(super) fn components() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    // A function without parameters and results, and its code.
    let function = |code: &[u8]| {
        let body = [&[0], code, &[0x0b]].concat();
        let sections = [&[1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 10, body.len() as u8 + 2, 1, body.len() as u8], &body[..]].concat();
        within(&module(&sections))
    };
    let section = |bytes: &[u8]| within(&module(bytes));
    let component = |bytes: &[u8]| [&COMPONENT[..], bytes].concat();
    vec![
        ("shared memory", section(&[5, 4, 1, 3, 1, 1]), "shared memor"),
        ("atomic operations", function(&[0xfe, 3, 0]), "threads"),
        ("64-bit memory", section(&[5, 3, 1, 4, 1]), "memory64"),
        ("a 64-bit table", section(&[4, 4, 1, 0x70, 4, 1]), "memory64"),
        ("several memories of one module", section(&[5, 5, 2, 0, 1, 0, 1]), "multiple memories"),
        ("pages of another size", section(&[5, 4, 1, 8, 1, 0]), "custom page sizes"),
        ("exceptions", section(&[1, 4, 1, 0x60, 0, 0, 13, 3, 1, 0, 0]), "exceptions"),
        ("exceptions of the first draft", function(&[6, 0x40, 0x0b]), "legacy_exceptions"),
        ("structures of a garbage collector", section(&[1, 3, 1, 0x5f, 0]), "gc"),
        ("typed references to functions", section(&[1, 9, 2, 0x60, 0, 0, 0x60, 1, 0x64, 0, 0]), "references"),
        ("tail calls", function(&[0x12, 0]), "tail calls"),
        ("stacks that are switched", section(&[1, 6, 2, 0x60, 0, 0, 0x5d, 0]), "stack switching"),
        ("128-bit arithmetic", function(&[0x42, 0, 0x42, 0, 0x42, 0, 0x42, 0, 0xfc, 0x13, 0x1a, 0x1a]), "wide arithmetic"),
        ("a stream of the component model", component(&[7, 3, 1, 0x66, 0]), "async"),
        ("a future of the component model", component(&[7, 3, 1, 0x65, 0]), "async"),
        ("an error context of the component model", component(&[7, 2, 1, 0x64]), "error"),
        ("a list of fixed length", component(&[7, 4, 1, 0x67, 0x7f, 4]), "fixed"),
    ]
}
