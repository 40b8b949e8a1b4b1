//! The composition of the day: data/demo/day.toml, whose head explains its keys, and the recordings it names. Both
//! are part of the program.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use flate2::read::MultiGzDecoder;
use ipnet::IpNet;
use jiff::civil;
use jiff::tz::TimeZone;
use serde::Deserialize;
use wire::Time;

include!(concat!(env!("OUT_DIR"), "/recordings.rs"));

const DAY: &str = include_str!("../../../data/demo/day.toml");
/// Largest recording after decompression, in bytes.
const RECORDING_BYTES_LIMIT: u64 = 64 << 20;

/// The institution that the day is composed for.
pub(crate) const INSTITUTION: &str = include_str!("../../../data/institution/examplia.toml");
/// Its name in messages.
pub(crate) const INSTITUTION_NAME: &str = "data/institution/examplia.toml";

/// The whole day.
#[derive(Debug, Deserialize)]
pub(crate) struct Day {
    pub(crate) day: Setting,
    #[serde(rename = "scene")]
    pub(crate) scenes: Vec<Scene>,
}

/// What holds for all scenes.
#[derive(Debug, Deserialize)]
pub(crate) struct Setting {
    pub(crate) date: civil::Date,
    pub(crate) time_zone: String,
    /// Where IPv4 addresses go that are neither mapped nor kept.
    pub(crate) unmapped_ipv4: IpNet,
    /// The same for IPv6.
    pub(crate) unmapped_ipv6: IpNet,
    /// Addresses that stay as they are.
    pub(crate) keep: Vec<IpNet>,
}

/// One recording at one time of the day, once or several times.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scene {
    pub(crate) at: civil::Time,
    pub(crate) kind: Kind,
    pub(crate) title: String,
    pub(crate) file: String,
    #[serde(default = "one")]
    pub(crate) speed: f64,
    #[serde(default = "once")]
    pub(crate) repeat: u32,
    pub(crate) loop_seconds: Option<f64>,
    #[serde(default)]
    pub(crate) map: BTreeMap<String, String>,
    pub(crate) expect: Option<Expect>,
    pub(crate) note: String,
}

/// What a scene shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Wanted traffic.
    Ordinary,
    /// A flood, or what acts like one.
    Attack,
}

/// What the detector should say of a scene.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    /// Names that are equally right, separated by `|`.
    pub(crate) vectors: String,
    /// The address or prefix that is attacked.
    pub(crate) target: String,
    #[serde(default)]
    pub(crate) stage: Stage,
}

/// What a scene is seen by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Stage {
    /// Packets, by volume or kind.
    #[default]
    Network,
    /// Connections and requests, which have to be understood.
    Behaviour,
}

const fn one() -> f64 {
    1.0
}

const fn once() -> u32 {
    1
}

impl Day {
    /// The bundled day.
    ///
    /// # Errors
    /// When it contradicts itself, which the tests would have shown.
    pub(crate) fn bundled() -> Result<Self> {
        toml::from_str(DAY).context("the composition of the day is damaged")
    }

    /// Its time zone.
    ///
    /// # Errors
    /// When there is none of that name.
    pub(crate) fn time_zone(&self) -> Result<TimeZone> {
        let name = &self.day.time_zone;
        TimeZone::get(name).with_context(|| format!("there is no time zone {name}"))
    }

    /// A time of that day.
    ///
    /// # Errors
    /// When the day has no such time.
    pub(crate) fn time(&self, at: civil::Time, zone: &TimeZone) -> Result<Time> {
        let zoned = self.day.date.to_datetime(at).to_zoned(zone.clone())?;
        let nanoseconds = i64::try_from(zoned.timestamp().as_nanosecond())?;
        Ok(Time::from_nanoseconds(nanoseconds))
    }
}

/// A recording, unpacked.
#[derive(Clone, Debug)]
pub(crate) struct Recording {
    pub(crate) bytes: Arc<[u8]>,
    /// From its first to its last frame.
    pub(crate) span_seconds: f64,
}

/// Unpacks each recording once.
#[derive(Default)]
pub(crate) struct Recordings(BTreeMap<String, Recording>);

impl Recordings {
    /// A recording by its name in the composition.
    ///
    /// # Errors
    /// When it is not part of the program or is damaged.
    pub(crate) fn get(&mut self, name: &str) -> Result<Recording> {
        if let Some(known) = self.0.get(name) {
            return Ok(known.clone());
        }
        let found = FILES.iter().find(|(known, _)| *known == name);
        let (_, packed) = found.with_context(|| format!("{name} is not part of this program"))?;
        let recording = unpack(packed).with_context(|| format!("the recording {name} is unusable"))?;
        self.0.insert(name.to_owned(), recording.clone());
        Ok(recording)
    }
}

fn unpack(packed: &[u8]) -> Result<Recording> {
    let mut bytes = Vec::new();
    if packed.starts_with(&[0x1f, 0x8b]) {
        MultiGzDecoder::new(packed).take(RECORDING_BYTES_LIMIT).read_to_end(&mut bytes)?;
    } else {
        bytes.extend_from_slice(packed);
    }
    let (mut first, mut last) = (None, None);
    for frame in wire::capture::frames(&bytes) {
        let time = frame?.time;
        first.get_or_insert(time);
        last = last.max(Some(time));
    }
    let (Some(first), Some(last)) = (first, last) else { bail!("it has no frames") };
    Ok(Recording { bytes: bytes.into(), span_seconds: last.seconds_since(first).max(0.0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_recordings_does_not_say_where_it_was_made() {
        let list = include_str!(concat!(env!("OUT_DIR"), "/recordings.rs"));
        let (all, relative) = ("include_bytes!(", "include_bytes!(concat!(env!(\"CARGO_MANIFEST_DIR\"), ");
        assert!(list.contains(all));
        assert_eq!(list.matches(all).count(), list.matches(relative).count(), "two checkouts, two programs");
    }

    #[test]
    fn the_bundled_day_is_whole() {
        let day = Day::bundled().unwrap();
        let zone = day.time_zone().unwrap();
        let mut recordings = Recordings::default();
        for scene in &day.scenes {
            recordings.get(&scene.file).unwrap();
            assert!(
                day.time(scene.at, &zone).is_ok() && scene.speed > 0.0 && scene.repeat > 0,
                "{}",
                scene.title
            );
            assert_eq!(scene.kind == Kind::Attack, scene.expect.is_some(), "{}", scene.title);
        }
        assert!(day.scenes.iter().map(|scene| scene.repeat as usize).sum::<usize>() <= intake::MAX_INPUTS);
        institution::parse(INSTITUTION_NAME, INSTITUTION).unwrap();
    }
}
