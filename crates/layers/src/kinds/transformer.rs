//! What data layers do to samples on their way into a net.
//!
//! Mocha: `src/data-transformers.jl`, where they run on the batch in the backend's memory. Here they run on the host before the
//! batch is handed over, for `Hdf5Data` in the thread that reads ahead; so they cost the solver nothing, and backends need not
//! know of them.

use crate::{Error, Result, names};
use core_tensor::Element;
use serde::{Deserialize, Serialize};

/// A change that a data layer makes to each sample of a top.
///
/// ```
/// use layers::prelude::*;
/// let mut sample = [10.0_f32, 20.0, 5.0, 7.0];
/// Transformer::SubMean { mean: vec![10.0, 5.0] }.apply(&mut sample);
/// Transformer::Scale { scale: 0.5 }.apply(&mut sample);
/// assert_eq!(sample, [0.0, 5.0, 0.0, 1.0]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Transformer {
    /// Multiplies all numbers.
    Scale {
        /// The factor.
        scale: f64,
    },
    /// Subtracts a mean: one number for each element of a sample in row-major order, one for each channel, or one for all. The
    /// numbers are part of the description and so of every snapshot. A mean that is in an HDF5 file is read with
    /// `io_hdf5::File::open("mean.hdf5")?.dataset("mean")?.read()?`.
    SubMean {
        /// The mean.
        mean: Vec<f64>,
    },
}

impl Transformer {
    /// Changes a sample in place. A mean goes to as many equal parts of the sample as it has numbers.
    pub fn apply<T: Element>(&self, sample: &mut [T]) {
        match self {
            Transformer::Scale { scale } => change(sample, |value| value * scale),
            Transformer::SubMean { mean } => {
                let part = (sample.len() / mean.len().max(1)).max(1);
                for (values, mean) in sample.chunks_mut(part).zip(mean) {
                    change(values, |value| value - mean);
                }
            }
        }
    }

    /// Sorts a data layer's list of transformers by top, in the order in which they are applied. `tops` are names and the sizes of
    /// a sample, without the batch axis.
    ///
    /// # Errors
    /// No top of that name, a mean of another size, a number that is not finite.
    pub fn by_top(list: &[(String, Transformer)], tops: &[(&str, &[usize])]) -> Result<Vec<Vec<Transformer>>> {
        let mut sorted = vec![Vec::new(); tops.len()];
        for (top, transformer) in list {
            let Some(place) = tops.iter().position(|(name, _)| name == top) else {
                let hint = names::hint(top, tops.iter().map(|(name, _)| *name));
                return Err(Error::Value {
                    what: "the top of a transformer".into(),
                    found: format!("`{top}`"),
                    expected: format!("one of the layer's tops{hint}"),
                });
            };
            transformer.check(top, tops[place].1)?;
            sorted[place].push(transformer.clone());
        }
        Ok(sorted)
    }

    fn check(&self, top: &str, sample: &[usize]) -> Result<()> {
        let (numbers, what) = match self {
            Transformer::Scale { scale } => (std::slice::from_ref(scale), "scale"),
            Transformer::SubMean { mean } => (mean.as_slice(), "mean"),
        };
        let fail = |found: String, expected: String| {
            Err(Error::Value { what: format!("the {what} for top `{top}`"), found, expected })
        };
        if let Some(bad) = numbers.iter().find(|number| !number.is_finite()) {
            return fail(bad.to_string(), "a finite number".into());
        }
        let (elements, channels) = (sample.iter().product(), sample.first().copied().unwrap_or(1));
        if what == "mean" && ![1, channels, elements].contains(&numbers.len()) {
            let expected = format!("{elements}, one for each element, or {channels}, one for each channel, or 1");
            return fail(format!("{} numbers", numbers.len()), expected);
        }
        Ok(())
    }
}

fn change<T: Element>(values: &mut [T], f: impl Fn(f64) -> f64) {
    for value in values {
        *value = T::from_f64(f(value.to_f64()));
    }
}
