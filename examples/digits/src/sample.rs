//! The embedded images themselves.

use flate2::read::GzDecoder;
use ndarray::{Array3, Axis};
use std::io::{self, Read};

/// Training or test images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// 5,000 images, 500 of each digit.
    Train,
    /// 1,000 images, 100 of each digit.
    Test,
}

/// Images with their labels.
///
/// ```
/// use digits::{Digits, Part};
/// let digits = Digits::embedded(Part::Test)?;
/// assert_eq!((digits.len(), digits.image(0).shape().to_vec()), (1000, vec![1, 28, 28]));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Digits {
    /// (N, 28, 28), white on black.
    images: Array3<u8>,
    labels: Vec<u8>,
}

impl Digits {
    /// The embedded images.
    ///
    /// # Errors
    /// The program was built with damaged files.
    pub fn embedded(part: Part) -> io::Result<Self> {
        let (images, labels): (&[u8], &[u8]) = match part {
            Part::Train => (
                include_bytes!("../data/train-images-idx3-ubyte.gz"),
                include_bytes!("../data/train-labels-idx1-ubyte.gz"),
            ),
            Part::Test => (
                include_bytes!("../data/test-images-idx3-ubyte.gz"),
                include_bytes!("../data/test-labels-idx1-ubyte.gz"),
            ),
        };
        let labels = inflate(labels, 8)?;
        let images = Array3::from_shape_vec((labels.len(), 28, 28), inflate(images, 16)?)
            .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
        Ok(Digits { images, labels })
    }

    /// How many there are; never none.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Image `index` as nets see it: shape (1, 28, 28), byte/256. Panics if there is no such image.
    pub fn image(&self, index: usize) -> Array3<f32> {
        self.images.index_axis(Axis(0), index).mapv(scale).insert_axis(Axis(0))
    }

    /// The digit on image `index`. Panics if there is no such image.
    pub fn label(&self, index: usize) -> u8 {
        self.labels[index]
    }

    /// All pixels, byte/256.
    pub fn pixels(&self) -> Vec<f32> {
        self.images.iter().copied().map(scale).collect()
    }

    /// All labels.
    pub fn labels(&self) -> Vec<f32> {
        self.labels.iter().copied().map(f32::from).collect()
    }
}

fn scale(pixel: u8) -> f32 {
    f32::from(pixel) / 256.0
}

/// The data of an IDX file, without its header.
fn inflate(gz: &[u8], header: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    GzDecoder::new(gz).read_to_end(&mut bytes)?;
    Ok(bytes.split_off(header))
}
