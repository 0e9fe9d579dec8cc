//! What a shell and `man` want to know of this program, made from its command line.

use crate::{
    cli::{Cli, CompletionsArgs, ManArgs},
    error::{Error, Result},
};
use clap::CommandFactory;
use std::io::{self, Write};

/// Runs `crema completions`.
pub(crate) fn completions(args: &CompletionsArgs) -> Result<()> {
    // Into memory first: clap_complete panics where it cannot write.
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "crema", &mut text);
    Ok(io::stdout().lock().write_all(&text)?)
}

/// Runs `crema man`.
pub(crate) fn man(args: &ManArgs) -> Result<()> {
    clap_mangen::generate_to(Cli::command(), &args.folder)
        .map_err(|e| Error::file("write the man pages into", &args.folder, e))?;
    Ok(terminal::say(&format!("wrote crema.1 and a page for each command into {}", args.folder.display()))?)
}
