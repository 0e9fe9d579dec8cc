//! `fetch-mnist` and `fetch-fashion-mnist`: gets four IDX files, verifies them, and writes them as HDF5.
//!
//! Every output is first made in a folder of its own beside the others and renamed when all of them are whole, so that a full
//! disk, Ctrl-C or a power cut leaves either the data set or nothing that looks like one.

mod check;
mod convert;
mod datasets;
mod http;
mod idx;
mod packages;
mod sources;
mod stage;
mod unpack;

pub(crate) use datasets::{FASHION_MNIST, MNIST};

use crate::{
    error::{About, Error, Result},
    flags::Fetch,
    say,
};
use datasets::{Dataset, Source};
use stage::Stage;
use std::{fs, path::Path};

/// Does what the flags say.
pub(crate) fn run(dataset: &Dataset, flags: &Fetch) -> Result<()> {
    let out = flags.out.as_deref().unwrap_or(Path::new(dataset.folder));
    let checked = check::folder(dataset, out);
    if flags.check {
        checked?;
    } else if flags.force || !convert::file_names(dataset).any(|name| out.join(name).exists()) {
        fetch(dataset, flags, out)?;
    } else if let Err(error) = checked {
        let hint = format!("`cargo xtask {} --force` replaces what is there, `--out` writes elsewhere", dataset.chore);
        return Err(Error(format!("{error}\n{hint}")));
    }
    let (training, test) = (dataset.training.samples(), dataset.test.samples());
    say::line(format_args!("{} is in {}: {training} training and {test} test samples", dataset.name, out.display()));
    Ok(())
}

fn fetch(dataset: &Dataset, flags: &Fetch, out: &Path) -> Result<()> {
    say::line(format_args!("{} for {}", dataset.name, out.display()));
    let stage = Stage::new(out)?;
    let named = flags.from.as_ref().map(|folder| [Source::Folder(folder.clone())]);
    let sources = named.as_ref().map_or(dataset.sources, |named| named);
    let files = sources::get(&dataset.files(), sources, stage.folder()).map_err(|error| explain(dataset, error))?;
    for (part, files) in dataset.parts().into_iter().zip(files.chunks(2)) {
        say::line(format_args!("  writing {}.hdf5", part.stem));
        convert::write(part, &files[0], &files[1], stage.folder())?;
    }
    for name in convert::file_names(dataset) {
        let target = out.join(&name);
        fs::rename(stage.folder().join(&name), &target).about(target.display())?;
    }
    Ok(())
}

fn explain(dataset: &Dataset, failures: Error) -> Error {
    let names = dataset.files().map(|file| file.name).join(", ");
    Error(format!(
        "no source had {} whole:{failures}\nGet the files {names} (as they are or as .gz) by any other way and run \
         `cargo xtask {} --from FOLDER`",
        dataset.name, dataset.chore
    ))
}

#[cfg(test)]
mod tests;
