//! Draws the learning curve into files. It reads a file that the training process replaces atomically, so it works at any
//! moment.

use crate::{
    cli::CurveArgs,
    error::{Error, Result},
};
use picture::LearningCurve;

/// Runs `lenet-example curve`.
pub(crate) fn run(args: &CurveArgs) -> Result<()> {
    let file = args.statistics_file();
    let statistics = io_hdf5::statistics(&file).load()?.ok_or_else(|| {
        Error::Message(format!(
            "there is no statistics file {}; train first, or name another folder with --out or another file with --file",
            file.display()
        ))
    })?;
    let curve = LearningCurve::new("MNIST Learning Curve", &statistics).map_err(|error| match error {
        picture::Error::TooFewValues(values) => Error::Message(format!(
            "{} holds {values} objective values; a curve needs two. Training writes them as it goes: look again later",
            file.display()
        )),
        other => other.into(),
    })?;
    let (svg, png) = (args.picture("svg"), args.picture("png"));
    if let Some(folder) = svg.parent() {
        std::fs::create_dir_all(folder).map_err(|e| Error::file("create the folder", folder, e))?;
    }
    std::fs::write(&svg, curve.svg()?).map_err(|e| Error::file("write", &svg, e))?;
    curve.pixels()?.save(&png).map_err(|e| Error::file("write", &png, e))?;
    let values = curve.objective_values();
    let (last, value) = values[values.len() - 1];
    terminal::say(&format!(
        "{} objective values, the last {value:.6} at iteration {last}\nwrote {} and {}",
        values.len(),
        svg.display(),
        png.display()
    ))?;
    Ok(())
}
