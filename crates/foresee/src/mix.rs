//! Who is active and how they attack: shares that fade, with their age.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::day::Day;
use crate::memory::HALF_LIFE_DAYS;
use crate::panel::table;
use crate::problem::Problem;
use crate::technique::Technique;

/// Most claims.
pub const MAXIMUM_CLAIMS: usize = 262_144;
/// Days after which a mix of techniques is old.
pub const OLD_DAYS: i32 = 120;

/// Somebody says that they attack somebody.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Claim {
    /// The day.
    pub date: Day,
    /// Who says it.
    pub actor: String,
    /// Two or three letters of the country, or empty.
    pub country: String,
    /// Whom.
    pub target: String,
    /// Where it was read.
    pub source: String,
}

/// Reads claims: `date,actor` and, under one of several names, country and target. Gives how many rows were skipped.
///
/// # Errors
/// When a column is missing or there are too many.
pub fn claims(file: &str, text: &str) -> Result<(Vec<Claim>, usize), Problem> {
    let mut table = table(file, text, &["date", "actor"])?;
    let (mut claims, mut skipped) = (Vec::new(), 0);
    let first = ["country", "cc", "target_country_iso", "target_country"];
    while let Some(row) = table.next_row() {
        let (date, actor) = (Day::parse(table.get(&row, "date")), table.get(&row, "actor"));
        let Some(date) = date.filter(|_| !actor.is_empty()) else {
            skipped += 1;
            continue;
        };
        if claims.len() == MAXIMUM_CLAIMS {
            return Err(Problem::TooMuch { file: file.to_owned(), limit: MAXIMUM_CLAIMS, what: "claims" });
        }
        let text = |names: &[&str]| {
            names
                .iter()
                .map(|name| table.get(&row, name))
                .find(|text| !text.is_empty())
                .unwrap_or_default()
                .to_owned()
        };
        claims.push(Claim {
            date,
            actor: actor.to_owned(),
            country: two_letters(&text(&first)),
            target: text(&["target", "target_actor", "host"]),
            source: text(&["source", "url"]),
        });
    }
    Ok((claims, skipped + table.skipped))
}

/// ISO 3166-1 codes of three letters of the countries that are forecast, as some feeds have them.
const THREE: [(&str, &str); 40] = [
    ("AUS", "au"),
    ("AUT", "at"),
    ("BEL", "be"),
    ("BGR", "bg"),
    ("CAN", "ca"),
    ("CHE", "ch"),
    ("CYP", "cy"),
    ("CZE", "cz"),
    ("DEU", "de"),
    ("DNK", "dk"),
    ("ESP", "es"),
    ("EST", "ee"),
    ("FIN", "fi"),
    ("FRA", "fr"),
    ("GBR", "gb"),
    ("GRC", "gr"),
    ("HRV", "hr"),
    ("HUN", "hu"),
    ("IRL", "ie"),
    ("ISL", "is"),
    ("ISR", "il"),
    ("ITA", "it"),
    ("JPN", "jp"),
    ("KOR", "kr"),
    ("LTU", "lt"),
    ("LUX", "lu"),
    ("LVA", "lv"),
    ("MDA", "md"),
    ("MLT", "mt"),
    ("NLD", "nl"),
    ("NOR", "no"),
    ("NZL", "nz"),
    ("POL", "pl"),
    ("PRT", "pt"),
    ("ROU", "ro"),
    ("SVK", "sk"),
    ("SVN", "si"),
    ("SWE", "se"),
    ("TWN", "tw"),
    ("UKR", "ua"),
];

fn two_letters(country: &str) -> String {
    let known = THREE.iter().find(|(three, _)| *three == country).map(|(_, two)| (*two).to_owned());
    known.unwrap_or_else(|| country.to_ascii_lowercase())
}

/// An actor's share of recent claims.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ActorShare {
    /// The actor.
    pub actor: String,
    /// Its share.
    pub share: f64,
    /// Its last claim.
    pub last: Day,
}

/// Shares of the claims before a day; what is half a half-life older counts less.
#[must_use]
pub fn actors(claims: &[Claim], before: Day) -> Vec<ActorShare> {
    let mut weights: BTreeMap<&str, (f64, Day)> = BTreeMap::new();
    for claim in claims.iter().filter(|claim| claim.date < before) {
        let weight = 0.5f64.powf(f64::from(before.since(claim.date)) / HALF_LIFE_DAYS);
        let entry = weights.entry(&claim.actor).or_insert((0.0, claim.date));
        *entry = (entry.0 + weight, entry.1.max(claim.date));
    }
    let all: f64 = weights.values().map(|weight| weight.0).sum();
    let mut shares: Vec<ActorShare> = weights
        .into_iter()
        .map(|(actor, (weight, last))| ActorShare {
            actor: actor.to_owned(),
            share: weight / all.max(1e-12),
            last,
        })
        .collect();
    shares.sort_by(|a, b| b.share.total_cmp(&a.share).then_with(|| a.actor.cmp(&b.actor)));
    shares
}

/// Techniques over time.
#[derive(Clone, Debug, Default)]
pub struct Mix {
    /// Listings of each day, and of them those that ask for each technique.
    days: BTreeMap<Day, (u32, BTreeMap<Technique, u32>)>,
    /// Rows that could not be read.
    pub skipped: usize,
}

/// A technique's share of the listings.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct TechniqueShare {
    /// The technique.
    pub technique: Technique,
    /// The share of listings that ask for it.
    pub share: f64,
}

impl Mix {
    /// Reads `date,host,methods,ports` with one row for each host and day, or `date,listings,<technique>…` with one for each day.
    ///
    /// # Errors
    /// When a column is missing.
    pub fn read(file: &str, text: &str) -> Result<Self, Problem> {
        let mut table = table(file, text, &["date"])?;
        let mut mix = Self::default();
        let by_host = table.has("host");
        while let Some(row) = table.next_row() {
            let Some(date) = Day::parse(table.get(&row, "date")) else {
                mix.skipped += 1;
                continue;
            };
            if by_host {
                let techniques = table.get(&row, "methods").split(' ').filter(|word| !word.is_empty());
                let mut techniques: Vec<Technique> = techniques.map(|word| Technique::of(word, "")).collect();
                techniques.sort_unstable();
                techniques.dedup();
                let entry = mix.days.entry(date).or_default();
                entry.0 = entry.0.saturating_add(1);
                for technique in techniques {
                    *entry.1.entry(technique).or_default() += 1;
                }
            } else {
                let number = |name: &str| table.get(&row, name).parse::<u32>().unwrap_or(0);
                let entry = mix.days.entry(date).or_default();
                entry.0 = entry.0.saturating_add(number("listings"));
                for technique in Technique::ALL {
                    let count = entry.1.entry(technique).or_default();
                    *count = count.saturating_add(number(technique.name()));
                }
            }
        }
        mix.skipped += table.skipped;
        Ok(mix)
    }

    /// The same on other days.
    #[must_use]
    pub fn moved(self, days: i32) -> Self {
        let moved = |(day, counts): (Day, _)| (day.plus(days), counts);
        Self { days: self.days.into_iter().map(moved).collect(), ..self }
    }

    /// Shares over the half-year before a day, and the age of the newest listing in days. Nothing where there is none.
    #[must_use]
    pub fn shares(&self, before: Day) -> Option<(Vec<TechniqueShare>, i32)> {
        let newest = *self.days.range(..before).next_back()?.0;
        let mut listings = 0.0;
        let mut counts: BTreeMap<Technique, f64> = BTreeMap::new();
        for (_, (all, techniques)) in self.days.range(newest.plus(-182)..before) {
            listings += f64::from(*all);
            for (technique, count) in techniques {
                *counts.entry(*technique).or_default() += f64::from(*count);
            }
        }
        let share = |(technique, count): (Technique, f64)| TechniqueShare {
            technique,
            share: count / f64::max(listings, 1.0),
        };
        let mut shares: Vec<TechniqueShare> =
            counts.into_iter().map(share).filter(|share| share.share > 0.0).collect();
        shares.sort_by(|a, b| b.share.total_cmp(&a.share).then(a.technique.cmp(&b.technique)));
        Some((shares, before.since(newest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_fade_and_know_their_age() {
        let text = "date,actor,cc,target\n2024-01-01,a,be,x\n2024-06-01,b,be,y\nno,c,be,z\n";
        let (claims, skipped) = claims("c", text).unwrap();
        assert_eq!((claims.len(), skipped), (2, 1));
        let shares = actors(&claims, Day::parse("2024-06-02").unwrap());
        assert_eq!(shares[0].actor, "b");
        assert!(
            shares[0].share > 0.65
                && (shares.iter().map(|share| share.share).sum::<f64>() - 1.0).abs() < 1e-9
        );
        assert_eq!(actors(&claims, Day::parse("2024-02-02").unwrap()).len(), 1, "nothing of later");
    }

    #[test]
    fn techniques_are_counted_per_listing() {
        let text = "date,host,methods,ports\n2024-05-01,a.example,tcp-syn http-get http-post,80 443\n\
                    2024-05-02,b.example,tcp-syn,443\n";
        let mix = Mix::read("m", text).unwrap();
        let (shares, age) = mix.shares(Day::parse("2024-05-12").unwrap()).unwrap();
        assert_eq!((shares[0].technique, age), (Technique::TcpSyn, 10));
        assert!((shares[0].share - 1.0).abs() < 1e-12 && (shares[1].share - 0.5).abs() < 1e-12);
        assert!(mix.shares(Day::parse("2024-05-01").unwrap()).is_none());
        let days = Mix::read("d", "date,listings,tcp_syn,http_get\n2024-05-01,4,2,4\n").unwrap();
        assert_eq!(
            days.shares(Day::parse("2024-05-12").unwrap()).unwrap().0[0].technique,
            Technique::HttpGet
        );
    }
}
