//! From a picture to the numbers that a net takes.

use crate::{Error, Result};
use image::{DynamicImage, ImageReader, imageops::FilterType};
use ndarray::Array3;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// How a picture becomes numbers, in this order: it is resized without regard to its proportions, its centre is cut out, the
/// channels are put in order, the mean is subtracted, and all numbers are multiplied by `scale`.
///
/// Pixels count from 0 to 255, so a `scale` of 1/256 gives MNIST's range, and a mean is that of such pixels, as Caffe has it.
///
/// ```
/// use images::{Channels, Preparation};
/// let caffe_net = Preparation::new((256, 256), Channels::Bgr).crop((227, 227)).mean([104.0, 117.0, 123.0]);
/// let picture = image::DynamicImage::new_rgb8(640, 480);
/// assert_eq!(caffe_net.apply(&picture)?.shape(), [3, 227, 227]);
/// # Ok::<(), images::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preparation {
    /// Width and height that pictures are resized to.
    pub size: (u32, u32),
    /// Width and height of the centre that is cut out; all of it if not set.
    #[serde(default)]
    pub crop: Option<(u32, u32)>,
    /// The channels and their order.
    #[serde(default)]
    pub channels: Channels,
    /// Subtracted: one number for each channel, or one for all; nothing if empty.
    #[serde(default)]
    pub mean: Vec<f32>,
    /// The factor on all numbers; 1 if not set.
    #[serde(default = "one")]
    pub scale: f32,
}

/// The channels of a net's input, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Channels {
    /// One: brightness.
    Gray,
    /// Red, green, blue.
    #[default]
    Rgb,
    /// Blue, green, red, as OpenCV and so Caffe have it.
    Bgr,
}

impl Preparation {
    /// Resizes to (width, height); no crop, no mean, a scale of 1.
    pub fn new(size: (u32, u32), channels: Channels) -> Self {
        Preparation { size, crop: None, channels, mean: Vec::new(), scale: one() }
    }

    /// Cuts out the centre: (width, height).
    pub fn crop(mut self, size: (u32, u32)) -> Self {
        self.crop = Some(size);
        self
    }

    /// Subtracts this from each channel.
    pub fn mean(mut self, mean: impl Into<Vec<f32>>) -> Self {
        self.mean = mean.into();
        self
    }

    /// Multiplies all numbers, after the mean is subtracted.
    pub fn scale(mut self, scale: f32) -> Self {
        self.scale = scale;
        self
    }

    /// Channels, height and width of what comes out.
    pub fn shape(&self) -> [usize; 3] {
        let (width, height) = self.crop.unwrap_or(self.size);
        [self.channels.count(), height as usize, width as usize]
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// A size of nothing, a crop that is larger than the picture, another number of means than channels, a number that is not
    /// finite.
    pub fn check(&self) -> Result<()> {
        let (width, height) = self.size;
        if width == 0 || height == 0 {
            return Err(Error::value("the size of a picture", format!("{width}x{height}"), "at least 1x1"));
        }
        if let Some((w, h)) = self.crop
            && !((1..=width).contains(&w) && (1..=height).contains(&h))
        {
            return Err(Error::value("the crop", format!("{w}x{h}"), format!("1x1 to {width}x{height}, the size")));
        }
        let n = self.channels.count();
        if ![0, 1, n].contains(&self.mean.len()) {
            return Err(Error::value("the mean", format!("{} numbers", self.mean.len()), format!("{n}, or 1 for all")));
        }
        if !self.mean.iter().chain([&self.scale]).all(|x| x.is_finite()) {
            return Err(Error::value("a mean or scale", "not finite", "a number"));
        }
        Ok(())
    }

    /// The picture as an array of shape (channels, height, width).
    ///
    /// # Errors
    /// As [`Preparation::check`].
    pub fn apply(&self, picture: &DynamicImage) -> Result<Array3<f32>> {
        self.check()?;
        let (width, height) = self.size;
        let is_that_size = (picture.width(), picture.height()) == self.size;
        let resized =
            if is_that_size { picture.clone() } else { picture.resize_exact(width, height, FilterType::Triangle) };
        let (w, h) = self.crop.unwrap_or(self.size);
        let centre = resized.crop_imm((width - w) / 2, (height - h) / 2, w, h);
        let (gray, rgb) = match self.channels {
            Channels::Gray => (Some(centre.to_luma8()), None),
            Channels::Rgb | Channels::Bgr => (None, Some(centre.to_rgb8())),
        };
        let pixel = |c: usize, x: usize, y: usize| {
            let (x, y) = (x as u32, y as u32);
            match (&gray, &rgb) {
                (Some(gray), _) => gray.get_pixel(x, y)[0],
                (_, Some(rgb)) => rgb.get_pixel(x, y)[if self.channels == Channels::Bgr { 2 - c } else { c }],
                _ => 0,
            }
        };
        let mean = |c: usize| self.mean.get(c).or(self.mean.first()).copied().unwrap_or(0.0);
        let number = |(c, y, x)| (f32::from(pixel(c, x, y)) - mean(c)) * self.scale;
        Ok(Array3::from_shape_fn(self.shape(), number))
    }
}

impl Channels {
    /// How many there are.
    pub fn count(self) -> usize {
        match self {
            Channels::Gray => 1,
            Channels::Rgb | Channels::Bgr => 3,
        }
    }
}

/// Opens a picture; its content, not its name, tells the format.
///
/// # Errors
/// The file cannot be read, or is no picture of a known format.
pub fn open(path: impl AsRef<Path>) -> Result<DynamicImage> {
    let path = path.as_ref();
    let reader = ImageReader::open(path).map_err(|e| Error::file(path, e))?;
    let reader = reader.with_guessed_format().map_err(|e| Error::file(path, e))?;
    reader.decode().map_err(|e| Error::file(path, format!("no picture that can be read ({e}); expected PNG or JPEG")))
}

fn one() -> f32 {
    1.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgb, RgbImage};

    /// Red grows to the right, green downward, blue is 7.
    fn gradient() -> DynamicImage {
        RgbImage::from_fn(6, 4, |x, y| Rgb([10 * x as u8, 20 * y as u8, 7])).into()
    }

    #[test]
    fn channels_come_in_order() {
        let rgb = Preparation::new((6, 4), Channels::Rgb).apply(&gradient()).unwrap();
        assert_eq!((rgb[[0, 1, 5]], rgb[[1, 3, 2]], rgb[[2, 0, 0]]), (50.0, 60.0, 7.0));
        let bgr = Preparation::new((6, 4), Channels::Bgr).apply(&gradient()).unwrap();
        assert_eq!((bgr[[2, 1, 5]], bgr[[1, 3, 2]], bgr[[0, 0, 0]]), (50.0, 60.0, 7.0));
        let gray = Preparation::new((6, 4), Channels::Gray).apply(&gradient()).unwrap();
        assert_eq!(gray.shape(), [1, 4, 6]);
    }

    #[test]
    fn the_centre_is_cut_out_and_the_mean_comes_off_before_the_scale() {
        let preparation = Preparation::new((6, 4), Channels::Rgb).crop((2, 2)).mean([20.0, 0.0, 7.0]).scale(0.5);
        let found = preparation.apply(&gradient()).unwrap();
        // The centre of 6x4 begins at (2, 1).
        assert_eq!(found.iter().copied().collect::<Vec<_>>(), [0., 5., 0., 5., 10., 10., 20., 20., 0., 0., 0., 0.]);
    }

    #[test]
    fn settings_that_make_no_sense_are_told() {
        let base = || Preparation::new((6, 4), Channels::Rgb);
        for (preparation, message) in [
            (Preparation::new((0, 4), Channels::Gray), "the size of a picture is 0x4; expected at least 1x1"),
            (base().crop((7, 1)), "the crop is 7x1; expected 1x1 to 6x4, the size"),
            (base().mean([1.0, 2.0]), "the mean is 2 numbers; expected 3, or 1 for all"),
            (base().scale(f32::NAN), "a mean or scale is not finite; expected a number"),
        ] {
            assert_eq!(preparation.apply(&gradient()).unwrap_err().to_string(), message);
        }
    }
}
