//! An input that is an access log.

use wire::{Time, web::Request};

use super::{Framing, Head, Input};
use crate::{
    Visitor,
    lines::{self, Line},
};

impl Input {
    /// The next line that tells of a request. Only for the first one, and to know the time: [`Input::play_log`] reads on.
    pub(super) fn next_line(&mut self) -> Option<Head> {
        let Self { format: Framing::Log(decoder), window, .. } = self else { return None };
        loop {
            match lines::next(window, decoder) {
                Line::At { length, used } => {
                    let line = window.bytes().get(..length).unwrap_or_default();
                    if let Ok(request) = decoder.decode(line) {
                        return Some(Head { time: request.time, link: None, at: 0, length, used });
                    }
                    window.advance(used);
                }
                Line::Passed => {}
                Line::End => {
                    self.end(None);
                    return None;
                }
            }
        }
    }

    /// As [`Input::play`] for a log. A line is given on as soon as it is read; only one that has to wait for other inputs is
    /// read a second time.
    pub(super) fn play_log<V: Visitor>(
        &mut self,
        index: usize,
        until: impl Fn(Time) -> bool,
        visitor: &mut V,
    ) -> Option<Time> {
        let waiting = self.head.take();
        if waiting.is_none() && self.ended {
            return None;
        }
        let mut waiting = waiting;
        let Self { format: Framing::Log(decoder), window, clock, origin, first, last, .. } = self else {
            return None;
        };
        loop {
            let (length, used) = match (waiting, &mut *window) {
                (Some(head), _) => (head.length, head.used),
                (None, window) => match lines::next(window, decoder) {
                    Line::At { length, used } => (length, used),
                    Line::Passed => continue,
                    Line::End => {
                        self.end(None);
                        return None;
                    }
                },
            };
            let line = window.bytes().get(..length).unwrap_or_default();
            let mut waits = None;
            let mut take = |request: &mut Request<'_>| {
                if let Some(clock) = clock {
                    request.time = clock.played(*origin.get_or_insert(request.time), request.time);
                }
                let time = request.time;
                if !until(time) {
                    waits = Some(Head { time, link: None, at: 0, length, used });
                    return;
                }
                *first = Some(first.map_or(time, |first| first.min(time)));
                *last = (*last).max(Some(time));
                visitor.request(index, request);
            };
            if waiting.take().is_some() {
                if let Some(mut request) = decoder.again(line) {
                    take(&mut request);
                }
            } else {
                // What is no request is counted.
                let _ = decoder.decode_with(line, take);
            }
            if let Some(head) = waits {
                self.head = Some(head);
                return Some(head.time);
            }
            window.advance(used);
            if visitor.stop() {
                return None;
            }
        }
    }
}
