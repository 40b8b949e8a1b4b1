//! The lines of a log in a window.

use wire::web::{self, Decoder, MAX_LINE_BYTES, Skip};

use crate::window::Window;

/// Where the next line is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Line {
    /// At the beginning of the window: its length, and how much of the window it takes with its line feed.
    At { length: usize, used: usize },
    /// What came was passed over; ask again.
    Passed,
    /// There is none any more.
    End,
}

/// Finds the next line, reading on as is needed. What is longer than a line may be is passed over without being held.
#[inline]
pub(crate) fn next(window: &mut Window, decoder: &mut Decoder) -> Line {
    match web::line_end(window.bytes()) {
        Some(length) if length <= MAX_LINE_BYTES => Line::At { length, used: length + 1 },
        _ => more(window, decoder),
    }
}

#[cold]
fn more(window: &mut Window, decoder: &mut Decoder) -> Line {
    let mut looked_at = 0;
    loop {
        let here = window.bytes().get(looked_at..).unwrap_or_default();
        if let Some(at) = web::line_end(here) {
            let length = looked_at + at;
            if length <= MAX_LINE_BYTES {
                return Line::At { length, used: length + 1 };
            }
            break;
        }
        looked_at = window.bytes().len();
        if looked_at > MAX_LINE_BYTES {
            break;
        }
        if window.fill(looked_at + 1) == looked_at {
            // What is cut off by a failure is not a line; an end without a line feed is.
            return match looked_at {
                0 => Line::End,
                length if window.has_failed() => {
                    window.advance(length);
                    decoder.skip(Skip::CutOff);
                    Line::Passed
                }
                length => Line::At { length, used: length },
            };
        }
    }
    pass(window);
    decoder.skip(Skip::TooLong);
    Line::Passed
}

/// Passes over everything up to the next line feed. Holes have none.
fn pass(window: &mut Window) {
    loop {
        let bytes = window.bytes();
        if let Some(end) = web::line_end(bytes) {
            return window.advance(end + 1);
        }
        window.pass_hole();
        if window.fill(1) == 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Read},
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use wire::web::Format;

    use super::*;

    /// Many lines, every hundredth of them much too long, in pieces of odd sizes. Notes how much room it was ever given.
    struct Lines {
        left: usize,
        rest: Vec<u8>,
        room: Arc<AtomicUsize>,
    }

    impl Read for Lines {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.room.fetch_max(buffer.len(), Ordering::Relaxed);
            if self.rest.is_empty() && self.left > 0 {
                self.left -= 1;
                let length = if self.left.is_multiple_of(100) { 1 << 20 } else { 200 };
                self.rest = [&vec![b'x'; length][..], b"\n"].concat();
            }
            let length = self.rest.len().min(buffer.len()).min(7_777);
            buffer[..length].copy_from_slice(&self.rest[..length]);
            self.rest.drain(..length);
            Ok(length)
        }
    }

    #[test]
    fn however_long_lines_are_the_window_stays_as_it_is() {
        let room = Arc::new(AtomicUsize::new(0));
        let lines = Lines { left: 1_000, rest: Vec::new(), room: Arc::clone(&room) };
        let mut window = Window::stream(Box::new(lines));
        let mut decoder = Decoder::new(Format::json());
        let mut count = 0;
        loop {
            match next(&mut window, &mut decoder) {
                Line::At { length, used } => {
                    assert_eq!(length, 200);
                    window.advance(used);
                    count += 1;
                }
                Line::Passed => {}
                Line::End => break,
            }
        }
        assert_eq!((count, decoder.counters().skips[Skip::TooLong.index()]), (990, 10));
        assert!(room.load(Ordering::Relaxed) <= 1 << 18, "{room:?}");
    }
}
