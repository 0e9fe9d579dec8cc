//! How long each layer takes, forward and backward, and how much it computes meanwhile: `caffe time` for our nets.
//!
//! Caffe: `tools/caffe.cpp`, `time()`. There the mean of all iterations is printed; here it is the median, since on a shared
//! machine a few iterations take many times longer than the others.

use crate::Result;
use layers::Net;
use solver::Method;
use std::time::Instant;

/// One layer's times and work.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerTimes {
    /// The layer's name.
    pub layer: String,
    /// The layer's kind.
    pub kind: &'static str,
    /// The algorithm in use, where there is a choice.
    pub algorithm: String,
    /// The forward pass; `None` for a layer that is computed within another.
    pub forward: Option<Pass>,
    /// The backward pass, where there is one.
    pub backward: Option<Pass>,
}

/// One layer's part of one pass.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pass {
    /// The median, in seconds.
    pub seconds: f64,
    /// Floating point operations by the definition, whatever the algorithm; 0 for layers without parameters.
    pub flops: f64,
}

/// The times of a net.
#[derive(Debug, Clone, PartialEq)]
pub struct NetTimes {
    /// All layers, in order of computation.
    pub layers: Vec<LayerTimes>,
    /// The median of the solver's update of all parameters, in seconds.
    pub update: f64,
    /// The median of whole iterations (forward, backward, update), in seconds.
    pub iteration: f64,
}

/// Floating point operations of a layer's forward and backward pass.
///
/// Multiply-adds of layers with parameters count as two operations; all else a layer does is little beside them, and where it
/// is not, memory is what limits it. A backward pass computes as much for the parameters' gradient as the forward pass, and as
/// much again for the bottom's where that is wanted.
///
/// # Errors
/// A layer that the net does not have.
pub fn flops(net: &Net, layer: &str) -> Result<(f64, f64)> {
    let summary = net.summary();
    let forward = summary.rows.iter().find(|row| row.layer == layer && row.parameters > 0).map_or(0.0, |row| row.flops);
    let bottoms = &net.layer(layer)?.layer().wiring().bottoms;
    let wants_gradient = |bottom: &String| net.has_gradient(bottom).unwrap_or(false);
    Ok((forward, if bottoms.iter().any(wants_gradient) { 2.0 * forward } else { forward }))
}

/// Trains for so many iterations, after a few to warm up, and takes the time of each layer.
///
/// # Errors
/// A net without a loss, or anything that goes wrong in an iteration.
pub fn layer_times(net: &mut Net, method: &mut dyn Method, iterations: usize) -> Result<NetTimes> {
    const WARM_UP: usize = 5;
    method.setup(net)?;
    let rows = net.summary().rows;
    let mut samples = Samples::default();
    for iteration in 0..WARM_UP + iterations {
        if iteration == WARM_UP {
            samples = Samples::default();
        }
        let begun = Instant::now();
        watch(&mut samples.forward, |done| Ok(net.forward_by_layer(done)?))?;
        watch(&mut samples.backward, |done| Ok(net.backward_by_layer(done)?))?;
        let update = Instant::now();
        method.update(iteration as u64 + 1, net, 0.0005)?;
        samples.update.push(update.elapsed().as_secs_f64());
        samples.iteration.push(begun.elapsed().as_secs_f64());
    }
    let mut layers = Vec::with_capacity(rows.len());
    for row in rows {
        let (forward, backward) = flops(net, &row.layer)?;
        let pass = |samples: &[(String, f64)], flops| {
            let times: Vec<f64> =
                samples.iter().filter(|(layer, _)| *layer == row.layer).map(|(_, time)| *time).collect();
            (!times.is_empty()).then(|| Pass { seconds: median(times), flops })
        };
        let (forward, backward) = (pass(&samples.forward, forward), pass(&samples.backward, backward));
        let algorithm = row.algorithm.to_string();
        layers.push(LayerTimes { layer: row.layer, kind: row.kind, algorithm, forward, backward });
    }
    Ok(NetTimes { layers, update: median(samples.update), iteration: median(samples.iteration) })
}

/// The middle one of some numbers; NaN if there are none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        even if even.is_multiple_of(2) => (values[middle - 1] + values[middle]) / 2.0,
        _ => values[middle],
    }
}

/// What was measured, in seconds.
#[derive(Default)]
struct Samples {
    forward: Vec<(String, f64)>,
    backward: Vec<(String, f64)>,
    update: Vec<f64>,
    iteration: Vec<f64>,
}

/// Runs a pass and notes how long each layer took; the noting itself is left out.
fn watch<T>(samples: &mut Vec<(String, f64)>, pass: impl FnOnce(&mut dyn FnMut(&str)) -> Result<T>) -> Result<T> {
    let mut last = Instant::now();
    pass(&mut |layer| {
        let seconds = last.elapsed().as_secs_f64();
        samples.push((layer.to_owned(), seconds));
        last = Instant::now();
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Reference, training};
    use backend_cpu::Cpu;
    use solver::Sgd;

    #[test]
    fn lenets_work_is_counted() {
        let net = Net::new("net", &Cpu::with_threads(1).unwrap(), training(Reference::Lenet, 64)).unwrap();
        let names: Vec<String> = net.summary().rows.into_iter().map(|row| row.layer).collect();
        let work: Vec<(f64, f64)> = names.iter().map(|layer| flops(&net, layer).unwrap()).collect();
        let total = |pass: fn(&(f64, f64)) -> f64| work.iter().map(pass).sum::<f64>() / 1e6;
        // conv1 36.864 (its bottom, the images, gets no gradient), conv2 204.8, ip1 51.2, ip2 0.64
        assert!(
            (total(|work| work.0) - 293.504).abs() < 1e-6 && (total(|work| work.1) - 550.144).abs() < 1e-6,
            "{work:?}"
        );
    }

    #[test]
    fn every_layer_is_timed() {
        let mut net = Net::new("net", &Cpu::with_threads(1).unwrap(), training(Reference::Mlp, 2)).unwrap();
        let times = layer_times(&mut net, &mut Sgd::new(), 3).unwrap();
        let names: Vec<&str> = times.layers.iter().map(|layer| layer.layer.as_str()).collect();
        assert_eq!(names, ["data", "drop0", "ip1", "drop1", "ip2", "drop2", "ip3", "loss"]);
        assert!(times.layers.iter().all(|layer| layer.forward.is_some_and(|pass| pass.seconds > 0.0)));
        assert!(times.layers[0].backward.is_none() && times.layers[2].backward.is_some());
        assert!(times.update > 0.0 && times.iteration > times.update);
    }

    #[test]
    fn medians() {
        assert_eq!([median(vec![3.0, 1.0, 2.0]), median(vec![4.0, 1.0, 2.0, 3.0])], [2.0, 2.5]);
        assert!(median(Vec::new()).is_nan());
    }
}
