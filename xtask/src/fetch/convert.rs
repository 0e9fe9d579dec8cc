//! What the HDF5 files hold, both ways: from bytes, and back to bytes to prove that nothing was lost.
//!
//! Layout: `data`, f32 of shape (samples, 1, rows, columns), is byte / 256, and `label`, f32 of shape (samples, 1), is the
//! class. This is what Mocha's `examples/mnist/mnist.convert.jl` writes and what Caffe's HDF5 data layer reads.

use super::datasets::{Dataset, Part};
use crate::error::{About, Error, Result};
use core_tensor::{RngStream, Shape};
use io_hdf5::{Array, File, Numbers};
use rand::seq::SliceRandom;
use std::{fs, path::Path};

/// The year of LeNet; another number would only change the order of the training samples.
const SEED: u64 = 1998;

/// The files of a data set: for each part one HDF5 file and one list that names it.
pub(crate) fn file_names(dataset: &Dataset) -> impl Iterator<Item = String> {
    dataset.parts().into_iter().flat_map(|part| [hdf5_name(part), list_name(part)])
}

/// The HDF5 file's name.
pub(crate) fn hdf5_name(part: &Part) -> String {
    format!("{}.hdf5", part.stem)
}

/// The list's name. Its line is relative to itself, so that the folder can be moved.
pub(crate) fn list_name(part: &Part) -> String {
    format!("{}.txt", part.stem)
}

/// Writes one part's two files.
pub(crate) fn write(part: &Part, images: &[u8], labels: &[u8], folder: &Path) -> Result<()> {
    let order = order(part);
    let pixels = images.len() / order.len();
    let mut data = Vec::with_capacity(images.len());
    for &sample in &order {
        data.extend(images[sample * pixels..][..pixels].iter().map(|&byte| f32::from(byte) / 256.0));
    }
    let label: Vec<f32> = order.iter().map(|&sample| f32::from(labels[sample])).collect();
    let path = folder.join(hdf5_name(part));
    let array = |name, sizes: &[usize], values| -> Result<Array<'_>> {
        Ok(Array { name, shape: Shape::new(sizes).about(name)?, values: Numbers::F32(values) })
    };
    let arrays = [array("data", &data_sizes(part), &data)?, array("label", &label_sizes(part), &label)?];
    // The error names the file.
    io_hdf5::write_arrays(&path, &arrays, &[]).map_err(|error| Error(error.to_string()))?;
    let list = folder.join(list_name(part));
    fs::write(&list, format!("{}\n", hdf5_name(part))).about(list.display())
}

/// Reads one part's HDF5 file back into the images' and the labels' bytes in their published order.
pub(crate) fn read(part: &Part, folder: &Path) -> Result<(Vec<u8>, Vec<u8>)> {
    let path = folder.join(hdf5_name(part));
    let data = read_bytes(&path, "data", &data_sizes(part), 256.0)?;
    let label = read_bytes(&path, "label", &label_sizes(part), 1.0)?;
    let order = order(part);
    let pixels = data.len() / order.len();
    let (mut images, mut labels) = (vec![0; data.len()], vec![0; label.len()]);
    for (row, &sample) in order.iter().enumerate() {
        labels[sample] = label[row];
        images[sample * pixels..][..pixels].copy_from_slice(&data[row * pixels..][..pixels]);
    }
    Ok((images, labels))
}

/// Reads a dataset whose numbers, multiplied by `scale`, must be bytes.
fn read_bytes(path: &Path, name: &str, sizes: &[usize], scale: f32) -> Result<Vec<u8>> {
    let explain = |error: io_hdf5::Error| Error(error.to_string());
    let dataset = File::open(path).map_err(explain)?.dataset(name).map_err(explain)?;
    if dataset.sizes() != sizes {
        let found = dataset.sizes();
        return Err(Error(format!("{}: `{name}` has axes of {found:?}, expected {sizes:?}", path.display())));
    }
    let numbers: Vec<f32> = dataset.read().map_err(explain)?;
    let byte = |(at, &number): (usize, &f32)| {
        let scaled = number * scale;
        if scaled.fract() == 0.0 && (0.0..=255.0).contains(&scaled) {
            return Ok(scaled as u8);
        }
        let what = format!("number {at} of `{name}` is {number}");
        Err(Error(format!("{}: {what}, expected a whole number from 0 to 255 divided by {scale}", path.display())))
    };
    numbers.iter().enumerate().map(byte).collect()
}

/// Where each row of the HDF5 file comes from. Training samples are permuted because the published files are not as random
/// as they should be; the permutation is always the same one.
fn order(part: &Part) -> Vec<usize> {
    let mut order: Vec<usize> = (0..part.samples()).collect();
    if part.permuted {
        order.shuffle(&mut RngStream::new(SEED, "order of training samples"));
    }
    order
}

fn data_sizes(part: &Part) -> [usize; 4] {
    let sizes = part.images.sizes;
    [sizes[0], 1, sizes[1], sizes[2]]
}

fn label_sizes(part: &Part) -> [usize; 2] {
    [part.samples(), 1]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::MNIST;

    /// A release of `rand` that shuffled otherwise would make `--check` refuse files that were written before it.
    #[test]
    fn the_order_stays_the_same() {
        assert_eq!(order(&MNIST.training)[..6], [37210, 40397, 37010, 42575, 27348, 24853]);
        assert_eq!(order(&MNIST.test)[..6], [0, 1, 2, 3, 4, 5]);
    }
}
