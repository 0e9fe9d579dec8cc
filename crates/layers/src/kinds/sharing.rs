//! What layers have in common whose tops are their bottoms under another name or shape: there is nothing to compute.

use crate::{Blob, LayerState, Pass, Result, Setup};
use core_tensor::Shape;
use std::any::Any;

/// The state of `Identity`, `Reshape` and `Flatten`.
pub(super) struct Shared;

impl Shared {
    /// Makes a top of each bottom, with the shape that `shape_of` makes of the bottom's; data and gradient are the bottom's own.
    pub(super) fn setup(
        setup: &mut Setup<'_>,
        shape_of: impl Fn(Shape) -> Result<Shape>,
    ) -> Result<Box<dyn LayerState>> {
        for bottom in setup.bottoms().to_vec() {
            let shape = shape_of(bottom.data.shape())?;
            let diff = bottom.diff.map(|diff| diff.reshaped(shape)).transpose()?;
            setup.add_top_sharing(Blob { data: bottom.data.reshaped(shape)?, diff })?;
        }
        Ok(Box::new(Shared))
    }
}

impl LayerState for Shared {
    fn forward(&mut self, _: &mut Pass<'_>) -> Result<()> {
        Ok(())
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
