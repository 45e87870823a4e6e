//! `anteroom man`: the manual, out of the same words as `--help`.

use std::{fs, path::Path};

use clap::CommandFactory as _;

use super::{
    args::Arguments,
    exit::{Exit, Problem},
    show,
};

pub(super) fn write(directory: &Path) -> Result<Exit, Problem> {
    let failed = |error| Problem::failed(format!("{}: {error}", directory.display()));
    fs::create_dir_all(directory).map_err(failed)?;
    // What is hidden is nobody's to call.
    clap_mangen::generate_to(Arguments::command(), directory).map_err(failed)?;
    show::line(format_args!("man pages are in {0}: man -l {0}/anteroom.1", directory.display()));
    Ok(Exit::Ok)
}
