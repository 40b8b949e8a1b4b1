//! `hemicycle expose`: an institution file, and perhaps flows, to findings.

mod changes;
mod flows;
mod lines;
mod text;
pub(crate) mod view;

use std::fs;
use std::io::{self, BufWriter, Write};

use anyhow::{Context, Result};
use expose::segregation::{Observed, Verdict, judge};
use expose::{Exposure, Fix, Model, fixes};
use institution::Institution;

use crate::cli::ExposeArguments;
use crate::files;
use crate::style::Style;

/// Everything that is told of a file.
pub(crate) struct Told {
    pub(crate) institution: Institution,
    pub(crate) exposure: Exposure,
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) fixes: Vec<Fix>,
    /// None if no flows were given.
    pub(crate) observed: Option<Observed>,
}

/// Reads the file and prints what it is exposed to.
///
/// # Errors
/// When a file is unusable, a change cannot be made, or the output fails. Findings are no error.
pub(crate) fn run(arguments: &ExposeArguments) -> Result<()> {
    let style = Style::new(arguments.color.color, &io::stdout());
    let color = Style::new(arguments.color.color, &io::stderr()).color;
    let institution = files::institution(&arguments.file, color)?;
    let mut output = BufWriter::new(io::stdout().lock());
    if let Some(before) = &arguments.against {
        let before = files::institution(before, color)?;
        changes::between(&before, &institution, arguments.json, style, &mut output)?;
        return Ok(output.flush()?);
    }
    if !arguments.what_if.is_empty() {
        changes::what_if(&institution, &arguments.what_if, arguments.json, style, &mut output)?;
        return Ok(output.flush()?);
    }
    let mut told = tell(institution)?;
    if !arguments.flows.is_empty() {
        told.observed = Some(flows::watch(&told.institution, &arguments.flows, &arguments.flow_ports)?);
    }
    if let Some(path) = &arguments.html {
        let document = view::document(&told);
        fs::write(path, document).with_context(|| format!("cannot write {}", files::shown(path)))?;
    }
    if arguments.json {
        lines::write(&told, &mut output)?;
    } else {
        output.write_all(text::text(&told, style).as_bytes())?;
        if let Some(path) = &arguments.html {
            writeln!(output, "The picture is in {}.", files::shown(path))?;
        }
    }
    Ok(output.flush()?)
}

/// Works everything out for an institution.
///
/// # Errors
/// When needs go in a circle, which the parser has refused already.
pub(crate) fn tell(institution: Institution) -> Result<Told> {
    let exposure = Exposure::of(Model::of(&institution))?;
    let verdicts = judge(&institution, &exposure);
    let fixes = fixes(&exposure)?;
    Ok(Told { institution, exposure, verdicts, fixes, observed: None })
}
