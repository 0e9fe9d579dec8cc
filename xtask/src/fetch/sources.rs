//! Gets the files of a data set from the first source that has them.
//!
//! Everything is held in memory (55 MB) until it is verified, so that a failure leaves no files behind. A source that fails
//! once is not asked again: a mirror that cannot be reached would else cost its timeout four times.

use super::{
    datasets::{IdxFile, Source},
    http, packages,
    unpack::{read_at_most, unpack},
};
use crate::{
    error::{About, Error, Result},
    say,
};
use std::{
    fs::File,
    path::{Path, PathBuf},
};

/// Gets and verifies `files`, in this order; packages are unpacked within `stage`.
pub(crate) fn get(files: &[&IdxFile], sources: &[Source], stage: &Path) -> Result<Vec<Vec<u8>>> {
    let mut found: Vec<Vec<u8>> = Vec::new();
    let mut failures = Vec::new();
    for source in sources {
        say::line(format_args!("  trying {source}"));
        match get_from(source, &files[found.len()..], stage, &mut found) {
            Ok(()) => return Ok(found),
            Err(error) => {
                say::line(format_args!("    failed: {error}"));
                failures.push(format!("\n  {source}: {error}"));
            }
        }
    }
    Err(Error(failures.concat()))
}

/// Adds the verified files to `found` until one fails.
fn get_from(source: &Source, files: &[&IdxFile], stage: &Path, found: &mut Vec<Vec<u8>>) -> Result<()> {
    let read = open(source, stage)?;
    for file in files {
        found.push(unpack(file, read(file)?)?);
        say::line(format_args!("    {} is verified", file.name));
    }
    Ok(())
}

/// Reads one file of a source as it is, packed or not.
type Read = Box<dyn Fn(&IdxFile) -> Result<Vec<u8>>>;

/// Makes a source ready.
fn open(source: &Source, stage: &Path) -> Result<Read> {
    let folder = match source {
        Source::Mirror(address) => {
            let (agent, address) = (http::agent(http::READ_TIMEOUT), *address);
            return Ok(Box::new(move |file| {
                let name = format!("{}.gz", file.name);
                http::get(&agent, &format!("{address}{name}"), file.packed_limit()).about(name)
            }));
        }
        Source::Folder(folder) if folder.is_dir() => folder.clone(),
        Source::Folder(_) => return Err(Error::new("there is no such folder")),
        Source::Npm { package, folder } => packages::npm(package, stage)?.join(folder),
        Source::Debian { package, folder } => packages::debian(package, stage)?.join(folder),
    };
    Ok(Box::new(move |file| read_from(&folder, file)))
}

/// Reads a file of a folder, under any of the names that it goes by.
fn read_from(folder: &Path, file: &IdxFile) -> Result<Vec<u8>> {
    let dotted = file.name.replace("-idx", ".idx");
    let names = [file.name.to_owned(), format!("{}.gz", file.name), format!("{dotted}.gz"), dotted];
    let paths: Vec<PathBuf> = names.iter().map(|name| folder.join(name)).collect();
    let Some(path) = paths.iter().find(|path| path.exists()) else {
        return Err(Error::new(format!("there is no {} in {}", names.join(" or "), folder.display())));
    };
    let reader = File::open(path).about(path.display())?;
    read_at_most(reader, file.packed_limit()).about(path.display())
}
