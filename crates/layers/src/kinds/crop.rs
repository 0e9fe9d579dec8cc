//! Windows of images: from the centre, or random ones to make more of few images.
//!
//! Mocha: `src/layers/crop.jl`; Caffe: `src/caffe/data_transformer.cpp`. As in Mocha, offset and mirroring are drawn once for
//! each batch, not for each image. Mocha refuses a bottom that wants a gradient; here it gets one.

use super::draws::Draws;
use crate::{
    Arity, Blob, Count, Error, Example, ExampleBottom, Examples, Layer, LayerState, Pass, Result, Setup, Wired, Wiring,
};
use core_tensor::{
    Shape, Size2,
    ops::kernels::{self, CropWindow},
};
use serde::{Deserialize, Serialize};
use std::any::Any;

/// Cuts a window of `crop_size` out of images.
///
/// Bottoms (N, C, H, W), as many tops (N, C, crop height, crop width). The window lies in the centre, half a pixel up and left
/// where it cannot lie exactly there. While training, `random_crop` puts it anywhere with equal probability, and
/// `random_mirror` flips left and right with probability 1/2, anew for each bottom in each forward pass; in a net without a
/// loss the window is in the centre and not flipped.
///
/// ```
/// use layers::prelude::*;
/// let crop = Crop::new("crop", (227, 227)).random_crop(true).bottom("image").top("window");
/// assert!(!crop.random_mirror);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Crop {
    /// Name and blobs.
    #[serde(flatten)]
    pub wiring: Wiring,
    /// The window's size.
    pub crop_size: Size2,
    /// Whether the window lies anywhere while training; no if not set.
    #[serde(default)]
    pub random_crop: bool,
    /// Whether it is flipped half of the time while training; no if not set.
    #[serde(default)]
    pub random_mirror: bool,
}

impl Crop {
    /// Cuts out the centre, of this (width, height).
    pub fn new(name: impl Into<String>, crop_size: impl Into<Size2>) -> Self {
        let (wiring, crop_size) = (Wiring::named(name), crop_size.into());
        Crop { wiring, crop_size, random_crop: false, random_mirror: false }
    }

    /// Sets whether the window lies anywhere while training.
    pub fn random_crop(mut self, random: bool) -> Self {
        self.random_crop = random;
        self
    }

    /// Sets whether it is flipped half of the time while training.
    pub fn random_mirror(mut self, random: bool) -> Self {
        self.random_mirror = random;
        self
    }
}

impl Wired for Crop {
    fn wiring_mut(&mut self) -> &mut Wiring {
        &mut self.wiring
    }
}

impl Layer for Crop {
    fn kind(&self) -> &'static str {
        "Crop"
    }

    fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    fn arity(&self) -> Arity {
        Arity { bottoms: Count::AtLeast(1), tops: Count::SameAsBottoms }
    }

    fn setup(&self, setup: &mut Setup<'_>) -> Result<Box<dyn LayerState>> {
        let Size2 { width, height } = self.crop_size;
        let mut branches = Vec::new();
        for bottom in setup.bottoms().to_vec() {
            let shape = bottom.data.shape();
            if shape.rank() != 4 {
                return Err(Error::Value {
                    what: "the bottom's shape".into(),
                    found: shape.to_string(),
                    expected: "an image blob (N, channels, height, width)".into(),
                });
            }
            let (largest_height, largest_width) = (shape.axis(2), shape.axis(3));
            if height == 0 || width == 0 || height > largest_height || width > largest_width {
                let largest = Size2 { width: largest_width, height: largest_height };
                return Err(Error::Value {
                    what: "the crop size".into(),
                    found: self.crop_size.to_string(),
                    expected: format!("at least (1, 1) and at most the bottom's {largest}"),
                });
            }
            let top = setup.add_top(Shape::new(&[shape.batch(), shape.axis(1), height, width])?)?;
            branches.push(Branch { bottom, top, window: CropWindow::default() });
        }
        let random = setup.is_training() && (self.random_crop || self.random_mirror);
        let draws = random.then(|| Draws::new(setup, "window"));
        Ok(Box::new(State { random_crop: self.random_crop, random_mirror: self.random_mirror, branches, draws }))
    }
}

impl Examples for Crop {
    fn examples() -> Vec<Example> {
        let crop = |size: (usize, usize)| Crop::new("crop", size);
        let two = vec![ExampleBottom::Numbers(vec![2, 1, 5, 4]), ExampleBottom::Numbers(vec![1, 2, 3, 6])];
        vec![
            Example::one_to_one(crop((3, 2)), &[17, 2, 5, 4]),
            Example::one_to_one(crop((4, 1)).random_crop(true), &[1, 2, 4, 7]),
            Example::new(crop((3, 2)).random_crop(true).random_mirror(true), two, 2),
            Example::one_to_one(crop((3, 3)).random_mirror(true), &[3, 1, 3, 3]),
        ]
    }
}

struct State {
    random_crop: bool,
    random_mirror: bool,
    branches: Vec<Branch>,
    /// None where nothing is left to chance.
    draws: Option<Draws>,
}

struct Branch {
    bottom: Blob,
    top: Blob,
    /// The window of the last forward pass.
    window: CropWindow,
}

impl State {
    /// The window of draw number `count`, or the one in the centre, where there is room for it at so many rows and columns.
    fn window(&self, branch: &Branch, index: u64) -> CropWindow {
        let (outer, inner) = (branch.bottom.data.shape(), branch.top.data.shape());
        let [rows, columns] = [2, 3].map(|axis| outer.axis(axis) - inner.axis(axis) + 1);
        let centre = CropWindow { top: (rows - 1) / 2, left: (columns - 1) / 2, mirror: false };
        let Some(draws) = self.draws else { return centre };
        let count = draws.count + index;
        let words = draws.stream.block([0, 0, count as u32, (count >> 32) as u32]);
        // A 32-bit word times the number of places, less the fraction: uniform to within one in 2^32 / places.
        let place = |word: u32, places: usize| ((u128::from(word) * places as u128) >> 32) as usize;
        let (top, left) = if self.random_crop {
            (place(words[0], rows), place(words[1], columns))
        } else {
            (centre.top, centre.left)
        };
        CropWindow { top, left, mirror: self.random_mirror && words[2] >> 31 == 1 }
    }
}

impl LayerState for State {
    fn forward(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        for index in 0..self.branches.len() {
            let window = self.window(&self.branches[index], index as u64);
            let branch = &mut self.branches[index];
            branch.window = window;
            kernels::crop_forward(pass.backend, window, &branch.bottom.data, &branch.top.data)?;
        }
        if let Some(draws) = &mut self.draws {
            draws.count += self.branches.len() as u64;
        }
        Ok(())
    }

    fn backward(&mut self, pass: &Pass<'_>) -> Result<()> {
        for Branch { bottom, top, window } in &self.branches {
            let (Some(dy), Some(dx)) = (&top.diff, &bottom.diff) else { continue };
            kernels::crop_backward(pass.backend, *window, dy, dx)?;
        }
        Ok(())
    }

    fn save(&self) -> Option<serde_json::Value> {
        self.draws.as_ref().map(Draws::save)
    }

    fn restore(&mut self, saved: &serde_json::Value) -> Result<()> {
        self.draws.as_mut().map_or(Ok(()), |draws| draws.restore(saved))
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
