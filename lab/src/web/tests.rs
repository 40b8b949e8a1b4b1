//! That generated traffic has the rates, the dispersion and the events that were asked for.

use std::collections::BTreeSet;

use wire::web::{Client, Method};

use super::corpus::Corpus;
use super::event::{Event, Kind};
use super::rate::Week;
use super::request::MONDAY;
use super::traffic::{Settings, Traffic};

fn settings() -> Settings {
    Settings {
        services: 1,
        seconds: 86_400,
        rates: (20.0, 20.0),
        variation: 0.0,
        rises: 0.0,
        monitors: 0,
        quiet: 0,
        floods: 0,
        surges: 0,
        seed: 1,
    }
}

/// Ordinary requests and those of events, for each minute.
fn minutes(traffic: &mut Traffic<'_>, minutes: i64) -> (Vec<f64>, Vec<f64>) {
    let (mut ordinary, mut events) = (vec![0.0; minutes as usize], vec![0.0; minutes as usize]);
    while let Some(seen) = traffic.next() {
        let minute = (seen.request.time.nanoseconds() - MONDAY) / 60_000_000_000;
        let counts = if seen.event.is_some() { &mut events } else { &mut ordinary };
        if let Some(count) = counts.get_mut(minute as usize) {
            *count += 1.0;
        }
    }
    (ordinary, events)
}

/// Mean and coefficient of variation.
fn moments(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
    (mean, variance.sqrt() / mean)
}

/// Counts of the minutes of some flat days, without the first hour, in which sessions have only begun.
fn flat_minutes(corpus: &Corpus, variation: f64) -> (f64, f64) {
    let settings = Settings { variation, seconds: 2 * 86_400, ..settings() };
    let (ordinary, _) = minutes(&mut Traffic::with(corpus, &settings, Week::flat()), 2 * 1_440);
    // The days' own factors are no variation of minutes.
    let days: Vec<(f64, f64)> = ordinary[60..].chunks(1_440).map(moments).collect();
    let mean = |of: fn(&(f64, f64)) -> f64| days.iter().map(of).sum::<f64>() / days.len() as f64;
    (mean(|day| day.0), mean(|day| day.1))
}

#[test]
fn rates_and_dispersion_are_what_was_asked() {
    let corpus = Corpus::load().unwrap();
    let (mean, clumped) = flat_minutes(&corpus, 0.0);
    assert!((mean / 1_200.0 - 1.0).abs() < 0.05, "{mean}");
    // Sessions of many requests are over-dispersed by themselves: more than Poisson's 1 / sqrt(1200).
    assert!(clumped > 0.035 && clumped < 0.12, "{clumped}");
    let (_, varied) = flat_minutes(&corpus, 0.4);
    // Readers who stay for longer than a minute blur the minutes' factors.
    let of_minutes = (varied * varied - clumped * clumped).sqrt();
    assert!((0.2..0.42).contains(&of_minutes), "{of_minutes}");
}

#[test]
fn nights_are_quiet_and_services_differ() {
    let corpus = Corpus::load().unwrap();
    let settings = Settings { services: 3, rates: (0.5, 8.0), variation: 0.25, monitors: 2, ..settings() };
    let mut traffic = Traffic::new(&corpus, &settings);
    let (mut counts, mut night, mut day, mut last) = ([0_u32; 3], 0, 0, 0);
    while let Some(seen) = traffic.next() {
        counts[seen.service as usize] += 1;
        let second = (seen.request.time.nanoseconds() - MONDAY) / 1_000_000_000;
        night += u32::from((7_200..10_800).contains(&second));
        day += u32::from((36_000..39_600).contains(&second));
        assert!(second >= last - 1, "in order");
        last = last.max(second);
        let is_rich = seen.service == 1;
        assert_eq!(seen.request.duration_nanoseconds.is_some(), is_rich);
        assert_eq!(seen.request.host.is_empty(), !is_rich);
    }
    assert!(counts[0] * 2 < counts[1] && counts[1] * 2 < counts[2], "{counts:?}");
    assert!(night * 3 < day, "{night} {day}");
}

/// Four hours with one event on a service of 20 requests a second; it begins after two. Gives the minutes, and what the event's requests were.
struct Seen {
    ordinary: Vec<f64>,
    added: Vec<f64>,
    clients: BTreeSet<u128>,
    targets: BTreeSet<Vec<u8>>,
    posts: usize,
    referred: usize,
    requests: usize,
}

fn with_event(corpus: &Corpus, kind: Kind, seconds: i64, factor: f64, clients: u32) -> Seen {
    let mut traffic = Traffic::with(corpus, &Settings { seconds: 14_400, ..settings() }, Week::flat());
    let (start, end) = (7_200, 7_200 + seconds);
    traffic.insert(Event { kind, service: 0, start, end, factor, clients, pulses: None, ordinary: 0.0 });
    let mut seen = Seen {
        ordinary: vec![0.0; 240],
        added: vec![0.0; 240],
        clients: BTreeSet::new(),
        targets: BTreeSet::new(),
        posts: 0,
        referred: 0,
        requests: 0,
    };
    while let Some(one) = traffic.next() {
        let minute = ((one.request.time.nanoseconds() - MONDAY) / 60_000_000_000) as usize;
        if one.event.is_none() {
            seen.ordinary[minute.min(239)] += 1.0;
            continue;
        }
        seen.added[minute.min(239)] += 1.0;
        if let Client::Address(address) = one.request.client {
            seen.clients.insert(address.bits());
        }
        seen.targets.insert(one.request.target.to_vec());
        seen.posts += usize::from(one.request.method == Method::Post);
        seen.referred += usize::from(!one.request.referrer.is_empty());
        seen.requests += 1;
    }
    seen
}

#[test]
fn floods_have_their_factor_their_clients_and_their_targets() {
    let corpus = Corpus::load().unwrap();
    for (kind, factor, clients) in [
        (Kind::FixedPath, 3.0, 1),
        (Kind::RandomQuery, 2.0, 20),
        (Kind::RandomSearch, 5.0, 20_000),
        (Kind::Login, 1.25, 150),
        (Kind::Slow, 1.5, 3),
    ] {
        let seen = with_event(&corpus, kind, 1_200, factor, clients);
        let (during, before) = (&seen.added[122..140], &seen.ordinary[60..120]);
        let found = 1.0 + moments(during).0 / 1_200.0;
        assert!((found / factor - 1.0).abs() < 0.03, "{kind:?} {found}");
        assert!((moments(before).0 / 1_200.0 - 1.0).abs() < 0.1, "{:?}", moments(before));
        assert!(seen.added[..120].iter().chain(&seen.added[142..]).all(|count| *count == 0.0), "{kind:?}");
        let drawn = f64::from(clients) * (1.0 - (-(seen.requests as f64) / f64::from(clients)).exp());
        assert!(
            (seen.clients.len() as f64 / drawn - 1.0).abs() < 0.05,
            "{kind:?} {} {drawn}",
            seen.clients.len()
        );
        let many = matches!(kind, Kind::RandomQuery | Kind::RandomSearch);
        assert_eq!(seen.targets.len() > seen.requests * 9 / 10, many, "{kind:?} {}", seen.targets.len());
        assert_eq!(seen.posts > 0, matches!(kind, Kind::Login | Kind::Slow));
    }
}

#[test]
fn surges_are_new_readers_with_whole_pages() {
    let corpus = Corpus::load().unwrap();
    for (kind, factor) in [(Kind::ElectionNight, 20.0), (Kind::NewsLink, 8.0)] {
        let seen = with_event(&corpus, kind, 4_800, factor, 0);
        let highest = seen.added.iter().copied().fold(0.0, f64::max) / 1_200.0;
        assert!((0.7 * factor..1.3 * factor).contains(&highest), "{kind:?} {highest}");
        assert!(seen.added[120] < seen.added[124], "it grows");
        assert!(
            seen.clients.len() * 60 > seen.requests,
            "{kind:?} {} of {}",
            seen.clients.len(),
            seen.requests
        );
        assert!(seen.referred * 2 > seen.requests, "{kind:?} {} of {}", seen.referred, seen.requests);
        assert_eq!(seen.posts, 0);
    }
}

#[test]
fn the_same_seed_gives_the_same_traffic() {
    let corpus = Corpus::load().unwrap();
    let print = |seed: u64| {
        let settings =
            Settings { services: 2, rates: (1.0, 3.0), seconds: 20_000, floods: 2, seed, ..settings() };
        let mut traffic = Traffic::new(&corpus, &settings);
        let mut print = Vec::new();
        while let Some(seen) = traffic.next() {
            print.push(format!("{} {:?} {:?}", seen.service, seen.request, seen.event));
        }
        print
    };
    assert_eq!(print(1), print(1));
    assert_ne!(print(1), print(2));
}
