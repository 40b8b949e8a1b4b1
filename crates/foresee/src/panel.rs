//! What was listed where on which day: the labels of every forecast.
//!
//! A day without a snapshot is unknown and never nought. Rows of countries that are not forecast are counted, not lost: they
//! say how busy the attackers are elsewhere. Limits: [`MAXIMUM_DAYS`], [`MAXIMUM_PLACES`].

use std::collections::BTreeMap;

use intel::table::Table;

use crate::day::Day;
use crate::problem::Problem;

/// Longest history: about thirty years.
pub const MAXIMUM_DAYS: usize = 11_000;
/// Most places.
pub const MAXIMUM_PLACES: usize = 512;
/// The states of the European Union.
pub const UNION: [&str; 27] = [
    "at", "be", "bg", "cy", "cz", "de", "dk", "ee", "es", "fi", "fr", "gr", "hr", "hu", "ie", "it", "lt",
    "lu", "lv", "mt", "nl", "pl", "pt", "ro", "se", "si", "sk",
];
/// The states beside them that lists name often enough to be forecast.
pub const OTHERS: [&str; 13] = ["au", "ca", "ch", "gb", "il", "is", "jp", "kr", "md", "no", "nz", "tw", "ua"];
/// The bloc whose institutions belong to no single country.
pub const BLOC: &str = "eu";

/// One place on one day.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Cell {
    /// Hosts of the place on the lists of the day.
    pub hosts: u32,
    /// Of them, hosts of public institutions.
    pub public: u32,
    /// Of them, hosts of parliaments.
    pub parliament: u32,
}

/// Days and places.
#[derive(Clone, Debug)]
pub struct Panel {
    /// The first day.
    pub first: Day,
    /// Which days have at least one snapshot.
    pub covered: Vec<bool>,
    /// The places that are forecast, in order of the alphabet, then the bloc if it is asked for.
    pub places: Vec<String>,
    /// How many of them are countries, on which models are fitted and graded.
    pub countries: usize,
    cells: Vec<Cell>,
    /// Hosts of each day wherever they are.
    pub hosts: Vec<u32>,
    /// Rows that could not be read, and rows of days without a snapshot.
    pub skipped: usize,
}

/// Which day a label says yes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Label {
    /// At least one host of a public institution.
    #[default]
    Public,
    /// Any host.
    Any,
}

impl Panel {
    /// From `date,snapshots` and `date,cc,hosts,public_hosts,parliament_hosts`, until the day `until` at most.
    ///
    /// # Errors
    /// When a column is missing, nothing is left, or a row is dated after the last covered day or after `until`.
    pub fn read(
        covered: (&str, &str),
        days: (&str, &str),
        places: &[String],
        until: Day,
    ) -> Result<Self, Problem> {
        let known = covered_days(covered, until)?;
        let empty = || Problem::Empty { file: covered.0.to_owned() };
        let (&first, &last) =
            (known.keys().next().ok_or_else(empty)?, known.keys().next_back().ok_or_else(empty)?);
        let mut panel = Self::empty(first, last, places, covered.0)?;
        for day in known.keys() {
            if let Some(place) = panel.covered.get_mut(day.since(first).unsigned_abs() as usize) {
                *place = true;
            }
        }
        panel.fill(days, last)?;
        Ok(panel)
    }

    /// Days of which nothing is known.
    ///
    /// # Errors
    /// When there are too many days or places.
    pub fn empty(first: Day, last: Day, places: &[String], file: &str) -> Result<Self, Problem> {
        let days = last.since(first).unsigned_abs() as usize + 1;
        let too_much = |limit, what| Problem::TooMuch { file: file.to_owned(), limit, what };
        if days > MAXIMUM_DAYS {
            return Err(too_much(MAXIMUM_DAYS, "days"));
        }
        if places.len() > MAXIMUM_PLACES {
            return Err(too_much(MAXIMUM_PLACES, "places"));
        }
        let countries = places.iter().filter(|place| *place != BLOC).count();
        Ok(Self {
            first,
            covered: vec![false; days],
            places: places.to_vec(),
            countries,
            cells: vec![Cell::default(); days * places.len()],
            hosts: vec![0; days],
            skipped: 0,
        })
    }

    fn fill(&mut self, (file, text): (&str, &str), last: Day) -> Result<(), Problem> {
        let mut table = table(file, text, &["date", "cc", "public_hosts"])?;
        while let Some(row) = table.next_row() {
            let Some(date) = Day::parse(table.get(&row, "date")) else {
                self.skipped += 1;
                continue;
            };
            if date > last {
                return Err(Problem::LabelFromFuture { file: file.to_owned(), line: row.line, date, last });
            }
            let number = |name: &str| table.get(&row, name).parse::<u32>().ok();
            let at = usize::try_from(date.since(self.first))
                .ok()
                .filter(|at| self.covered.get(*at) == Some(&true));
            let (Some(at), Some(public)) = (at, number("public_hosts")) else {
                self.skipped += 1;
                continue;
            };
            let cell = Cell {
                hosts: number("hosts").unwrap_or(public),
                public,
                parliament: number("parliament_hosts").unwrap_or(0),
            };
            if let Some(hosts) = self.hosts.get_mut(at) {
                *hosts = hosts.saturating_add(cell.hosts);
            }
            let cc = table.get(&row, "cc");
            if let Some(place) = self.places.iter().position(|place| place == cc) {
                self.set(at, place, cell);
            }
        }
        self.skipped += table.skipped;
        Ok(())
    }

    /// How many days there are, with those that are unknown.
    #[must_use]
    pub fn days(&self) -> usize {
        self.covered.len()
    }

    /// The number of a day; nothing before the first one. May lie behind the last one.
    #[must_use]
    pub fn number(&self, day: Day) -> Option<usize> {
        usize::try_from(day.since(self.first)).ok()
    }

    /// A day by its number.
    #[must_use]
    pub fn day(&self, number: usize) -> Day {
        self.first.plus(i32::try_from(number).unwrap_or(i32::MAX))
    }

    /// Whether there was a snapshot.
    #[must_use]
    pub fn is_covered(&self, day: usize) -> bool {
        self.covered.get(day).copied().unwrap_or(false)
    }

    /// One place on one day; nothing listed where nothing is known.
    #[must_use]
    pub fn cell(&self, day: usize, place: usize) -> Cell {
        if place >= self.places.len() {
            return Cell::default();
        }
        self.cells.get(day * self.places.len() + place).copied().unwrap_or_default()
    }

    /// Sets one place on one day, which is covered then.
    pub fn set(&mut self, day: usize, place: usize, cell: Cell) {
        if place >= self.places.len() {
            return;
        }
        if let Some(covered) = self.covered.get_mut(day) {
            *covered = true;
        }
        if let Some(old) = self.cells.get_mut(day * self.places.len() + place) {
            *old = cell;
        }
    }

    /// Whether a place is listed on a day.
    #[must_use]
    pub fn listed(&self, day: usize, place: usize, label: Label) -> bool {
        let cell = self.cell(day, place);
        match label {
            Label::Public => cell.public > 0,
            Label::Any => cell.hosts > 0,
        }
    }

    /// The number of a place.
    #[must_use]
    pub fn place(&self, name: &str) -> Option<usize> {
        self.places.iter().position(|place| place == name)
    }

    /// Everything before a day, as it could be known on its morning; days that have no snapshot yet are unknown.
    #[must_use]
    pub fn before(&self, day: Day) -> Self {
        let keep = usize::try_from(day.since(self.first)).unwrap_or(0).min(MAXIMUM_DAYS);
        let mut panel = self.clone();
        panel.covered.resize(keep, false);
        panel.hosts.resize(keep, 0);
        panel.cells.resize(keep * self.places.len(), Cell::default());
        panel
    }

    /// The same without the bloc: countries alone.
    #[must_use]
    pub fn without_bloc(mut self) -> Self {
        let (all, countries) = (self.places.len(), self.countries);
        if all > countries {
            self.cells = self.cells.chunks(all).flat_map(|row| row.iter().take(countries)).copied().collect();
            self.places.truncate(countries);
        }
        self
    }

    /// The last day with a snapshot.
    #[must_use]
    pub fn last_covered(&self) -> Option<Day> {
        self.covered.iter().rposition(|covered| *covered).map(|day| self.day(day))
    }
}

/// The places that are forecast: the countries, the own one if it is another, and the bloc.
#[must_use]
pub fn places(own: Option<&str>, with_bloc: bool) -> Vec<String> {
    let mut places: Vec<String> = UNION.iter().chain(&OTHERS).map(|place| (*place).to_owned()).collect();
    if let Some(own) = own.filter(|own| *own != BLOC && !places.iter().any(|place| place == own)) {
        places.push(own.to_owned());
    }
    places.sort();
    if with_bloc {
        places.push(BLOC.to_owned());
    }
    places
}

fn covered_days((file, text): (&str, &str), until: Day) -> Result<BTreeMap<Day, usize>, Problem> {
    let mut table = table(file, text, &["date"])?;
    let mut known = BTreeMap::new();
    while let Some(row) = table.next_row() {
        let Some(date) = Day::parse(table.get(&row, "date")) else { continue };
        if date > until {
            return Err(Problem::LabelFromFuture {
                file: file.to_owned(),
                line: row.line,
                date,
                last: until,
            });
        }
        known.insert(date, row.line);
    }
    Ok(known)
}

/// A table with these columns.
pub(crate) fn table<'a>(file: &str, text: &'a str, columns: &[&'static str]) -> Result<Table<'a>, Problem> {
    let table = Table::new(text).ok_or_else(|| Problem::Empty { file: file.to_owned() })?;
    match columns.iter().find(|column| !table.has(column)) {
        Some(column) => Err(Problem::Column { file: file.to_owned(), column }),
        None => Ok(table),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COVERED: &str = "date,snapshots\n2024-01-01,2\n2024-01-02,1\n2024-01-04,1\n";
    const HEADER: &str = "date,cc,hosts,public_hosts,parliament_hosts\n";

    fn read(rows: &str) -> Result<Panel, Problem> {
        let until = Day::parse("2024-06-01").unwrap();
        Panel::read(("covered", COVERED), ("days", &format!("{HEADER}{rows}")), &places(None, true), until)
    }

    #[test]
    fn a_day_without_a_snapshot_is_unknown() {
        let panel =
            read("2024-01-01,be,3,2,1\n2024-01-03,be,1,1,0\n2024-01-02,xx,4,0,0\nnever,be,1,1,1\n").unwrap();
        let be = panel.place("be").unwrap();
        assert_eq!(panel.cell(0, be), Cell { hosts: 3, public: 2, parliament: 1 });
        assert_eq!(panel.covered, [true, true, false, true]);
        assert!(!panel.listed(2, be, Label::Public));
        assert_eq!((panel.skipped, panel.hosts[1]), (2, 4));
        assert_eq!((panel.places.len(), panel.countries), (41, 40));
        assert_eq!(panel.before(Day::parse("2024-01-02").unwrap()).days(), 1);
    }

    #[test]
    fn a_label_of_the_future_stops_the_run_with_its_row() {
        let problem = read("2024-01-01,be,3,2,1\n2024-01-05,be,1,1,0\n").unwrap_err();
        assert!(matches!(&problem, Problem::LabelFromFuture { line: 3, .. }), "{problem}");
        let until = Day::parse("2024-01-03").unwrap();
        let problem =
            Panel::read(("covered", COVERED), ("days", HEADER), &places(None, false), until).unwrap_err();
        assert!(matches!(&problem, Problem::LabelFromFuture { line: 4, .. }), "{problem}");
    }
}
