use std::io::Read;
use std::os::unix::net::UnixStream;

use super::*;

/// Long enough for any machine, and over at once where nothing is wrong.
const LIMIT: Duration = Duration::from_secs(60);

/// An outlet whose reader has not begun to read.
fn outlet() -> (Outlet, UnixStream) {
    let (writer, reader) = UnixStream::pair().unwrap();
    (Outlet::start("test", Ok(writer)), reader)
}

#[test]
fn lines_arrive_in_order() {
    let (outlet, mut reader) = outlet();
    (0..1_000).for_each(|number| outlet.leave(format!("{number}\n").as_bytes()));
    outlet.flush_within(LIMIT);
    let expected = (0..1_000).map(|number| format!("{number}\n")).collect::<String>();
    let mut found = vec![0; expected.len()];
    reader.read_exact(&mut found).unwrap();
    assert_eq!(String::from_utf8(found).unwrap(), expected);
    assert_eq!(outlet.dropped(), 0);
}

#[test]
fn a_reader_that_stands_still_holds_nobody_up_and_what_is_kept_for_it_is_bounded() {
    let (outlet, mut reader) = outlet();
    let line = [&[b'x'; 9_999][..], b"\n"].concat();
    let left = 4 * MAX_WAITING_BYTES / line.len();
    (0..left).for_each(|_| outlet.leave(&line));
    assert!(outlet.0.state().waiting.len() <= MAX_WAITING_BYTES);
    outlet.flush_within(Duration::from_millis(1));
    let dropped = outlet.dropped() as usize;
    assert!(dropped > left / 4, "{dropped} of {left} lines");
    // All others arrive once the reader goes on.
    let mut found = vec![0; (left - dropped) * line.len()];
    reader.read_exact(&mut found).unwrap();
    assert!(found.chunks(line.len()).all(|found| found == line));
}

#[test]
fn nobody_waits_for_a_reader_that_is_gone() {
    let (outlet, reader) = outlet();
    drop(reader);
    outlet.leave(b"one\n");
    outlet.flush_within(LIMIT);
    outlet.leave(b"two\n");
    assert_eq!(outlet.dropped(), 1);
}

#[test]
fn a_line_that_is_too_long_is_cut() {
    let (outlet, mut reader) = outlet();
    let mut line = vec![b'x'; 2 * MAX_LINE_BYTES];
    line.push(b'\n');
    let mut found = vec![0; MAX_LINE_BYTES + 7];
    outlet.leave(&line);
    reader.read_exact(&mut found).unwrap();
    assert!(found.ends_with(b"x [cut]\n"));
}
