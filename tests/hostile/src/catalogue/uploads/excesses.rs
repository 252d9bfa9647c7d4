//! Components with too much of something, and one that is too costly to compile.

use super::{COMPONENT, leb, module, within};

/// Name, component, and what the refusal says.
pub(super) fn components() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    vec![
        ("100,001 functions", within(&module(&many(3, 100_001, &[0]))), "more than 100000 functions"),
        ("20,001 types", within(&module(&many(1, 20_001, &[0x60, 0, 0]))), "more than 20000 types"),
        ("20,001 imports", within(&module(&many(2, 20_001, &[0, 0, 0, 0]))), "more than 20000 imports"),
        ("17 memories", within(&module(&many(5, 17, &[0, 0]))), "more than 16 memories"),
        ("101 tables", within(&module(&many(4, 101, &[0x70, 0, 0]))), "more than 100 tables"),
        ("100,001 globals", within(&module(&many(6, 100_001, &[0x7f, 0, 0x41, 0, 0x0b]))), "more than 100000 globals"),
        ("1,001 instances", [&COMPONENT[..], &many(2, 1_001, &[0, 0, 0])].concat(), "more than 1000 instances"),
        ("101 core modules", [&COMPONENT[..], &within(&module(&[]))[8..].repeat(101)].concat(), "more than 100 core modules"),
        ("101 components", [&COMPONENT[..], &[&[4, 8][..], &COMPONENT].concat().repeat(101)].concat(), "more than 100 components"),
        ("a count of 4,294,967,295 types", within(&module(&[1, 5, 0xff, 0xff, 0xff, 0xff, 0x0f])), "more than 20000 types"),
        ("a function of more than a megabyte", within(&functions(1, (1 << 20) + 10)), "1048576"),
        ("a compile bomb", within(&functions(16, 1_000_000)), "too costly to compile"),
    ]
}

/// A section with `count` times the same in it.
fn many(section: u8, count: usize, entry: &[u8]) -> Vec<u8> {
    let content = [leb(count), entry.repeat(count)].concat();
    [&[section], &leb(content.len())[..], &content].concat()
}

/// A module with functions of about this many bytes of code, each a long calculation.
fn functions(count: usize, bytes: usize) -> Vec<u8> {
    // One local: local = local * 5 + local, again and again.
    let step = [0x20, 0, 0x42, 5, 0x7e, 0x20, 0, 0x7c, 0x21, 0];
    let code = [&[1, 1, 0x7e][..], &step.repeat(bytes / step.len()), &[0x0b]].concat();
    let body = [&leb(code.len())[..], &code].concat();
    module(&[many(1, 1, &[0x60, 0, 0]), many(3, count, &[0]), many(10, count, &body)].concat())
}
