//! Brings any picture of one digit into MNIST's form: 28x28, white on black, the ink's bounding box scaled to 20x20 and its
//! centre of mass in the middle (LeCun et al. 1998, section III.A), values byte/256.
//!
//! The net has seen nothing else, so a digit in another place or of another size is misread by any LeNet. Digits that already
//! have this form pass through unchanged. Segmenting a page with several digits was left out: that is another program.

use crate::error::{Error, Result};
use image::{DynamicImage, ImageBuffer, ImageFormat, ImageReader, Limits, Luma, LumaA, imageops};
use ndarray::Array3;
use std::{io::Cursor, path::Path};

/// Width and height of MNIST's images.
pub(crate) const SIDE: u32 = 28;
/// The larger side of the ink's bounding box.
const BOX: u32 = 20;
/// Where MNIST's images have their centre of mass, as a pixel index; measured over its 10,000 test images.
const CENTRE: f32 = 14.0;
/// Ink below this part of the darkest ink does not count for the bounding box.
const FAINT: f32 = 0.15;

/// The largest width and height of a picture that comes from elsewhere.
const LARGEST: u32 = 2048;

type Ink = ImageBuffer<Luma<f32>, Vec<f32>>;

/// Reads a picture and gives it MNIST's form, of shape (1, 28, 28).
pub(crate) fn read(path: &Path) -> Result<Array3<f32>> {
    let reader = ImageReader::open(path).map_err(|e| Error::file("read the image", path, e))?;
    let reader = reader.with_guessed_format().map_err(|e| Error::file("read the image", path, e))?;
    let image = reader
        .decode()
        .map_err(|e| Error::because(format!("{} is no image that can be read, e.g. a PNG", path.display()), e))?;
    normalize(&image).ok_or_else(|| {
        Error::Message(format!(
            "the image {} is blank: all of its {}x{} pixels are about equally bright; it should show one digit",
            path.display(),
            image.width(),
            image.height()
        ))
    })
}

/// Reads a PNG from memory and gives it MNIST's form, of shape (1, 28, 28); what is wrong with it, in words, otherwise.
pub(crate) fn read_png(bytes: &[u8]) -> Result<Array3<f32>, String> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), ImageFormat::Png);
    // A small file may unpack to a picture that fills the memory.
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(LARGEST), Some(LARGEST));
    reader.limits(limits);
    let image = reader.decode().map_err(|error| {
        format!("the body is no PNG of at most {LARGEST}x{LARGEST} pixels that can be read: {error}")
    })?;
    normalize(&image).ok_or_else(|| {
        let (width, height) = (image.width(), image.height());
        format!("the picture is blank: all of its {width}x{height} pixels are about equally bright; it should show one digit")
    })
}

/// Gives a picture MNIST's form; `None` if nothing is drawn on it.
pub(crate) fn normalize(image: &DynamicImage) -> Option<Array3<f32>> {
    let ink = ink(image)?;
    let (x, y, width, height) = bounding_box(&ink)?;
    let digit = imageops::crop_imm(&ink, x, y, width, height).to_image();
    let digit = scale_to_box(digit);
    let darkest = digit.pixels().map(|p| p[0]).fold(0.0, f32::max);
    let (left, top) = (offset(&digit, |x, _| x, digit.width()), offset(&digit, |_, y| y, digit.height()));
    let mut result = Array3::zeros((1, SIDE as usize, SIDE as usize));
    for (x, y, pixel) in digit.enumerate_pixels() {
        let value = (pixel[0] / darkest).clamp(0.0, 1.0);
        result[[0, (top + y) as usize, (left + x) as usize]] = value * 255.0 / 256.0;
    }
    Some(result)
}

/// How much ink each pixel has, from 0 (as bright as the border) to 1 (or about). The border tells whether the ink is darker or
/// lighter than the paper. `None` if there is no ink.
fn ink(image: &DynamicImage) -> Option<Ink> {
    let brightness = flatten(image);
    let (width, height) = brightness.dimensions();
    let is_border = |x: u32, y: u32| x == 0 || y == 0 || x + 1 == width || y + 1 == height;
    let mut border: Vec<f32> =
        brightness.enumerate_pixels().filter(|&(x, y, _)| is_border(x, y)).map(|(_, _, p)| p[0]).collect();
    border.sort_by(f32::total_cmp);
    let paper = *border.get(border.len() / 2)?;
    let lightest = brightness.pixels().map(|p| p[0]).fold(0.0, f32::max);
    let darkest = brightness.pixels().map(|p| p[0]).fold(1.0, f32::min);
    let sign = if paper - darkest > lightest - paper { -1.0 } else { 1.0 };
    let contrast = (lightest - paper).max(paper - darkest);
    let ink = |x, y| Luma([(sign * (brightness.get_pixel(x, y)[0] - paper) / contrast).max(0.0)]);
    (contrast > 0.05).then(|| Ink::from_fn(width, height, ink))
}

/// The brightness of each pixel, 0 to 1. What is transparent gets the brightness that the drawing does not have.
fn flatten(image: &DynamicImage) -> Ink {
    let image = image.to_luma_alpha16();
    let share = |LumaA([value, alpha]): &LumaA<u16>| (f32::from(*value) / 65535.0, f32::from(*alpha) / 65535.0);
    let (mut light, mut opaque) = (0.0f64, 0.0f64);
    for (value, alpha) in image.pixels().map(share) {
        light += f64::from(value * alpha);
        opaque += f64::from(alpha);
    }
    let paper = if light > 0.5 * opaque { 0.0 } else { 1.0 };
    Ink::from_fn(image.width(), image.height(), |x, y| {
        let (value, alpha) = share(image.get_pixel(x, y));
        Luma([value * alpha + paper * (1.0 - alpha)])
    })
}

/// Left, top, width and height of the ink.
fn bounding_box(ink: &Ink) -> Option<(u32, u32, u32, u32)> {
    let inked = || ink.enumerate_pixels().filter(|(_, _, p)| p[0] > FAINT);
    let (left, right) = (inked().map(|p| p.0).min()?, inked().map(|p| p.0).max()?);
    let (top, bottom) = (inked().map(|p| p.1).min()?, inked().map(|p| p.1).max()?);
    Some((left, top, right - left + 1, bottom - top + 1))
}

/// Scales the larger side to 20 pixels, the other in proportion.
fn scale_to_box(digit: Ink) -> Ink {
    let larger = digit.width().max(digit.height());
    if larger == BOX {
        return digit;
    }
    let scale = |side: u32| ((f64::from(side * BOX) / f64::from(larger)).round() as u32).max(1);
    imageops::resize(&digit, scale(digit.width()), scale(digit.height()), imageops::FilterType::Triangle)
}

/// How far the digit has to move, along one axis, to bring its centre of mass into the middle without leaving the image.
fn offset(digit: &Ink, axis: impl Fn(u32, u32) -> u32, extent: u32) -> u32 {
    let mass: f32 = digit.pixels().map(|p| p[0]).sum();
    let moment: f32 = digit.enumerate_pixels().map(|(x, y, p)| axis(x, y) as f32 * p[0]).sum();
    let offset = (CENTRE - moment / mass).round().max(0.0) as u32;
    offset.min(SIDE - extent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use digits::{Digits, Part};
    use image::GrayImage;

    fn as_png(digit: &Array3<f32>) -> GrayImage {
        GrayImage::from_fn(SIDE, SIDE, |x, y| Luma([(digit[[0, y as usize, x as usize]] * 256.0) as u8]))
    }

    fn difference(a: &Array3<f32>, b: &Array3<f32>) -> f32 {
        (a - b).mapv(f32::abs).mean().unwrap()
    }

    #[test]
    fn mnist_images_pass_through() {
        let digits = Digits::embedded(Part::Test).unwrap();
        let same = (0..digits.len()).filter(|&i| {
            let image = digits.image(i);
            difference(&normalize(&as_png(&image).into()).unwrap(), &image) < 0.002
        });
        let same = same.count();
        assert!(same * 100 >= digits.len() * 99, "only {same} of {} come back", digits.len());
    }

    #[test]
    fn size_place_colour_and_inversion_do_not_matter() {
        let digits = Digits::embedded(Part::Test).unwrap();
        let mut differences = Vec::new();
        for i in 0..15 {
            let original = digits.image(i);
            let large = imageops::resize(&as_png(&original), 280, 280, imageops::FilterType::Triangle);
            let mut page = image::RgbaImage::from_pixel(700, 500, image::Rgba([250, 245, 235, 255]));
            for (x, y, pixel) in large.enumerate_pixels() {
                let paper = |c: u8| (f32::from(c) * (1.0 - f32::from(pixel[0]) / 255.0)) as u8;
                page.put_pixel(x + 390, y + 30, image::Rgba([paper(250), paper(245), 100u8.max(paper(235)), 255]));
            }
            let inverted = GrayImage::from_fn(280, 280, |x, y| Luma([255 - large.get_pixel(x, y)[0]]));
            let transparent =
                image::RgbaImage::from_fn(280, 280, |x, y| image::Rgba([0, 0, 80, large.get_pixel(x, y)[0]]));
            for picture in [DynamicImage::from(page), large.into(), inverted.into(), transparent.into()] {
                differences.push(difference(&normalize(&picture).unwrap(), &original));
            }
        }
        // Enlarging blurs, so they are not equal; digits that are moved by one pixel differ by 0.07 or so.
        let mean = differences.iter().sum::<f32>() / differences.len() as f32;
        assert!(mean < 0.04, "the pictures differ by {mean} on average");
    }

    #[test]
    fn blank_images_are_refused() {
        for value in [0, 127, 255] {
            assert!(normalize(&GrayImage::from_pixel(50, 40, Luma([value])).into()).is_none());
        }
        assert!(normalize(&image::RgbaImage::new(9, 9).into()).is_none());
    }

    #[test]
    fn one_pixel_and_thin_lines_do_not_fail() {
        let mut dot = GrayImage::new(300, 300);
        dot.put_pixel(0, 299, Luma([255]));
        assert!(normalize(&dot.into()).is_some());
        let line = GrayImage::from_fn(3000, 5, |_, y| Luma([if y == 2 { 0 } else { 255 }]));
        let line = normalize(&line.into()).unwrap();
        assert_eq!(line.iter().filter(|&&v| v > 0.5).count(), 20);
        assert!(normalize(&GrayImage::from_pixel(1, 1, Luma([9])).into()).is_none());
    }
}
