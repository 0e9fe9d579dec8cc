//! The Wasserstein loss: its cost against the exact one on a line, its gradient against differences of the smoothed problem.

#![allow(clippy::unwrap_used, clippy::panic)] // clippy.toml allows them in test functions, not in their helpers

use layers::{SingleLayer, prelude::*};

fn on_a_line(rows: usize, columns: usize) -> Vec<Vec<f64>> {
    let distance = |i: usize, j: usize| (i as f64 / rows as f64 - j as f64 / columns as f64).abs();
    (0..rows).map(|i| (0..columns).map(|j| distance(i, j)).collect()).collect()
}

/// Loss and gradient of one sample.
fn run(loss: WassersteinLoss, a: &[f64], b: &[f64]) -> (f64, Vec<f64>) {
    let shapes = [a, b].map(|x| Shape::new(&[1, x.len()]).unwrap());
    let cpu = backend_cpu::Cpu::with_threads(1).unwrap();
    let mut single = SingleLayer::new(&cpu, DType::F64, loss.bottoms(["a", "b"]), &shapes).unwrap();
    single.bottoms()[0].data.write(a).unwrap();
    single.bottoms()[1].data.write(b).unwrap();
    let loss = single.forward().unwrap().unwrap();
    single.backward().unwrap();
    let gradient = single.bottoms()[0].diff.as_ref().unwrap().read().unwrap();
    assert!(single.bottoms()[1].diff.is_none());
    (loss, gradient)
}

/// The least of `cost - entropy / lambda` over all ways to move a to b, by Sinkhorn's algorithm until nothing moves.
fn smoothed(metric: &[Vec<f64>], lambda: f64, a: &[f64], b: &[f64]) -> f64 {
    let kernel = |i: usize, j: usize| (-lambda * metric[i][j]).exp();
    let (mut u, mut v) = (vec![1.0; a.len()], vec![1.0; b.len()]);
    for _ in 0..3000 {
        v = (0..b.len()).map(|j| b[j] / (0..a.len()).map(|i| kernel(i, j) * u[i]).sum::<f64>()).collect();
        u = (0..a.len()).map(|i| a[i] / (0..b.len()).map(|j| kernel(i, j) * v[j]).sum::<f64>()).collect();
    }
    let pairs = (0..a.len()).flat_map(|i| (0..b.len()).map(move |j| (i, j)));
    let moved = |(i, j): (usize, usize)| (metric[i][j], u[i] * kernel(i, j) * v[j]);
    pairs.map(moved).map(|(cost, t)| t * (cost + t.ln() / lambda)).sum()
}

#[test]
fn the_cost_is_that_of_moving() {
    // On a line the least cost is the area between the cumulative distributions.
    let (a, b) = ([0.1, 0.2, 0.3, 0.4], [0.4, 0.1, 0.4, 0.1]);
    let mut area = 0.0;
    for i in 1..4 {
        area += (a[..i].iter().sum::<f64>() - b[..i].iter().sum::<f64>()).abs() / 4.0;
    }
    let loss = |lambda| WassersteinLoss::new("w", on_a_line(4, 4), lambda).sinkhorn_iter(2000);
    let errors = [2.0, 6.0, 20.0].map(|lambda| run(loss(lambda), &a, &b).0 - area);
    assert!(errors[0] > errors[1] && errors[1] > errors[2] && errors[2] > 0.0, "{errors:?}");
    assert!(errors[0] > 0.01 && errors[2] < 1e-4, "{errors:?}");
    let (whole, half) = (run(loss(20.0), &a, &b), run(loss(20.0).weight(0.5), &a, &b));
    assert!((half.0 - 0.5 * whole.0).abs() < 1e-12 && (half.1[0] - 0.5 * whole.1[0]).abs() < 1e-12);
}

#[test]
fn the_gradient_is_that_of_the_smoothed_problem() {
    let (metric, lambda) = (on_a_line(4, 3), 7.0);
    let (a, b) = ([0.1, 0.2, 0.3, 0.4], [0.5, 0.3, 0.2]);
    let (_, gradient) = run(WassersteinLoss::new("w", metric.clone(), lambda).sinkhorn_iter(3000), &a, &b);
    for i in 1..4 {
        // Mass can only be moved, not made: from place 0 to place i.
        let moved = |step: f64| {
            let mut a = a;
            a[0] -= step;
            a[i] += step;
            smoothed(&metric, lambda, &a, &b)
        };
        let difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
        let found = gradient[i] - gradient[0];
        assert!((found - difference).abs() < 1e-6, "{i}: {found} and {difference}");
    }
}

#[test]
fn an_impossible_place_has_a_finite_gradient() {
    let loss = WassersteinLoss::new("w", on_a_line(3, 3), 2.0);
    let (value, gradient) = run(loss, &[0.0, 0.5, 0.5], &[0.4, 0.3, 0.3]);
    assert!(value.is_finite() && gradient.iter().all(|slope| slope.is_finite()), "{value} {gradient:?}");
    assert!(gradient[0] < gradient[1] && gradient[0] < gradient[2], "more mass must go there: {gradient:?}");
}

#[test]
fn what_does_not_fit_is_told() {
    let fails = |loss: WassersteinLoss, a: usize, b: usize, part: &str| {
        let data = MemoryData::new("data", 2).zeros("a", [2, a]).zeros("b", [2, b]);
        let net = Net::new("net", &backend_cpu::Cpu::new().unwrap(), layers![data, loss.bottoms(["a", "b"])]);
        let text = net.unwrap_err().to_string();
        assert!(text.starts_with("layer `w` (WassersteinLoss): ") && text.contains(part), "{text}");
    };
    let loss = |lambda| WassersteinLoss::new("w", on_a_line(3, 2), lambda);
    fails(loss(1.0), 3, 3, "the ground metric is 3 rows of lengths [2, 2, 2]; expected 3 rows of 3");
    fails(loss(1.0), 2, 2, "expected 2 rows of 2, for bottoms of shapes 2x2 and 2x2");
    fails(loss(0.0), 3, 2, "lambda is 0; expected a number above 0");
    fails(loss(f64::NAN), 3, 2, "lambda is NaN");
    fails(loss(1.0).sinkhorn_iter(0), 3, 2, "sinkhorn_iter is 0; expected at least 1");
    fails(loss(1.0).weight(-1.0), 3, 2, "the loss weight is -1");
    fails(WassersteinLoss::new("w", vec![vec![0.0, -1.0]], 1.0), 1, 2, "a distance of the ground metric is -1");
}
