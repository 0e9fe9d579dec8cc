//! What one iteration does to the parameters.

use crate::support::*;
use core_tensor::DType;
use layers::prelude::*;
use ndarray::Array2;
use solver::{LrPolicy, Method, MomPolicy, Sgd, Solver};

/// A net of one weight row of three numbers and one bias, in f64.
fn one_unit(layer: InnerProduct) -> Net {
    let layers = layers![
        MemoryData::new("data", 2).array("x", Array2::<f32>::ones((2, 3))).array("label", Array2::<f32>::zeros((2, 1))),
        layer.bottom("x").top("y"),
        SoftmaxLoss::new("loss").bottoms(["y", "label"]),
    ];
    Net::builder("one unit").dtype(DType::F64).build(&backend_cpu::Cpu::with_threads(1).unwrap(), layers).unwrap()
}

/// Runs SGD on given gradients and compares with the formula, number by number.
fn check(weight_regu: Regularizer, regu_coef: f64, momentum: f64, weight_lr: f64) {
    let layer = InnerProduct::new("ip", 1).weight_regu(weight_regu).weight_lr(weight_lr);
    let net = one_unit(layer);
    let lr_policy = LrPolicy::inv(0.1, 0.5, 0.75);
    let mut sgd = Sgd::new().lr_policy(lr_policy.clone()).mom_policy(MomPolicy::step(momentum, 0.5, 3, momentum));
    sgd.setup(&net).unwrap();
    let (mut w, mut b) = ([0.5, -2.0, 0.0], [1.0]);
    let (mut vw, mut vb) = ([0.0; 3], [0.0]);
    set_values(&net, "ip___weight", &w);
    set_values(&net, "ip___bias", &b);
    for iteration in 1..=7 {
        let gradient = |i: usize| ((iteration as f64) * 1.7 + i as f64).sin();
        let gradients = [gradient(0), gradient(1), gradient(2)];
        net.param("ip___weight").unwrap().diff().unwrap().write(&gradients).unwrap();
        net.param("ip___bias").unwrap().diff().unwrap().write(&[gradient(3)]).unwrap();
        sgd.update(iteration, &net, regu_coef).unwrap();

        let (rate, mu) = (lr_policy.at(iteration), momentum * 0.5f64.powi((iteration / 3) as i32));
        for i in 0..3 {
            let regularizer = match weight_regu {
                Regularizer::None => 0.0,
                Regularizer::L2 { coefficient } => 2.0 * coefficient * regu_coef * w[i],
                Regularizer::L1 { coefficient } if w[i] != 0.0 => coefficient * regu_coef * w[i].signum(),
                Regularizer::L1 { .. } => 0.0,
            };
            vw[i] = mu * vw[i] - rate * weight_lr * (gradients[i] + regularizer);
            w[i] += vw[i];
        }
        vb[0] = mu * vb[0] - rate * 2.0 * gradient(3); // a bias learns at twice the rate
        b[0] += vb[0];
        let close = |found: Vec<f64>, expected: &[f64]| {
            let near = found.iter().zip(expected).all(|(a, b)| (a - b).abs() <= 1e-13 * b.abs().max(1.0));
            assert!(near, "{weight_regu:?} at iteration {iteration}: {found:?}, not {expected:?}");
        };
        close(values(&net, "ip___weight"), &w);
        close(values(&net, "ip___bias"), &b);
        let history: Vec<_> = sgd.history();
        assert_eq!([history[0].0.as_str(), history[1].0.as_str()], ["momentum/ip___weight", "momentum/ip___bias"]);
        close(history[0].1.read().unwrap(), &vw);
    }
}

#[test]
fn sgd_follows_its_formula() {
    check(Regularizer::None, 0.5, 0.0, 1.0);
    check(Regularizer::None, 0.5, 0.9, 1.0);
    check(Regularizer::None, 0.5, 0.9, 0.25);
    check(Regularizer::L2 { coefficient: 1.0 }, 0.5, 0.9, 1.0);
    check(Regularizer::L2 { coefficient: 3.0 }, 0.01, 0.5, 0.0);
    check(Regularizer::L1 { coefficient: 2.0 }, 0.1, 0.9, 1.0);
    check(Regularizer::L1 { coefficient: 2.0 }, 0.0, 0.9, 1.0);
}

#[test]
fn sgd_without_setup_is_an_error() {
    let net = one_unit(InnerProduct::new("ip", 1));
    let message = Sgd::new().update(1, &net, 0.0).unwrap_err().to_string();
    assert!(message.contains("call `setup` with this net first"), "{message}");
}

#[test]
fn gradient_hooks_see_complete_gradients() {
    let run = |rate: f64, doubled: bool| {
        let mut net = training_net(1, &common());
        let method = Sgd::new().lr_policy(LrPolicy::fixed(rate)).mom_policy(MomPolicy::fixed(0.9));
        let mut solver = Solver::new(method).max_iter(9).regu_coef(0.0);
        if doubled {
            solver.on_gradients(|net| {
                for param in net.params() {
                    let gradient = param.diff().ok_or("no gradient")?;
                    let twice: Vec<f32> = gradient.read::<f32>()?.iter().map(|g| 2.0 * g).collect();
                    gradient.write(&twice)?;
                }
                Ok(())
            });
        }
        solver.solve(&mut net).unwrap();
        all_values(&net)
    };
    assert_eq!(run(0.125, true), run(0.25, false)); // exact, since these are powers of two
    let mut solver = solver(3);
    solver.on_gradients(|_| Err("the other process is gone".into()));
    let error = solver.solve(&mut training_net(1, &common())).unwrap_err();
    assert_eq!(error.to_string(), "the gradient hook failed at iteration 1");
}

/// The parameters after 12 iterations of `batch` samples, in f64, each of `iter_size` batches.
fn trained(batch: usize, iter_size: u64) -> (Vec<Vec<f64>>, f64) {
    let layers = layers![data("train-data", batch), ..common(), SoftmaxLoss::new("loss").bottoms(["ip2", "label"])];
    let backend = backend_cpu::Cpu::with_threads(1).unwrap();
    let mut net = Net::builder("train").seed(1).dtype(DType::F64).build(&backend, layers).unwrap();
    let loss = solver(12).iter_size(iter_size).solve(&mut net).unwrap().loss.unwrap();
    (all_values(&net), loss)
}

#[test]
fn several_batches_are_as_good_as_a_large_one() {
    let ((expected, loss), (found, found_loss)) = (trained(12, 1), trained(4, 3));
    assert!((loss - found_loss).abs() < 1e-12, "{found_loss}, not {loss}");
    let differences = found.iter().flatten().zip(expected.iter().flatten()).map(|(a, b)| (a - b).abs());
    assert!(differences.fold(0.0, f64::max) < 1e-12);
    assert_ne!(trained(4, 1).0, found);
}

#[test]
fn gradients_are_clipped_together() {
    // Steps of a plain SGD with a rate of 1 are the gradients; those of biases are twice as long.
    let gradients = |clip: Option<f64>, frozen: bool| -> Vec<f64> {
        let mut net = training_net(1, &common());
        if frozen {
            net.freeze(["ip1"]).unwrap();
        }
        let before = all_values(&net);
        let mut solver = Solver::new(Sgd::new().lr_policy(LrPolicy::fixed(1.0))).max_iter(1).regu_coef(0.0);
        if let Some(norm) = clip {
            solver = solver.clip_gradients(norm);
        }
        solver.solve(&mut net).unwrap();
        let params = all_values(&net).into_iter().zip(before).enumerate();
        let step = |(i, (after, before)): (usize, (Vec<f64>, Vec<f64>))| {
            let rate = if i % 2 == 0 { 1.0 } else { 2.0 };
            after.into_iter().zip(before).map(move |(after, before)| (before - after) / rate)
        };
        params.flat_map(step).collect()
    };
    let norm = |gradients: &[f64]| gradients.iter().map(|g| g * g).sum::<f64>().sqrt();
    for frozen in [false, true] {
        let free = gradients(None, frozen);
        let length = norm(&free);
        assert_eq!(gradients(Some(1.01 * length), frozen), free, "they are short enough");
        let clipped = gradients(Some(0.25 * length), frozen);
        let differences = clipped.iter().zip(&free).map(|(clipped, free)| (clipped - 0.25 * free).abs());
        assert!(differences.fold(0.0, f64::max) < 1e-6 * length, "not a quarter of all: frozen {frozen}");
    }
}

#[test]
fn constraints_hold_when_they_are_due() {
    let limit = Constraint::L2 { threshold: 0.5, every_n_iter: 2 };
    let norm = |row: &[f64]| row.iter().map(|x| x * x).sum::<f64>().sqrt();
    for (iterations, within) in [(1, false), (2, true), (3, false), (4, true)] {
        let layer = InnerProduct::new("ip1", 4).weight_cons(limit).bias_cons(limit).bottom("data").top("ip1");
        let common = layers![layer, InnerProduct::new("ip2", 3).bottom("ip1").top("ip2")];
        let mut net = training_net(3, &common);
        set_values(&net, "ip1___weight", &[3.0, -4.0, 0.1, 0.1, 2.0, 2.0, -1.0, 5.0]);
        let mut solver = solver(iterations);
        // Without the constraint a gradient this large moves every number by far.
        solver.on_gradients(|net| {
            for param in net.params().iter().filter(|param| param.layer() == "ip1") {
                let gradient = param.diff().ok_or("no gradient")?;
                gradient.write(&vec![-10.0; gradient.shape().len()])?;
            }
            Ok(())
        });
        solver.solve(&mut net).unwrap();
        let weight = values(&net, "ip1___weight");
        let bias = values(&net, "ip1___bias");
        let largest = weight.chunks(2).map(norm).fold(norm(&bias), f64::max);
        assert_eq!(largest <= 0.5 + 1e-6, within, "largest norm {largest} after {iterations}");
        if within {
            assert!((norm(&bias) - 0.5).abs() < 1e-6, "the whole bias is one row: {bias:?}");
        }
    }
    let never = Constraint::L2 { threshold: 0.5, every_n_iter: 0 };
    let common = layers![InnerProduct::new("ip2", 3).weight_cons(never).bottom("data").top("ip2")];
    let message = solver(1).solve(&mut training_net(3, &common)).unwrap_err().to_string();
    assert_eq!(message, "every_n_iter of the L2 constraint on `ip2___weight` is 0; expected at least 1");
}

#[test]
fn frozen_layers_stay_until_unfrozen() {
    let mut net = training_net(1, &common());
    net.freeze(["ip1"]).unwrap();
    let before = all_values(&net);
    solver(5).solve(&mut net).unwrap();
    let after = all_values(&net);
    assert_eq!(before[..2], after[..2], "ip1 is frozen");
    assert_ne!(before[2], after[2], "ip2 learns");
    net.unfreeze(["ip1"]).unwrap();
    solver(5).solve(&mut net).unwrap();
    assert_ne!(after[0], all_values(&net)[0], "ip1 learns again");
}

#[test]
fn senseless_settings_are_refused() {
    let check = |mut solver: Solver, text: &str| {
        let mut net = training_net(1, &common());
        let before = all_values(&net);
        let message = solver.solve(&mut net).expect_err(text).to_string();
        assert!(message.contains(text), "{message:?} does not contain {text:?}");
        assert_eq!(before, all_values(&net));
    };
    check(solver(5).regu_coef(-1.0), "the solver's regu_coef is -1; expected a finite number, 0 or more");
    let negative = Sgd::new().lr_policy(LrPolicy::fixed(-0.1));
    check(Solver::new(negative).max_iter(5), "the learning rate policy's base_lr is -0.1");
    check(Solver::new(sgd().mom_policy(MomPolicy::fixed(1.5))).max_iter(5), "the momentum policy's base_mom is 1.5");
    let mut lazy = solver(5);
    lazy.add_coffee_break(solver::TrainingSummary::new(), solver::Every::Iters(0));
    check(lazy, "how often coffee break `training-summary` is taken is Iters(0)");

    let message = solver(1).solve(&mut test_net(&common())).unwrap_err().to_string();
    assert!(message.contains("net `test`, which is to be trained, is without a loss layer"), "{message}");
}
