//! What is inserted into ordinary traffic, with its truth: surges of readers, and floods.

use crate::random::Random;

/// Factors of floods: the service's whole rate over its ordinary one.
pub(super) const FACTORS: [f64; 7] = [1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0];
/// Clients of floods.
const CLIENTS: [u32; 7] = [1, 3, 20, 150, 1_000, 5_000, 20_000];
/// Least requests of a flood: fewer are none on any service.
const LEAST_REQUESTS: f64 = 60.0;
/// Seconds between the end of an event and the next one on the same service.
const APART: i64 = 3_600;

/// What an event is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Twenty times as many readers within ten minutes.
    ElectionNight,
    /// A link on a news site: eight times as many readers, all on one page first.
    NewsLink,
    /// One page again and again.
    FixedPath,
    /// One page with a random query, so that no cache helps.
    RandomQuery,
    /// The site's search with random words, as DDoSia's targets ask for it.
    RandomSearch,
    /// Sign-ins with guessed names.
    Login,
    /// Requests that take as long as the server allows.
    Slow,
}

/// The floods.
pub(super) const FLOODS: [Kind; 5] =
    [Kind::FixedPath, Kind::RandomQuery, Kind::RandomSearch, Kind::Login, Kind::Slow];

impl Kind {
    /// Whether it is a flood and not wanted.
    pub(crate) const fn is_flood(self) -> bool {
        !matches!(self, Self::ElectionNight | Self::NewsLink)
    }

    /// For tables.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::ElectionNight => "election night",
            Self::NewsLink => "news link",
            Self::FixedPath => "fixed path",
            Self::RandomQuery => "random query",
            Self::RandomSearch => "random search",
            Self::Login => "login",
            Self::Slow => "slow requests",
        }
    }

    /// Names of the contract that are equally right for it.
    pub(crate) const fn names(self) -> &'static [&'static str] {
        match self {
            Self::ElectionNight | Self::NewsLink => &["surge"],
            Self::FixedPath => &["http_flood"],
            Self::RandomQuery | Self::RandomSearch => &["http_cache_bypass", "http_flood"],
            Self::Login => &["login_flood", "http_flood"],
            Self::Slow => &["slow_http"],
        }
    }
}

/// An event on a service.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Event {
    pub(crate) kind: Kind,
    pub(crate) service: u32,
    /// Seconds since the first one of the traffic.
    pub(crate) start: i64,
    /// The first second after it.
    pub(crate) end: i64,
    /// The service's whole rate over its ordinary one, at the event's highest.
    pub(crate) factor: f64,
    /// Requests a second that the service has at its begin without it.
    pub(crate) ordinary: f64,
    /// Different clients of a flood.
    pub(crate) clients: u32,
    /// Seconds on and off, for floods in pulses.
    pub(crate) pulses: Option<(i64, i64)>,
}

impl Event {
    /// What is added at a second, as a multiple of the ordinary rate.
    pub(super) fn added(&self, second: i64) -> f64 {
        if second < self.start || second >= self.end {
            return 0.0;
        }
        let (since, left) = ((second - self.start) as f64, (self.end - second) as f64);
        let shape = match self.kind {
            // Readers come one after the other as they hear of it, and lose interest slowly.
            Kind::ElectionNight => (since / 600.0).min(1.0).min(left / 900.0),
            Kind::NewsLink => (since / 90.0).min(1.0) * (-(since - 90.0).max(0.0) / 1_200.0).exp(),
            _ => match self.pulses {
                Some((on, off)) if (second - self.start) % (on + off) >= on => 0.0,
                _ => 1.0,
            },
        };
        (self.factor - 1.0) * shape
    }

    /// The same for the mean of a flood over its time: pulses are off for a part of it.
    fn mean_added(&self) -> f64 {
        let share = self.pulses.map_or(1.0, |(on, off)| on as f64 / (on + off) as f64);
        (self.factor - 1.0) * share
    }
}

/// How many events there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Seconds before the first event.
    pub(super) quiet: i64,
    /// Seconds of the traffic.
    pub(super) span: i64,
    /// For each service.
    pub(super) floods: usize,
    /// For each service.
    pub(super) surges: usize,
}

/// Chooses events for a service whose ordinary rate at a second `expected` gives; in order of time, apart from each other.
pub(super) fn plan(
    service: u32,
    wanted: &Wanted,
    random: &mut Random,
    expected: impl Fn(i64) -> f64,
) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    let total = wanted.surges + wanted.floods;
    for number in 0..total {
        // Where the days are full, or too quiet for the flood, there are fewer.
        for _ in 0..40 {
            let mut event = if number < wanted.surges {
                surge(service, number, wanted, random)
            } else {
                // Every service begins elsewhere and goes round by a prime, so that all kinds meet all factors soon.
                flood(service, number * 11 + service as usize * 13, wanted, random)
            };
            event.ordinary = expected(event.start);
            let enough = !event.kind.is_flood()
                || event.mean_added() * event.ordinary * (event.end - event.start) as f64 >= LEAST_REQUESTS;
            let free = events
                .iter()
                .all(|other| event.end + APART <= other.start || other.end + APART <= event.start);
            if enough && free && event.end <= wanted.span {
                events.push(event);
                break;
            }
        }
    }
    events.sort_by_key(|event| event.start);
    events
}

fn surge(service: u32, number: usize, wanted: &Wanted, random: &mut Random) -> Event {
    let start = random.between(wanted.quiet as u64, wanted.span.max(1) as u64) as i64;
    let (kind, seconds, factor) = if number.is_multiple_of(2) {
        (Kind::NewsLink, random.between(2_400, 4_200), 8.0)
    } else {
        (Kind::ElectionNight, random.between(3_000, 9_000), 20.0)
    };
    Event {
        kind,
        service,
        start,
        end: start + seconds as i64,
        factor,
        ordinary: 0.0,
        clients: 0,
        pulses: None,
    }
}

fn flood(service: u32, number: usize, wanted: &Wanted, random: &mut Random) -> Event {
    let start = random.between(wanted.quiet as u64, wanted.span.max(1) as u64) as i64;
    let factor = FACTORS.get(number % FACTORS.len()).copied().unwrap_or(2.0);
    let kind = FLOODS.get(number % FLOODS.len()).copied().unwrap_or(Kind::FixedPath);
    // From 30 s to 30 min, short ones as often as long ones.
    let seconds = (30.0 * 60.0_f64.powf(random.unit())) as i64;
    let pulses = (kind == Kind::Slow && seconds >= 240 || random.unit() < 0.2)
        .then(|| (random.between(10, 40) as i64, random.between(20, 90) as i64));
    let pulses = pulses.filter(|(on, off)| seconds >= 2 * (on + off));
    let clients = random.pick(&CLIENTS).unwrap_or(1);
    Event { kind, service, start, end: start + seconds, factor, ordinary: 0.0, clients, pulses }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(service: u32) -> Vec<Event> {
        let wanted = Wanted { quiet: 86_400, span: 14 * 86_400, floods: 40, surges: 3 };
        plan(service, &wanted, &mut Random::new(u64::from(service)), |_| 5.0)
    }

    #[test]
    fn events_keep_apart_and_within_the_days() {
        for service in 0..5 {
            let events = planned(service);
            assert!(events.len() > 35, "{}", events.len());
            assert!(events.windows(2).all(|pair| pair[0].end + APART <= pair[1].start));
            assert!(events.iter().all(|event| event.start >= 86_400 && event.end <= 14 * 86_400));
            assert_eq!(events, planned(service), "the same seed gives the same plan");
        }
    }

    #[test]
    fn every_kind_and_factor_comes() {
        let events: Vec<Event> = (0..12).flat_map(planned).collect();
        for kind in FLOODS {
            for factor in FACTORS {
                let have =
                    events.iter().any(|event| event.kind == kind && (event.factor - factor).abs() < 1e-9);
                assert!(have, "{kind:?} {factor}");
            }
        }
        for clients in CLIENTS {
            assert!(events.iter().any(|event| event.clients == clients), "{clients}");
        }
        let floods = || events.iter().filter(|event| event.kind.is_flood());
        assert!(floods().any(|event| event.pulses.is_some()));
        assert!(floods().all(|event| (30..=1_800).contains(&(event.end - event.start))));
        assert!(floods().any(|event| event.end - event.start < 60));
        assert!(floods().any(|event| event.end - event.start > 1_200));
    }

    #[test]
    fn what_is_added_has_the_factor_and_its_shape() {
        let event = |kind, pulses| Event {
            kind,
            service: 0,
            start: 100,
            end: 1_900,
            factor: 3.0,
            ordinary: 0.0,
            clients: 1,
            pulses,
        };
        let steady = event(Kind::FixedPath, None);
        assert_eq!([99, 100, 1_899, 1_900].map(|second| steady.added(second)), [0.0, 2.0, 2.0, 0.0]);
        let pulsed = event(Kind::FixedPath, Some((10, 20)));
        assert_eq!([100, 109, 110, 129, 130].map(|second| pulsed.added(second)), [2.0, 2.0, 0.0, 0.0, 2.0]);
        let night = event(Kind::ElectionNight, None);
        assert!(night.added(160) < 0.3 && night.added(800) > 1.9 && night.added(1_880) < 0.1);
        let news = event(Kind::NewsLink, None);
        assert!(news.added(190) > 1.9 && news.added(1_800) < 0.7);
    }
}
