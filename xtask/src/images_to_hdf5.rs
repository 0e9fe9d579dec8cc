//! `images-to-hdf5`: a folder or a list of pictures as a data set. The work is `images::to_hdf5`'s; what is here is a program
//! around it, as Caffe's `convert_imageset` and Mocha's `tools/examples/imglist-to-hdf5.jl` are.

use crate::{
    error::{Error, Result},
    flags::ImagesToHdf5,
    say,
};
use images::{Preparation, Source, to_hdf5};

/// Does what the flags say.
pub(crate) fn run(flags: &ImagesToHdf5) -> Result<()> {
    let mut preparation = Preparation::new(flags.size, flags.channels).mean(flags.mean.clone()).scale(flags.scale);
    preparation.crop = flags.crop;
    let source = match flags.source.is_dir() {
        true => Source::Folders(flags.source.clone()),
        false => Source::Csv(flags.source.clone()),
    };
    let name = match &flags.name {
        Some(name) => name.clone(),
        None => flags.source.file_stem().map(|stem| stem.to_string_lossy().into_owned()).ok_or_else(|| {
            Error(format!(
                "{}: this has no name for the data set to take; `--name NAME` gives one",
                flags.source.display()
            ))
        })?,
    };
    let list = flags.out.join(format!("{name}.txt"));
    if !flags.force && list.exists() {
        let hint = "`--force` replaces it, `--name` and `--out` write elsewhere";
        return Err(Error(format!("{}: this is there already; {hint}", list.display())));
    }
    let bar = say::counting_bar("preparing pictures");
    let progress = |done, of| {
        bar.set_length(of as u64);
        bar.set_position(done as u64);
    };
    let set = to_hdf5(&source, &preparation, &flags.out, &name, flags.seed, progress).map_err(|e| Error(e.to_string()));
    bar.finish_and_clear();
    let set = set?;
    for (label, class) in set.classes.iter().enumerate() {
        say::line(format_args!("  label {label}: {class}"));
    }
    let [channels, height, width] = preparation.shape();
    let (pictures, list) = (set.pictures, set.list.display());
    say::line(format_args!("{pictures} pictures of {channels}x{height}x{width} are in {list}"));
    Ok(())
}
