//! `hemicycle generate`: the man pages and completions in docs/, made from the command line itself so that they
//! cannot say something else. `cargo xtask docs` calls it.

use std::io::{self, Write};

use anyhow::{Context, Result};
use clap::CommandFactory;

use crate::cli::{Cli, Document, GenerateArguments};

/// Writes the document.
///
/// # Errors
/// When there is no such command, or the output fails.
pub(crate) fn run(arguments: &GenerateArguments) -> Result<()> {
    let mut text = Vec::new();
    match &arguments.document {
        Document::Man { command } => man(command.as_deref(), &mut text)?,
        Document::Configuration => text.extend(crate::serve::configuration().bytes()),
        Document::Completions { shell } => {
            clap_complete::generate(*shell, &mut Cli::command(), "hemicycle", &mut text);
        }
    }
    Ok(io::stdout().lock().write_all(&text)?)
}

fn man(name: Option<&str>, text: &mut Vec<u8>) -> Result<()> {
    let mut program = Cli::command();
    program.build();
    let page = match name {
        None => program,
        Some(name) => {
            let found =
                program.find_subcommand(name).with_context(|| format!("there is no command {name}"))?;
            let title: &'static str = Box::leak(format!("hemicycle-{name}").into_boxed_str());
            found.clone().name(title).display_name(title)
        }
    };
    // Without a date, so that the same definitions give the same page.
    Ok(clap_mangen::Man::new(page).date("").render(text)?)
}
