//! Every method and every policy: formulas, closed forms, resume.

use crate::support::*;
use core_tensor::DType;
use layers::prelude::*;
use ndarray::Array2;
use solver::{
    Adadelta, Adagrad, Adam, AdamW, Every, Goal, LrPolicy, Method, MomPolicy, Nesterov, RmsProp, Sgd, Snapshot, Solver,
    ValidationPerformance, Values,
};

/// Makes a solver anew for each run.
type Maker = Box<dyn Fn() -> Solver>;

/// Trains to iteration 20 in runs that end after each of `ends`, and gives the last snapshot.
fn run(make: &dyn Fn() -> Solver, ends: &[u64]) -> String {
    let (shelf, store) = Shelf::new();
    for (i, &end) in ends.iter().enumerate() {
        let common = common();
        let mut net = training_net(1 + i as u64, &common);
        let mut solver = make().max_iter(end).load_from(&store);
        solver.add_coffee_break(ValidationPerformance::new(test_net(&common)), Every::Iters(2));
        solver.add_coffee_break(Snapshot::new(&store), Every::Iters(100));
        solver.solve(&mut net).unwrap();
    }
    format!("{:?}", shelf.newest())
}

/// Whatever the method, the policy or the number of batches: a run of 20 iterations is one of 7 and then 13 more.
#[test]
fn every_method_and_every_policy_resumes() {
    let adam = |policy: LrPolicy| Solver::new(Adam::new().lr_policy(policy));
    let momentum = |policy: MomPolicy| Solver::new(Sgd::new().mom_policy(policy));
    let decay = || LrPolicy::decay_on_validation(0.5, Goal::highest("test-accuracy"), 0.5);
    let makers: Vec<(&str, Maker)> = vec![
        ("SGD", Box::new(|| Solver::new(sgd()))),
        ("Nesterov", Box::new(|| Solver::new(Nesterov::new().mom_policy(MomPolicy::fixed(0.9))))),
        ("Adam", Box::new(|| Solver::new(Adam::new()))),
        ("AdamW", Box::new(|| Solver::new(AdamW::new()))),
        ("Adagrad", Box::new(|| Solver::new(Adagrad::new()))),
        ("Adadelta", Box::new(|| Solver::new(Adadelta::new()))),
        ("RMSProp", Box::new(|| Solver::new(RmsProp::new()))),
        ("fixed", Box::new(move || adam(LrPolicy::fixed(0.01)))),
        ("step", Box::new(move || adam(LrPolicy::step(0.1, 0.5, 6)))),
        ("multi-step", Box::new(move || adam(LrPolicy::multi_step(0.1, 0.5, [3, 8, 15])))),
        ("exp", Box::new(move || adam(LrPolicy::exp(0.1, 0.9)))),
        ("inv", Box::new(move || adam(LrPolicy::inv(0.1, 0.1, 0.75)))),
        ("poly", Box::new(move || adam(LrPolicy::poly(0.1, 0.5, 30)))),
        ("sigmoid", Box::new(move || adam(LrPolicy::sigmoid(0.1, -0.3, 10)))),
        ("cosine", Box::new(move || adam(LrPolicy::cosine(0.1, 0.01, 18)))),
        ("warm-up", Box::new(move || adam(LrPolicy::fixed(0.1).warm_up(12)))),
        ("staged", Box::new(move || adam(LrPolicy::staged([(7, LrPolicy::fixed(0.1)), (9, LrPolicy::fixed(0.01))])))),
        ("decay on validation", Box::new(move || adam(decay()))),
        ("momentum step", Box::new(move || momentum(MomPolicy::step(0.5, 1.1, 3, 0.9)))),
        ("momentum linear", Box::new(move || momentum(MomPolicy::linear(0.5, 0.05, 3, 0.9)))),
        ("several batches", Box::new(|| Solver::new(sgd()).iter_size(3))),
        ("clipping", Box::new(|| Solver::new(sgd()).clip_gradients(0.1))),
    ];
    let mut all = Vec::new();
    for (name, make) in &makers {
        let whole = run(make, &[20]);
        assert!(run(make, &[7, 20]) == whole, "{name}: stopped at 7");
        assert!(run(make, &[7, 8, 19, 20]) == whole, "{name}: stopped at 7, 8 and 19");
        all.push(whole);
    }
    all.sort();
    all.dedup();
    assert_eq!(all.len(), makers.len(), "two of them do the same, so the test says nothing about one");
}

/// A net of one weight and no bias to speak of, in f64, with a regularizer.
fn one_weight(regularizer: Regularizer, weight_lr: f64) -> Net {
    let layer = InnerProduct::new("ip", 1).weight_regu(regularizer).weight_lr(weight_lr);
    let layers = layers![
        MemoryData::new("data", 1).array("x", Array2::<f32>::ones((1, 1))).array("label", Array2::<f32>::zeros((1, 1))),
        layer.bottom("x").top("y"),
        SoftmaxLoss::new("loss").bottoms(["y", "label"]),
    ];
    Net::builder("one weight").dtype(DType::F64).build(&backend_cpu::Cpu::with_threads(1).unwrap(), layers).unwrap()
}

/// The weight after each of these gradients, from 2.
fn weights(mut method: impl Method, net: &Net, regu_coef: f64, gradients: &[f64]) -> Vec<f64> {
    method.setup(net).unwrap();
    set_values(net, "ip___weight", &[2.0]);
    let mut weights = Vec::new();
    for (i, gradient) in gradients.iter().enumerate() {
        net.param("ip___weight").unwrap().diff().unwrap().write(&[*gradient]).unwrap();
        method.update(i as u64 + 1, net, regu_coef).unwrap();
        weights.extend(values(net, "ip___weight"));
    }
    weights
}

#[track_caller]
fn assert_near(found: &[f64], expected: impl Iterator<Item = f64>, tolerance: f64) {
    let expected: Vec<f64> = expected.take(found.len()).collect();
    let near = found.iter().zip(&expected).all(|(a, b)| (a - b).abs() <= tolerance);
    assert!(near && found.len() == expected.len(), "{found:?}, not {expected:?}");
}

/// Under a gradient that never changes, what a method does can be written down.
#[test]
fn constant_gradients_give_closed_forms() {
    const N: usize = 50;
    let (net, lr, g) = (one_weight(Regularizer::None, 1.0), LrPolicy::fixed(0.01), -3.0);
    let gradients = [g; N];
    let sum_to = |n: i32, term: &dyn Fn(i32) -> f64| (1..=n).map(term).sum::<f64>();
    let n = || 1..;

    let sgd = Sgd::new().lr_policy(lr.clone()).mom_policy(MomPolicy::fixed(0.9));
    let velocity = |k: i32| -0.01 * g * (1.0 - 0.9f64.powi(k)) / 0.1;
    assert_near(&weights(sgd, &net, 0.0, &gradients), n().map(|n| 2.0 + sum_to(n, &velocity)), 1e-12);

    // Nesterov is one momentum ahead of SGD.
    let nesterov = Nesterov::new().lr_policy(lr.clone()).mom_policy(MomPolicy::fixed(0.9));
    let ahead = n().map(|n| 2.0 + sum_to(n, &velocity) + 0.9 * velocity(n));
    assert_near(&weights(nesterov, &net, 0.0, &gradients), ahead, 1e-12);

    // The corrected moments are g and g², so each step is the learning rate (but for epsilon).
    for beta1 in [0.0, 0.8] {
        let adam = Adam::new().lr_policy(lr.clone()).beta1(beta1).epsilon(1e-30);
        assert_near(&weights(adam, &net, 0.0, &gradients), n().map(|n| 2.0 + 0.01 * f64::from(n)), 1e-12);
    }
    let adagrad = Adagrad::new().lr_policy(lr.clone()).epsilon(1e-30);
    let harmonic = n().map(|n| 2.0 + sum_to(n, &|k| 0.01 / f64::from(k).sqrt()));
    assert_near(&weights(adagrad, &net, 0.0, &gradients), harmonic, 1e-12);

    let rms_prop = RmsProp::new().lr_policy(lr.clone()).rms_decay(0.9).epsilon(1e-30);
    let rising = n().map(|n| 2.0 + sum_to(n, &|k| 0.01 / (1.0 - 0.9f64.powi(k)).sqrt()));
    assert_near(&weights(rms_prop, &net, 0.0, &gradients), rising, 1e-12);

    // Where old squares are forgotten at once, a step is the root of the step before it and epsilon.
    let adadelta = Adadelta::new().rho(0.0).epsilon(1e-4);
    let (mut weight, mut step) = (2.0, 0.0f64);
    let grown = n().map(|_| {
        step = ((step * step + 1e-4) / (g * g + 1e-4)).sqrt() * -g;
        weight += step;
        weight
    });
    assert_near(&weights(adadelta, &net, 0.0, &gradients), grown, 1e-12);
}

/// The regularizer joins the gradient everywhere but in AdamW, and each parameter has its own factor on the rate.
#[test]
fn regularizers_and_local_rates_reach_every_method() {
    const RATE: f64 = 0.01;
    check("SGD", || Sgd::new().lr_policy(LrPolicy::fixed(RATE)));
    check("Nesterov", || Nesterov::new().lr_policy(LrPolicy::fixed(RATE)).mom_policy(MomPolicy::fixed(0.5)));
    check("Adam", || Adam::new().lr_policy(LrPolicy::fixed(RATE)));
    check("AdamW", || AdamW::new().lr_policy(LrPolicy::fixed(RATE)));
    check("Adagrad", || Adagrad::new().lr_policy(LrPolicy::fixed(RATE)));
    check("Adadelta", Adadelta::new);
    check("RMSProp", || RmsProp::new().lr_policy(LrPolicy::fixed(RATE)));

    fn check<M: Method>(name: &str, make: impl Fn() -> M) {
        let first_step = |regularizer: Regularizer, weight_lr: f64, gradient: f64| {
            weights(make(), &one_weight(regularizer, weight_lr), 0.1, &[gradient])[0] - 2.0
        };
        let (whole, half) = (first_step(Regularizer::None, 1.0, 0.5), first_step(Regularizer::None, 0.5, 0.5));
        assert!((half - 0.5 * whole).abs() < 1e-12 && whole != 0.0, "{name}: {half} is not half of {whole}");
        // 2 c regu_coef w for the weight 2.
        let decay = 2.0 * 1.5 * 0.1 * 2.0;
        let coupled = first_step(Regularizer::None, 1.0, 0.5 + decay);
        let expected = if name == "AdamW" { whole - RATE * decay } else { coupled };
        let found = first_step(Regularizer::L2 { coefficient: 1.5 }, 1.0, 0.5);
        assert!((found - expected).abs() < 1e-12, "{name}: {found}, not {expected}");
    }
}

/// A frozen layer learns nothing and forgets nothing, decay included, whatever the method.
#[test]
fn frozen_layers_stay_whatever_the_method() {
    let makers: [fn() -> Solver; 7] = [
        || Solver::new(sgd()),
        || Solver::new(Nesterov::new()),
        || Solver::new(Adam::new()),
        || Solver::new(AdamW::new()),
        || Solver::new(Adagrad::new()),
        || Solver::new(Adadelta::new()),
        || Solver::new(RmsProp::new()),
    ];
    for make in makers {
        let (shelf, store) = Shelf::new();
        let mut net = training_net(1, &common());
        net.freeze(["ip1"]).unwrap();
        let before = all_values(&net);
        let mut solver = make().max_iter(5).regu_coef(0.1);
        solver.add_coffee_break(Snapshot::new(&store), Every::Iters(5));
        solver.solve(&mut net).unwrap();
        let after = all_values(&net);
        assert!(before[..2] == after[..2] && before[2] != after[2], "{solver:?}");
        let zero = |values: &Values| matches!(values, Values::F32(values) if values.iter().all(|&value| value == 0.0));
        for array in shelf.newest().history {
            assert_eq!(zero(&array.values), array.name.contains("/ip1___"), "{solver:?}: {}", array.name);
        }
    }
}

#[test]
fn senseless_coefficients_are_refused() {
    let check = |mut solver: Solver, text: &str| {
        let message = solver.solve(&mut training_net(1, &common())).expect_err(text).to_string();
        assert_eq!(message, text);
    };
    let fraction = "expected at least 0 and less than 1";
    let positive = "expected a finite number, more than 0";
    check(Solver::new(Adam::new().beta1(1.0)), &format!("Adam's beta1 is 1; {fraction}"));
    check(Solver::new(Adam::new().beta2(-0.1)), &format!("Adam's beta2 is -0.1; {fraction}"));
    check(Solver::new(AdamW::new().epsilon(0.0)), &format!("Adam's epsilon is 0; {positive}"));
    check(Solver::new(Adagrad::new().epsilon(f64::NAN)), &format!("Adagrad's epsilon is NaN; {positive}"));
    check(Solver::new(Adadelta::new().rho(1.5)), &format!("Adadelta's rho is 1.5; {fraction}"));
    check(Solver::new(RmsProp::new().rms_decay(2.0)), &format!("RMSProp's rms_decay is 2; {fraction}"));
    check(solver(1).iter_size(0), "the solver's iter_size is 0; expected at least 1");
    check(solver(1).clip_gradients(0.0), &format!("the solver's clip_gradients is 0; {positive}"));
}
