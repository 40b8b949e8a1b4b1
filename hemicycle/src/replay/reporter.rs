//! Hears of events and writes them down, as text or as JSON.

use std::io::{self, Write};
use std::time::Instant;

use detect::Event;
use hemicycle::pipeline::{Listener, Progress};
use jiff::tz::TimeZone;
use wire::Time;

use super::floods::Floods;
use super::pace::Pacer;
use super::privacy::Privacy;
use super::progress::Line;
use super::timeline::Timeline;
use crate::style::Style;

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// One JSON object a line.
    Json,
    /// A timeline for people.
    Text,
    /// Nothing while reading; the tables come at the end.
    Tables,
}

/// Writes events as they come, and remembers what the tables need.
pub(crate) struct Reporter<'w, W> {
    output: &'w mut W,
    form: Form,
    timeline: Timeline,
    floods: Floods,
    privacy: Privacy,
    progress: Option<Line>,
    pacer: Option<Pacer>,
    failure: Option<io::Error>,
    /// Every event, where they are wanted afterwards.
    kept: Option<Vec<Event>>,
}

impl<'w, W: Write> Reporter<'w, W> {
    /// Writes to `output`; times of the timeline are in `zone`.
    pub(crate) fn new(output: &'w mut W, form: Form, style: Style, zone: TimeZone, privacy: Privacy) -> Self {
        Self {
            output,
            form,
            timeline: Timeline::new(style, zone),
            floods: Floods::default(),
            privacy,
            progress: None,
            pacer: None,
            failure: None,
            kept: None,
        }
    }

    /// Waits for the time of each record.
    pub(crate) fn play_at(&mut self, pacer: Option<Pacer>) {
        self.pacer = pacer;
    }

    /// Shows progress on standard error if that is a terminal.
    pub(crate) fn show_progress(&mut self, started: Instant) {
        self.progress = Line::new(started);
    }

    /// Keeps every event for [`Self::take_events`].
    pub(crate) fn keep_events(&mut self) {
        self.kept = Some(Vec::new());
    }

    /// The events that were kept.
    pub(crate) fn take_events(&mut self) -> Vec<Event> {
        self.kept.take().unwrap_or_default()
    }

    /// The beginning of a scene of the demonstration, in the timeline.
    pub(crate) fn scene(&mut self, time: Time, title: &str, note: &str, is_attack: bool) {
        if self.form == Form::Text {
            let text = self.timeline.scene(time, title, note, is_attack);
            self.write(&text);
        }
    }

    /// What the tables need.
    ///
    /// # Errors
    /// The first failure of the output.
    pub(crate) fn finish(mut self) -> io::Result<(Floods, Privacy, TimeZone)> {
        if let Some(progress) = &mut self.progress {
            progress.clear();
        }
        match self.failure {
            Some(error) => Err(error),
            None => Ok((self.floods, self.privacy, self.timeline.zone())),
        }
    }

    fn write(&mut self, text: &str) {
        if let Some(progress) = &mut self.progress {
            progress.clear();
        }
        if self.failure.is_none()
            && let Err(error) = self.output.write_all(text.as_bytes())
        {
            self.failure = Some(error);
        }
    }

    fn flush(&mut self) {
        if self.failure.is_none()
            && let Err(error) = self.output.flush()
        {
            self.failure = Some(error);
        }
    }

    fn say(&mut self, event: &Event) {
        if let Some(kept) = &mut self.kept {
            kept.push(event.clone());
        }
        let flood = event.line();
        if matches!(event, Event::Flood(_)) {
            self.floods.add(flood);
        }
        let text = match self.form {
            Form::Tables => return,
            Form::Text => self.timeline.lines(flood, &self.privacy),
            Form::Json => json(event, &self.privacy),
        };
        if !text.is_empty() {
            self.write(&text);
        }
    }
}

/// The line of an event, with its end of line.
pub(crate) fn json(event: &Event, privacy: &Privacy) -> String {
    let mut shown = event.clone();
    privacy.apply(shown.line_mut());
    let mut text = serde_json::to_string(&shown).unwrap_or_default();
    text.push('\n');
    text
}

impl<W: Write> Listener for Reporter<'_, W> {
    fn event(&mut self, event: &Event) {
        self.say(event);
    }

    #[inline]
    fn pace(&mut self, time: Time) {
        if let Some(wait) = self.pacer.as_mut().and_then(|pacer| pacer.wait(time)) {
            self.flush();
            Pacer::sleep(wait);
        }
    }

    fn progress(&mut self, progress: Progress) {
        // Who reads along sees events soon, however fast they are buffered.
        self.flush();
        if let Some(line) = &mut self.progress {
            line.show(progress);
        }
    }

    #[inline]
    fn stop(&self) -> bool {
        self.failure.is_some()
    }
}
