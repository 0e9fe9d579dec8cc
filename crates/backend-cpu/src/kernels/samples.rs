//! A few samples out of their lanes and back: what the algorithms for small batches have in common.
//!
//! A batch of one fills one number in sixteen of its lanes. Such a batch is cheaper to compute as rows of neighbouring
//! features; only what it costs to get there and back grows with the number of features, not with that of multiplications.

use crate::{isa::Isa, lane::Lane, vector::Vector};

/// Copies one sample's features from lanes to neighbouring numbers.
#[inline(always)]
pub(crate) fn gather(lanes: &[Lane<f32>], sample: usize, target: &mut [f32]) {
    for (target, lane) in target.iter_mut().zip(lanes) {
        *target = lane[sample % lane.len()];
    }
}

/// Puts the features of `samples` samples, `pitch` numbers apart, into lanes. The pad repeats the last sample.
#[inline(always)]
pub(crate) fn spread<I: Isa>(features: &[f32], pitch: usize, samples: usize, lanes: &mut [Lane<f32>]) {
    let last = samples - 1;
    for (lane, &feature) in lanes.iter_mut().zip(&features[last * pitch..]) {
        I::Single::splat(feature).store(lane);
    }
    for sample in 0..last {
        for (lane, &feature) in lanes.iter_mut().zip(&features[sample * pitch..]) {
            lane[sample % lane.len()] = feature;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Portable;

    #[test]
    fn the_pad_repeats_the_last_sample() {
        let features: Vec<f32> = (0..21).map(|i| i as f32).collect();
        for samples in 1..=3 {
            let mut lanes = [[-1.0; 16]; 5];
            spread::<Portable>(&features, 7, samples, &mut lanes);
            for (feature, lane) in lanes.iter().enumerate() {
                assert_eq!(*lane, std::array::from_fn(|l| features[7 * l.min(samples - 1) + feature]));
            }
            let mut gathered = [0.0; 5];
            gather(&lanes, samples - 1, &mut gathered);
            assert_eq!(gathered, features[7 * (samples - 1)..][..5]);
        }
    }
}
