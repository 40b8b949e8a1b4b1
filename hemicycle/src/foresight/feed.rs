//! `hemicycle foresee intel feed` and `write-feed`: feeds in MISP's form, from and into folders, and from servers.
//!
//! Everything that comes is bounded, and a broken event costs itself. What was taken is written down after it is kept, so that an end in the
//! middle takes things twice and loses none.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use intel::feed::{MAXIMUM_MANIFEST_BYTES, Taken, of_indicators};
use intel::indicator::Indicator;
use intel::misp::{self, Listed, MAXIMUM_EVENT_BYTES};
use intel::tlp::Audience;
use notify::{FetchLimits, Source};
use serde_json::json;

use super::import::add_indicators;
use super::store::Store;
use super::{line, output};
use crate::files;
use crate::style::plain;

/// Where it is written down which events of which feed were taken.
const TAKEN: &str = "feeds.json";
/// Feeds of one store.
const MAXIMUM_FEEDS: usize = 256;
/// After so many events in a row that cannot be got nobody is there any more.
const FAILURES_IN_A_ROW: usize = 10;
/// Indicators that are kept together.
const KEPT_TOGETHER: usize = 50_000;
/// Events that are kept together: an end in the middle asks for no more of them again.
const KEPT_EVENTS: usize = 1_000;
/// Bytes of events that are kept together.
const KEPT_BYTES: u64 = 64 << 20;
/// Most indicators of one run.
const MAXIMUM_INDICATORS: usize = 2_000_000;
/// Bytes of events after which a run ends.
const MAXIMUM_RUN_BYTES: u64 = 4 << 30;
/// Time after which a run ends.
const MAXIMUM_RUN_TIME: Duration = Duration::from_secs(3_600);

/// Where a feed is.
enum Feed {
    Folder(PathBuf),
    Web(Source, Duration),
}

impl Feed {
    /// A folder, or an address of the web.
    fn open(place: &str, allow_plain: bool, ca_file: Option<&Path>, timeout: Duration) -> Result<Self> {
        if place.starts_with("https://") || place.starts_with("http://") {
            let place = place.strip_suffix("/manifest.json").unwrap_or(place);
            return Ok(Self::Web(Source::open(place, allow_plain, ca_file)?, timeout));
        }
        let folder = PathBuf::from(place);
        if !folder.is_dir() {
            bail!("{} is no folder", folder.display());
        }
        Ok(Self::Folder(folder))
    }

    /// The text of one of its files.
    fn get(&self, name: &str, body_bytes: usize) -> Result<String> {
        let bytes = match self {
            Self::Folder(folder) => {
                let path = folder.join(name);
                // A link may lead anywhere, and a pipe never ends.
                let data = fs::symlink_metadata(&path).with_context(|| format!("cannot read {name}"))?;
                if !data.is_file() {
                    bail!("{name} is no file");
                }
                let mut bytes = Vec::new();
                File::open(&path)
                    .and_then(|file| file.take(body_bytes as u64 + 1).read_to_end(&mut bytes))
                    .with_context(|| format!("cannot read {name}"))?;
                if bytes.len() > body_bytes {
                    bail!("{name} has more than {body_bytes} bytes");
                }
                bytes
            }
            Self::Web(source, timeout) => {
                let limits = FetchLimits { timeout: *timeout, body_bytes };
                let fetched = source
                    .get(&format!("/{name}"), &[], limits)
                    .map_err(|why| anyhow::anyhow!("{name}: {why}"))?;
                if fetched.status != 200 {
                    bail!("{name}: {} answered {}", source.target(), fetched.status);
                }
                fetched.body
            }
        };
        String::from_utf8(bytes).with_context(|| format!("{name} is not UTF-8"))
    }
}

/// What became of a run.
#[derive(Default)]
struct Run {
    events: usize,
    indicators: usize,
    /// Attributes that say nothing about one value, or could not be read; entries of the manifest that name no event.
    skipped: usize,
    /// Events that are none.
    broken: usize,
    /// Events that could not be got; they are asked for again.
    failed: usize,
    in_a_row: usize,
    /// Bytes of events, and of those that are not kept yet.
    bytes: u64,
    waiting_bytes: u64,
    first_failure: Option<String>,
}

/// Takes up what is new in a feed.
///
/// # Errors
/// When it has no manifest, or kept something back; what it gave is kept.
pub(super) fn take(
    (place, allow_plain, ca_file): (&str, bool, Option<&Path>),
    timeout: Duration,
    store: &Store,
    as_json: bool,
) -> Result<()> {
    let feed = Feed::open(place, allow_plain, ca_file, timeout)?;
    let text = feed.get("manifest.json", MAXIMUM_MANIFEST_BYTES)?;
    let (manifest, skipped) = misp::manifest(&text).context("manifest.json cannot be used")?;
    let mut feeds: BTreeMap<String, Taken> = match store.small(TAKEN)? {
        Some(text) => serde_json::from_str(&text).context("feeds.json of the store is broken")?,
        None => BTreeMap::new(),
    };
    if feeds.len() >= MAXIMUM_FEEDS && !feeds.contains_key(place) {
        bail!("the store has taken from {MAXIMUM_FEEDS} feeds already");
    }
    let mut taken = feeds.remove(place).unwrap_or_default();
    taken.keep(&manifest);
    let (mut run, begun) = (Run { skipped, ..Run::default() }, Instant::now());
    let wanted = taken.wanted(&manifest).into_iter().cloned().collect::<Vec<_>>();
    let (mut waiting, mut noted): (Vec<Indicator>, Vec<Listed>) = (Vec::new(), Vec::new());
    for event in wanted {
        if let Some(why) = run.ends(begun.elapsed()) {
            run.failed += 1;
            run.first_failure.get_or_insert(why);
            continue;
        }
        if run.one(&feed, &event, &mut waiting) {
            noted.push(event);
        }
        if run.is_to_keep(waiting.len(), noted.len()) {
            run.waiting_bytes = 0;
            keep(store, (place, &mut feeds), &mut taken, (&mut waiting, &mut noted))?;
        }
    }
    keep(store, (place, &mut feeds), &mut taken, (&mut waiting, &mut noted))?;
    run.tell(place, as_json)
}

/// First what was given, then that it was taken.
fn keep(
    store: &Store,
    (place, feeds): (&str, &mut BTreeMap<String, Taken>),
    taken: &mut Taken,
    (waiting, noted): (&mut Vec<Indicator>, &mut Vec<Listed>),
) -> Result<()> {
    add_indicators(store, waiting)?;
    waiting.clear();
    noted.drain(..).for_each(|event| taken.note(&event));
    feeds.insert(place.to_owned(), taken.clone());
    store.replace(TAKEN, &serde_json::to_string(feeds)?)
}

impl Run {
    /// Why nothing more is asked for; what is left comes the next time.
    fn ends(&self, elapsed: Duration) -> Option<String> {
        let reached = [
            (self.in_a_row >= FAILURES_IN_A_ROW, format!("{FAILURES_IN_A_ROW} failures in a row")),
            (self.indicators >= MAXIMUM_INDICATORS, format!("{MAXIMUM_INDICATORS} indicators")),
            (self.bytes >= MAXIMUM_RUN_BYTES, format!("{MAXIMUM_RUN_BYTES} bytes")),
            (elapsed >= MAXIMUM_RUN_TIME, format!("{} seconds", MAXIMUM_RUN_TIME.as_secs())),
        ];
        reached.into_iter().find_map(|(reached, what)| reached.then(|| format!("a run ends after {what}")))
    }

    /// Whether so much waits that it is kept before anything else.
    const fn is_to_keep(&self, indicators: usize, events: usize) -> bool {
        indicators >= KEPT_TOGETHER || events >= KEPT_EVENTS || self.waiting_bytes >= KEPT_BYTES
    }

    /// One event. Whether it need not be asked for again.
    fn one(&mut self, feed: &Feed, event: &Listed, waiting: &mut Vec<Indicator>) -> bool {
        let text = match feed.get(&format!("{}.json", event.uuid), MAXIMUM_EVENT_BYTES) {
            Ok(text) => text,
            Err(why) => {
                self.failed += 1;
                self.in_a_row += 1;
                self.first_failure.get_or_insert_with(|| format!("{why:#}"));
                return false;
            }
        };
        self.in_a_row = 0;
        self.bytes += text.len() as u64;
        self.waiting_bytes += text.len() as u64;
        match misp::read(&text) {
            Ok(mut read) => {
                self.events += 1;
                self.indicators += read.indicators.len();
                self.skipped += read.skipped + read.other;
                waiting.append(&mut read.indicators);
            }
            // It will be no better until it changes.
            Err(_) => self.broken += 1,
        }
        true
    }

    fn tell(&self, place: &str, as_json: bool) -> Result<()> {
        let mut output = output();
        if as_json {
            line(
                &mut output,
                &json!({"kind": "feed", "source": place, "events": self.events, "indicators": self.indicators,
                "skipped": self.skipped, "broken": self.broken, "failed": self.failed}),
            )?;
        } else {
            writeln!(
                output,
                "{} indicators of {} events of {}, {} attributes skipped, {} events broken",
                self.indicators,
                self.events,
                plain(place),
                self.skipped,
                self.broken
            )?;
        }
        output.flush()?;
        match &self.first_failure {
            Some(why) => bail!("{} events did not come, and are asked for again: {why}", self.failed),
            None => Ok(()),
        }
    }
}

/// Writes a feed into a folder. Events that an earlier run wrote there and that are not part of it any more are taken away, since their marking may have
/// become narrower: before anything else, while the manifest that names them is there. An end in the middle leaves nothing behind that no run knows of.
///
/// # Errors
/// When something cannot be written.
pub(super) fn write(
    indicators: &[Indicator],
    audience: Audience,
    folder: &Path,
    organisation: &str,
) -> Result<()> {
    let now = u32::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0);
    let feed = of_indicators(indicators, organisation, audience, now);
    let target = Store::open(folder)?;
    let before = match target.small("manifest.json")? {
        Some(text) => misp::manifest(&text).context("manifest.json of the folder is not a feed's")?.0,
        None => Vec::new(),
    };
    for event in before {
        let name = format!("{}.json", event.uuid);
        let path = folder.join(&name);
        if !feed.events.iter().any(|(known, _)| *known == name) && path.is_file() {
            fs::remove_file(&path).with_context(|| format!("cannot take away {name}"))?;
        }
    }
    for (name, event) in &feed.events {
        target.replace(name, &serde_json::to_string(event)?)?;
    }
    target.replace("manifest.json", &serde_json::to_string(&feed.manifest)?)?;
    files::eprint_text(&format!(
        "{} events written, {} indicators withheld: their marking does not reach this audience\n",
        feed.events.len(),
        feed.withheld
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_at_each_of_its_limits_and_keeps_what_it_has_on_its_way() {
        let short = Duration::from_secs(1);
        assert_eq!(Run::default().ends(short), None);
        for (run, elapsed, said) in [
            (Run { in_a_row: FAILURES_IN_A_ROW, ..Run::default() }, short, "failures"),
            (Run { indicators: MAXIMUM_INDICATORS, ..Run::default() }, short, "indicators"),
            (Run { bytes: MAXIMUM_RUN_BYTES, ..Run::default() }, short, "bytes"),
            (Run::default(), MAXIMUM_RUN_TIME, "seconds"),
        ] {
            assert!(run.ends(elapsed).is_some_and(|why| why.contains(said)), "{said}");
        }
        let run = Run::default();
        assert!(!run.is_to_keep(KEPT_TOGETHER - 1, KEPT_EVENTS - 1));
        assert!(run.is_to_keep(KEPT_TOGETHER, 0) && run.is_to_keep(0, KEPT_EVENTS));
        let mut run = Run { waiting_bytes: KEPT_BYTES, ..Run::default() };
        assert!(run.is_to_keep(0, 0));
        // Bytes are counted of events that are broken too.
        let folder = tempfile::tempdir().unwrap();
        let listed = Listed {
            uuid: "00000001-1111-4111-8111-111111111111".to_owned(),
            timestamp: 0,
            info: String::new(),
        };
        fs::write(folder.path().join(format!("{}.json", listed.uuid)), "[".repeat(1_000)).unwrap();
        assert!(run.one(&Feed::Folder(folder.path().to_owned()), &listed, &mut Vec::new()));
        assert_eq!((run.bytes, run.waiting_bytes, run.broken), (1_000, KEPT_BYTES + 1_000, 1));
    }
}
