//! The indicators of a store for a service that looks for them.

use std::path::{Path, PathBuf};

use anyhow::Result;
use institution::Institution;
use intel::indicator::{Indicator, Indicators};
use intel::list;
use intel::tlp::Tlp;

use super::intel::warned;
use super::store::Store;

/// Adds every indicator of a store. How many patterns ask for more than one observation, and are left out.
///
/// # Errors
/// When a file cannot be read.
pub(crate) fn read(
    store: &Path,
    warning_lists: &[PathBuf],
    institution: &Institution,
    table: &mut Indicators,
) -> Result<usize> {
    let warnings = warned(Some(institution), warning_lists)?;
    let store = Store::open(store)?;
    let mut add = |indicator: &Indicator| table.add(indicator, &warnings);
    list::read(&store.indicators()?, "store", Tlp::UNMARKED, |indicator| add(&indicator));
    let (of_stix, patterns) = store.library()?.indicators();
    of_stix.iter().for_each(add);
    Ok(patterns)
}
