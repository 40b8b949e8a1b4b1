//! A folder of what is known: lists by country and day, events, claims, techniques, own incidents. Read for the forecast, never written.
//!
//! ```text
//! ddosia/ddosia_covered_days.csv     date,snapshots                                   days that are known
//! ddosia/ddosia_country_days.csv     date,cc,hosts,public_hosts,parliament_hosts      what was listed on them
//! ddosia/ddosia_target_days.csv[.gz] date,host,…,methods,ports                        or ddosia/ddosia_techniques.csv
//! events/political_events.csv        date,scope,type,title,known_from,verified,source
//! claims.csv, incidents/ukraine_war_corpus_cissm_csis_cfr.csv                         claims of actors
//! own_incidents.csv                  date,kind,degraded,note
//! ```
//! Only the first, second and fourth are needed. Files are read up to [`MAXIMUM_FILE_BYTES`], unpacked.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use flate2::read::MultiGzDecoder;
use foresee::event::{self, Event};
use foresee::mix::{self, Claim, Mix};
use foresee::own::{self, Incident};
use foresee::panel::{Panel, places};
use foresee::{Day, Problem};

/// Longest file, unpacked.
pub const MAXIMUM_FILE_BYTES: u64 = 256 << 20;

/// What a folder holds.
#[derive(Debug, Clone, Default)]
pub struct Folder {
    /// Lists by country and day.
    pub panel: Option<Panel>,
    /// Events.
    pub events: Vec<Event>,
    /// Claims.
    pub claims: Vec<Claim>,
    /// Techniques.
    pub mix: Mix,
    /// Own incidents and drills.
    pub incidents: Vec<Incident>,
    /// Rows that could not be read, with the file that they are in.
    pub skipped: Vec<(String, usize)>,
}

/// The text of a file, unpacked if it is packed with gzip.
///
/// # Errors
/// When it cannot be read, is too long or is not UTF-8.
pub fn text(path: &Path) -> Result<String> {
    let name = path.display();
    let file = File::open(path).with_context(|| format!("cannot read {name}"))?;
    let mut bytes = Vec::new();
    let limit = MAXIMUM_FILE_BYTES + 1;
    if path.extension().is_some_and(|extension| extension == "gz") {
        MultiGzDecoder::new(file).take(limit).read_to_end(&mut bytes)
    } else {
        file.take(limit).read_to_end(&mut bytes)
    }
    .with_context(|| format!("cannot read {name}"))?;
    if bytes.len() as u64 > MAXIMUM_FILE_BYTES {
        bail!("{name} has more than {MAXIMUM_FILE_BYTES} bytes");
    }
    String::from_utf8(bytes).with_context(|| format!("{name} is not UTF-8"))
}

/// A file of the folder, packed or not; nothing if it is not there.
fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    let packed = format!("{name}.gz");
    [name, packed.as_str()].iter().map(|name| folder.join(name)).find(|path| path.is_file())
}

impl Folder {
    /// Reads a folder, until the day `until`; `own` is a country that is forecast beside the usual ones.
    ///
    /// # Errors
    /// When a needed file is missing, or a row would make a run look ahead.
    pub fn read(folder: &Path, own: Option<&str>, until: Day) -> Result<Self> {
        let needed =
            |name: &str| find(folder, name).with_context(|| format!("{} has no {name}", folder.display()));
        let covered = needed("ddosia/ddosia_covered_days.csv")?;
        let days = needed("ddosia/ddosia_country_days.csv")?;
        let (covered_name, days_name) = (covered.display().to_string(), days.display().to_string());
        let panel = Panel::read(
            (&covered_name, &text(&covered)?),
            (&days_name, &text(&days)?),
            &places(own, true),
            until,
        )?;
        let mut read =
            Self { skipped: vec![(days_name, panel.skipped)], panel: Some(panel), ..Self::default() };
        read.events(&needed("events/political_events.csv")?)?;
        for name in ["claims.csv", "incidents/ukraine_war_corpus_cissm_csis_cfr.csv"] {
            if let Some(path) = find(folder, name) {
                read.claims(&path)?;
            }
        }
        for name in ["ddosia/ddosia_target_days.csv", "ddosia/ddosia_techniques.csv"] {
            if let Some(path) = find(folder, name) {
                let name = path.display().to_string();
                read.mix = Mix::read(&name, &text(&path)?)?;
                read.skipped.push((name, read.mix.skipped));
                break;
            }
        }
        if let Some(path) = find(folder, "own_incidents.csv") {
            read.incidents(&path, until)?;
        }
        read.skipped.retain(|(_, count)| *count > 0);
        Ok(read)
    }

    /// Adds the events of a file.
    ///
    /// # Errors
    /// When it cannot be read, or an event was known only after it happened.
    pub fn events(&mut self, path: &Path) -> Result<()> {
        let name = path.display().to_string();
        let (mut events, skipped) = event::read(&name, &text(path)?)?;
        self.events.append(&mut events);
        self.skipped.push((name, skipped));
        Ok(())
    }

    /// Adds the claims of a file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn claims(&mut self, path: &Path) -> Result<()> {
        let name = path.display().to_string();
        let (mut claims, skipped) = mix::claims(&name, &text(path)?)?;
        self.claims.append(&mut claims);
        self.skipped.push((name, skipped));
        Ok(())
    }

    /// Adds own incidents and drills.
    ///
    /// # Errors
    /// When it cannot be read, or one lies after `until`.
    pub fn incidents(&mut self, path: &Path, until: Day) -> Result<()> {
        let name = path.display().to_string();
        let (mut incidents, skipped) = own::incidents(&name, &text(path)?, until)?;
        self.incidents.append(&mut incidents);
        self.skipped.push((name, skipped));
        Ok(())
    }

    /// The panel.
    ///
    /// # Errors
    /// When there is none.
    pub fn panel(&self) -> Result<&Panel, Problem> {
        self.panel.as_ref().ok_or_else(|| Problem::Empty { file: "the folder".to_owned() })
    }
}
