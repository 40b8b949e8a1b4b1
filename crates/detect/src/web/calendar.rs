//! Times in which many people will come, as the institution file says.
//!
//! An election night is known beforehand. What is known raises what may come without being called a surge. It silences no
//! flood of a service whose assets tell how large the crowd is, since nobody's calendar says what a tool does. Where nothing else
//! tells that (a service without assets, as an API), it has to be taken from here: pages and assets are then no flood up to so
//! many times the usual, and a tool that stays below that is not told from the readers that were expected.
//!
//! Limits: of several events at one time the largest counts.

use institution::Institution;

use crate::event::ExpectedCrowd;

/// One of them.
#[derive(Clone, Debug)]
struct Window {
    /// Seconds since 1970: the first, and the one after the last.
    start: i64,
    end: i64,
    /// Numbers of the services; none: all.
    services: Vec<u32>,
    crowd: ExpectedCrowd,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calendar {
    windows: Vec<Window>,
    /// Places of those that hold now.
    now: Vec<usize>,
    /// Until when `now` holds.
    until: Option<i64>,
}

impl Calendar {
    /// That of an institution, whose services have these numbers, in the order of the file.
    pub(crate) fn of(institution: &Institution, numbers: &[Option<u32>]) -> Self {
        let windows = institution.detect.expected.iter().filter_map(|expected| {
            let number = |service: &institution::ServiceId| numbers.get(usize::from(service.0)).copied()?;
            let services: Vec<_> = expected.services.iter().filter_map(number).collect();
            // One for services that there was no room for is not one for all.
            (expected.services.is_empty() || !services.is_empty()).then(|| Window {
                start: expected.start.as_second(),
                end: expected.end.as_second(),
                services,
                crowd: ExpectedCrowd { reason: expected.reason.clone(), times: expected.times },
            })
        });
        Self { windows: windows.collect(), now: Vec::new(), until: None }
    }

    /// It is a second. Call it before [`Calendar::at`].
    pub(crate) fn turn(&mut self, second: u32) {
        let second = i64::from(second);
        if self.windows.is_empty() || self.until.is_some_and(|until| second < until) {
            return;
        }
        let holds = |window: &Window| (window.start..window.end).contains(&second);
        self.now = (0..self.windows.len()).filter(|place| holds(&self.windows[*place])).collect();
        let turns = self.windows.iter().flat_map(|window| [window.start, window.end]);
        self.until = Some(turns.filter(|turn| *turn > second).min().unwrap_or(i64::MAX));
    }

    /// The clock was set back.
    pub(crate) const fn begin_again(&mut self) {
        self.until = None;
    }

    /// What is expected of a service now.
    pub(crate) fn at(&self, service: u32) -> Option<&ExpectedCrowd> {
        let windows = self.now.iter().filter_map(|place| self.windows.get(*place));
        let concerns = |window: &&Window| window.services.is_empty() || window.services.contains(&service);
        let crowds = windows.filter(concerns).map(|window| &window.crowd);
        crowds.max_by(|one, other| one.times.total_cmp(&other.times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_event_of_a_time_and_service_holds() {
        let text = "[institution]\nname = \"A\"\n[zone.public]\nprefixes = [\"192.0.2.0/25\"]\nexposure = \"internet\"\n\
            [service.www]\nzone = \"public\"\n[service.vote]\nzone = \"public\"\n\
            [[detect.expected]]\nstart = 1970-01-01T01:00:00Z\nend = 1970-01-01T03:00:00Z\nreason = \"night\"\ntimes = 20\n\
            [[detect.expected]]\nstart = 1970-01-01T02:00:00Z\nend = 1970-01-01T04:00:00Z\nreason = \"result\"\ntimes = 50\n\
            services = [\"vote\"]\n";
        let mut calendar = Calendar::of(&institution::parse("t", text).unwrap(), &[Some(7), Some(8)]);
        let mut at = |second: u32, service: u32| {
            calendar.turn(second);
            calendar.at(service).map(|crowd| crowd.times)
        };
        assert_eq!([at(3_599, 7), at(3_600, 7), at(3_600, 8)], [None, Some(20.0), Some(20.0)]);
        assert_eq!([at(7_200, 7), at(7_200, 8)], [Some(20.0), Some(50.0)]);
        assert_eq!([at(10_800, 7), at(10_800, 8), at(14_400, 8)], [None, Some(50.0), None]);
    }
}
