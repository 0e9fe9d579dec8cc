//! The losses of classifiers against their definition: weights, an ignored label, and what the sum is divided by.

#![allow(clippy::unwrap_used, clippy::panic)] // clippy.toml allows them in test functions, not in their helpers

use layers::{LossNormalization, SingleLayer, WeightNormalization, prelude::*};
use ndarray::{ArrayD, Axis, Dimension, IxDyn};
use proptest::prelude::*;

/// A loss's properties, and what its bottoms hold.
#[derive(Debug, Clone)]
struct Problem {
    axis: usize,
    weight: f64,
    weights: Vec<f64>,
    normalize: WeightNormalization,
    ignore: Option<usize>,
    normalization: LossNormalization,
    /// Logits, (N, ..., classes along `axis`, ...).
    x: ArrayD<f64>,
    /// Class indices, of the same shape with 1 along `axis`.
    labels: ArrayD<f64>,
}

/// Loss and its gradient by the logits, summed up position by position.
fn by_definition(problem: &Problem) -> (f64, ArrayD<f64>) {
    let Problem { axis, x, labels, .. } = problem;
    let (samples, classes) = (x.shape()[0], x.shape()[*axis]);
    // A weight for each element of a sample.
    let mut each = ArrayD::ones(&x.shape()[1..]);
    for (flat, (index, weight)) in each.indexed_iter_mut().enumerate() {
        match problem.weights.len() {
            0 => {}
            len if len == classes => *weight = problem.weights[index[axis - 1]],
            _ => *weight = problem.weights[flat],
        }
    }
    if !problem.weights.is_empty() {
        match problem.normalize {
            WeightNormalization::Local => {
                let means = each.mean_axis(Axis(axis - 1)).unwrap().insert_axis(Axis(axis - 1));
                each /= &means;
            }
            WeightNormalization::Global => {
                let mean = each.mean().unwrap();
                each /= mean;
            }
            WeightNormalization::No => {}
        }
    }
    let (mut sum, mut valid, mut gradient) = (0.0, 0, ArrayD::zeros(x.raw_dim()));
    for (place, &label) in labels.indexed_iter() {
        if Some(label as usize) == problem.ignore {
            continue;
        }
        valid += 1;
        let at = |class: usize| {
            let mut place: Vec<usize> = place.as_array_view().to_vec();
            place[*axis] = class;
            IxDyn(&place)
        };
        let total: f64 = (0..classes).map(|class| x[at(class)].exp()).sum();
        let target = at(label as usize);
        let weight = each[&target.as_array_view().to_vec()[1..]];
        sum -= weight * (x[target.clone()].exp() / total).ln();
        for class in 0..classes {
            let is_label = if class == label as usize { 1.0 } else { 0.0 };
            gradient[at(class)] = weight * (x[at(class)].exp() / total - is_label);
        }
    }
    let positions = labels.len();
    let divisor = match problem.normalization {
        LossNormalization::Valid => valid.max(1),
        LossNormalization::Full => positions,
        LossNormalization::BatchSize => samples,
        LossNormalization::None => 1,
    };
    let scale = problem.weight / divisor as f64;
    (sum * scale, gradient * scale)
}

fn problem() -> impl Strategy<Value = Problem> {
    let sizes = (1usize..20, prop::collection::vec(1usize..4, 0..3), 2usize..5);
    let choices = (0usize..3, 0usize..3, 0usize..4, any::<bool>(), 0usize..3, any::<u64>());
    (sizes, choices).prop_map(
        |((batch, mut sample, classes), (kind, normalize, normalization, ignores, place, seed))| {
            let axis = 1 + place.min(sample.len());
            sample.insert(axis - 1, classes);
            let shape: Vec<usize> = [batch].into_iter().chain(sample).collect();
            let mut label_shape = shape.clone();
            label_shape[axis] = 1;
            // Numbers that look random but are the seed's alone.
            let mut state = seed | 1;
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 40) as f64 / f64::from(1 << 24)
            };
            let elements: usize = shape[1..].iter().product();
            let weights = (0..[0, classes, elements][kind]).map(|_| 0.1 + next()).collect();
            let ignore = ignores.then(|| (next() * classes as f64) as usize);
            Problem {
                axis,
                weight: 0.5 + next(),
                weights,
                normalize: [WeightNormalization::Local, WeightNormalization::Global, WeightNormalization::No]
                    [normalize],
                ignore,
                normalization: [
                    LossNormalization::Valid,
                    LossNormalization::Full,
                    LossNormalization::BatchSize,
                    LossNormalization::None,
                ][normalization],
                x: ArrayD::from_shape_simple_fn(shape, || 4.0 * next() - 2.0),
                labels: ArrayD::from_shape_simple_fn(label_shape, || (next() * classes as f64).floor()),
            }
        },
    )
}

/// Loss and gradient of a layer on predictions and the problem's labels, in f64.
fn run(layer: impl Into<LayerRef>, predictions: &ArrayD<f64>, labels: &ArrayD<f64>) -> (f64, Vec<f64>) {
    let shapes = [predictions, labels].map(|array| Shape::new(array.shape()).unwrap());
    let cpu = backend_cpu::Cpu::with_threads(2).unwrap();
    let mut single = SingleLayer::new(&cpu, DType::F64, layer, &shapes).unwrap();
    for (blob, array) in single.bottoms().iter().zip([predictions, labels]) {
        blob.data.write(&array.iter().copied().collect::<Vec<f64>>()).unwrap();
    }
    let loss = single.forward().unwrap().unwrap();
    single.backward().unwrap();
    (loss, single.bottoms()[0].diff.as_ref().unwrap().read().unwrap())
}

fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= 1e-12 * expected.abs().max(1.0)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn losses_are_what_they_are_defined_to_be(problem in problem()) {
        let (expected, slopes) = by_definition(&problem);
        let Problem { axis, weight, ref weights, normalize, ignore, normalization, ref x, ref labels } = problem;
        let mut softmax_loss = SoftmaxLoss::new("loss")
            .axis(axis)
            .weight(weight)
            .weights(weights.clone())
            .normalize(normalize)
            .normalization(normalization)
            .bottoms(["x", "label"]);
        let mut logistic_loss = MultinomialLogisticLoss::new("loss")
            .axis(axis)
            .weight(weight)
            .weights(weights.clone())
            .normalize(normalize)
            .normalization(normalization)
            .bottoms(["p", "label"]);
        if let Some(label) = ignore {
            softmax_loss = softmax_loss.ignore_label(label as f64);
            logistic_loss = logistic_loss.ignore_label(label as f64);
        }
        let (loss, gradient) = run(softmax_loss, x, labels);
        prop_assert!(close(loss, expected), "{loss} and {expected}");
        for (found, expected) in gradient.iter().zip(&slopes) {
            prop_assert!(close(*found, *expected), "{found} and {expected}");
        }
        // The same on probabilities; its gradient goes through the softmax to the same place.
        let e = x.mapv(f64::exp);
        let p = &e / &e.sum_axis(Axis(axis)).insert_axis(Axis(axis));
        let (loss, by_p) = run(logistic_loss, &p, labels);
        prop_assert!(close(loss, expected), "{loss} and {expected}");
        let by_p = ArrayD::from_shape_vec(p.raw_dim(), by_p).unwrap();
        let dot = (&by_p * &p).sum_axis(Axis(axis)).insert_axis(Axis(axis));
        for (found, expected) in ((&by_p - &dot) * &p).iter().zip(&slopes) {
            prop_assert!(close(*found, *expected), "{found} and {expected}");
        }
    }
}

#[test]
fn what_is_left_of_an_epoch_counts_as_a_small_batch() {
    // Five samples in batches of three; label 2 is ignored.
    let x = ndarray::Array2::from_shape_fn((5, 3), |(n, c)| ((n * 5 + c * 3) % 7) as f64 / 3.0);
    let labels = ndarray::array![[0.0], [2.0], [1.0], [2.0], [0.0]];
    let log_p = |n: usize, c: usize| x[[n, c]] - x.row(n).mapv(f64::exp).sum().ln();
    let data = MemoryData::new("data", 3).array("x", x.clone()).array("label", labels);
    let loss = SoftmaxLoss::new("loss").ignore_label(2.0).bottoms(["x", "label"]);
    let mut net =
        Net::builder("net").dtype(DType::F64).build(&backend_cpu::Cpu::new().unwrap(), layers![data, loss]).unwrap();
    net.forward_epoch().unwrap();
    // In the last batch samples 3 and 4 count, of which only 4 has a label.
    assert!(close(net.loss(), -log_p(4, 0)), "{}", net.loss());
}

#[test]
fn only_ignored_labels_cost_nothing() {
    let (x, labels) = (ArrayD::ones(IxDyn(&[3, 2])), ArrayD::ones(IxDyn(&[3, 1])));
    let (loss, gradient) = run(SoftmaxLoss::new("loss").ignore_label(1.0).bottoms(["x", "label"]), &x, &labels);
    assert_eq!((loss, gradient), (0.0, vec![0.0; 6]));
    // A label that is no class may be the ignored one.
    let labels = labels * 255.0;
    let (loss, _) = run(SoftmaxLoss::new("loss").ignore_label(255.0).bottoms(["x", "label"]), &x, &labels);
    assert_eq!(loss, 0.0);
}
