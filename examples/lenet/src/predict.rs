//! Recognizes one digit, of the test set or of the user's own picture.

use crate::{
    cli::{BackendName, PredictArgs},
    data,
    error::{Error, Result},
    image_input,
    recognizer::{self, Recognizer},
};
use core_tensor::Backend;
use digits::{Digits, Part};
use io_hdf5::Hdf5Data;
use layers::prelude::*;
use ndarray::Array3;
use std::{fmt::Write, path::Path, sync::Arc};

/// The widest bar beside a probability.
const BAR: f32 = 40.0;

/// An image, where it comes from, and what it shows as far as that is known.
struct Question {
    /// (1, 28, 28), byte/256.
    image: Array3<f32>,
    origin: String,
    label: Option<usize>,
}

/// Runs `lenet-example predict`.
pub(crate) fn run(args: &PredictArgs) -> Result<()> {
    let mut recognizer = Recognizer::load(&args.snapshot, args.backend, args.threads)?;
    let question = match &args.image {
        Some(picture) => {
            Question { image: image_input::read(picture)?, origin: picture.display().to_string(), label: None }
        }
        None => test_image(args, recognizer.backend())?,
    };
    let probabilities = recognizer.probabilities(question.image)?;
    let digit = recognizer::most_probable(&probabilities);

    let mut text =
        format!("Snapshot:         {}\nImage:            {}\n", recognizer.snapshot.display(), question.origin);
    if args.backend == BackendName::Auto {
        let _ = writeln!(text, "Computed on:      {}", recognizer.backend().describe());
    }
    if let Some(label) = question.label {
        let _ = writeln!(text, "Correct label:    {label}");
    }
    let _ = writeln!(text, "Predicted digit:  {digit}\n\nLabel probability vector:");
    for (class, probability) in probabilities.iter().enumerate() {
        let bar = "#".repeat((probability * BAR).round() as usize);
        let _ = writeln!(text, "{}", format!("  {class}  {probability:.8}  {bar}").trim_end());
    }
    Ok(terminal::say(text.trim_end())?)
}

/// Image `--index` of the test set.
fn test_image(args: &PredictArgs, backend: &Arc<dyn Backend>) -> Result<Question> {
    let index = args.index;
    let too_large = |count: usize, place: &str| {
        let last = count.saturating_sub(1);
        Error::Message(format!("--index is {index}; {place} has {count} images, so it goes from 0 to {last}"))
    };
    let Some(folder) = data::folder(args.data.as_deref(), "test.txt")? else {
        let digits = Digits::embedded(Part::Test).map_err(data::damaged)?;
        if index >= digits.len() {
            return Err(too_large(digits.len(), "the embedded sample's test set"));
        }
        let origin = format!("number {index} of the embedded sample's test set");
        return Ok(Question { image: digits.image(index), origin, label: Some(digits.label(index).into()) });
    };
    let list = folder.join("test.txt");
    let (image, label) = read_image(&list, index, backend)?
        .map_err(|count| too_large(count, &format!("the test set {}", list.display())))?;
    Ok(Question { image, origin: format!("number {index} of {}", list.display()), label: Some(label) })
}

/// Image `index` of a list of files with its label, through the data layer that training reads with; if there is none, how
/// many images there are.
fn read_image(list: &Path, index: usize, backend: &Arc<dyn Backend>) -> Result<Result<(Array3<f32>, usize), usize>> {
    let mut net = Net::new("test-images", backend, layers![Hdf5Data::new("test-data", list).batch_size(1)])?;
    for count in 0..=index {
        if net.epoch() != Some(0) {
            return Ok(Err(count));
        }
        net.forward()?;
    }
    let image = net.blob("data")?.data.to_array::<f32>()?;
    let found = image.shape().to_vec();
    let image = image.into_shape_with_order((1, 28, 28)).map_err(|_| {
        Error::Message(format!(
            "{}: the images have shape {found:?} for a batch; expected (1, 1, 28, 28)",
            list.display()
        ))
    })?;
    let label = net.blob("label")?.data.read::<f32>()?;
    Ok(Ok((image, label.first().map_or(0, |&label| label as usize))))
}
