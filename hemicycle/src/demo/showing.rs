//! After the play: the console on loopback, with the day in its history, and the day going by again on its first page.
//!
//! The record is kept in a folder that goes away at the end. The day takes some minutes here, so that a person can watch a
//! flood come and go; it begins anew until the program is stopped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use console::live::{Hearing, Sensor, Snapshot};
use console::{Live, Options};
use detect::{Event, Phase};
use institution::Institution;
use jiff::Timestamp;
use record::{Record, Retention};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use wire::Time;

use super::forecast::Forecast;
use crate::replay::privacy::Privacy;
use crate::replay::reporter::json;
use crate::serve::office::{Board, Concerned, Teller, make_folder, now_nanoseconds, said, snapshot};

/// The 24 hours take so long.
const DAY: Duration = Duration::from_secs(240);
/// Between two looks at the clock and the signals.
const STEP: Duration = Duration::from_millis(250);
/// Events that are handed to the record before it is waited for; its queue has more places.
const AT_ONCE: usize = 512;
/// Secret of a record that nobody keeps.
const KEY: [u8; 16] = *b"hemicycle's demo";

/// The day as it was told, ready to be shown.
pub(super) struct Showing {
    pub(super) institution: Institution,
    pub(super) events: Vec<Event>,
    /// When the day begins.
    pub(super) start: Time,
    pub(super) records: u64,
    /// What its floods were predicted to take down, and what the day shows.
    pub(super) tested: Vec<console::exposure::Tested>,
}

impl Showing {
    /// Opens the console, says where, and shows the day until the program is told to stop.
    ///
    /// # Errors
    /// When the console cannot start.
    pub(super) fn run(self, say: &mut dyn FnMut(&str) -> Result<()>) -> Result<()> {
        let mut signals = Signals::new([SIGINT, SIGTERM]).context("cannot wait for signals")?;
        let folder = tempfile::tempdir().context("cannot make a folder for the console")?;
        let institution = Arc::new(self.institution.clone());
        let mut options = record::Options::new(KEY, Arc::new(now_nanoseconds));
        let own = institution.clone();
        options.own = Arc::new(move |address| own.lookup(address).zone().is_some());
        // The day is years ago.
        let long = 36_500;
        options.retention =
            Retention { observed_days: None, addresses_days: long, hours_days: long, ..options.retention };
        let record = Record::open(&folder.path().join("record"), options).context("cannot open a record")?;
        let board = Arc::new(Board::default());
        let mut teller = Teller { writer: Some(record.writer()), live: None, board, institution };
        // First all of it into the history, then again and again on the first page.
        for some in self.events.chunks(AT_ONCE) {
            some.iter().for_each(|event| teller.event(event, &shown(event)));
            record.writer().flush().context("cannot write the day down")?;
        }
        let starts = self.events.iter().filter(|event| event.line().phase == Phase::Start).count();
        let forecast = Forecast::new(&self.institution, self.start, starts)?;
        let live = Live::new(self.snapshot(self.start, &teller.board, &forecast));
        let mut views = crate::expose::view::views(&self.institution);
        views.house.tested.clone_from(&self.tested);
        live.show_exposure(views);
        let listen = vec![std::net::SocketAddr::from(([127, 0, 0, 1], 0))];
        make_folder(&folder.path().join("console")).context("cannot make a folder for the console")?;
        let mut options = Options::new(folder.path().join("console"), listen, snapshot::clock());
        let institution = Arc::clone(&teller.institution);
        options.belongs = Arc::new(move |address, name| Concerned::belongs(address, name, &institution));
        let handle =
            console::start(options, live.clone(), Arc::new(record.reader()), Arc::new(record.writer()))
                .context("cannot start the console")?;
        for line in said(&handle) {
            say(&line)?;
        }
        say("the day goes by again there, 24 hours in 4 minutes; Ctrl-C ends it")?;
        teller.writer = None;
        teller.live = Some(live.clone());
        self.play(&teller, &live, &forecast, &mut signals);
        handle.stop();
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "people watch it in real time")]
    fn play(&self, teller: &Teller, live: &Live, forecast: &Forecast, signals: &mut Signals) {
        let speed = 86_400.0 / DAY.as_secs_f64();
        loop {
            let (began, mut next) = (Instant::now(), 0);
            while began.elapsed() < DAY {
                if signals.pending().next().is_some() {
                    return;
                }
                let now = self.start.plus_nanoseconds((began.elapsed().as_secs_f64() * speed * 1e9) as i64);
                while let Some(event) = self.events.get(next).filter(|event| event.line().time <= now) {
                    teller.event(event, &shown(event));
                    next += 1;
                }
                live.show(self.snapshot(now, &teller.board, forecast));
                std::thread::sleep(STEP);
            }
            for event in self.events.iter().skip(next).filter(|event| event.line().phase == Phase::End) {
                teller.event(event, &shown(event));
            }
        }
    }

    fn snapshot(&self, now: Time, board: &Board, forecast: &Forecast) -> Snapshot {
        let sensor = Sensor {
            name: "recorded-day".to_owned(),
            kind: "mirror".to_owned(),
            state: Hearing::Hearing,
            heard: Some(Timestamp::now()),
            records: self.records,
            blind_to: vec!["requests inside TLS".to_owned()],
            ..Sensor::default()
        };
        let said = "This is a recorded day, not the present".to_owned();
        let mut snapshot = snapshot::of(
            &self.institution,
            &board.running(Instant::now()),
            (vec![sensor], &|_, _| true),
            Some(said),
        );
        let time = |time: Time| Timestamp::from_nanosecond(time.nanoseconds().into()).unwrap_or_default();
        snapshot.outlook = Some(forecast.at(now));
        (snapshot.time, snapshot.started) = (time(now), time(self.start));
        snapshot
    }
}

fn shown(event: &Event) -> String {
    json(event, &Privacy::new(None))
}
