//! Snapshots: what is in them, that a resumed run is the run itself, and what does not fit.

use crate::support::*;
use core_tensor::Shape;
use layers::prelude::*;
use solver::{
    BreakContext, BreakResult, Checkpoint, CoffeeBreak, Error, Every, FORMAT_VERSION, LrPolicy, MomPolicy, NamedArray,
    Quantity, Sgd, Snapshot, Solver, StopFlag, Stopped, TrainingSummary, ValidationPerformance, Values, load_weights,
};
use std::sync::Arc;

/// Counts its visits and writes the count down: right after a resume only if its state is resumed too.
struct Counter(u64);

impl CoffeeBreak for Counter {
    fn name(&self) -> &str {
        "counter"
    }
    fn enjoy(&mut self, context: &mut BreakContext<'_>) -> BreakResult {
        self.0 += 1;
        context.record("visits", self.0 as f64);
        context.record("not a number", f64::NAN);
        Ok(())
    }
    fn save(&self) -> Option<serde_json::Value> {
        Some(self.0.into())
    }
    fn restore(&mut self, saved: &serde_json::Value) -> BreakResult {
        self.0 = saved.as_u64().ok_or("not a count")?;
        Ok(())
    }
}

/// Trains to iteration 20 with everything that a run can have, stopped after each of `stops` and started again as a program
/// would be: with new objects and another seed. Returns the last snapshot and the statistics file.
fn run(threads: usize, stops: &[u64]) -> (Checkpoint, String) {
    let (shelf, store) = Shelf::new();
    let board = Arc::new(Board::default());
    for (i, &stop_at) in stops.iter().chain([&u64::MAX]).enumerate() {
        let common = layers![
            InnerProduct::new("ip1", 5).bias_term(false).bottom("data").top("ip1"),
            BatchNorm::new("bn1").moving_average_fraction(0.8).bottom("ip1").top("bn1"),
            Scale::new("scale1").bias_term(true).neuron(Neuron::Silu).bottom("bn1").top("scale1"),
            Dropout::new("drop1", 0.3).bottom("scale1").top("drop1"),
            InnerProduct::new("ip2", 3).bottom("drop1").top("ip2"),
        ];
        let layers =
            layers![data("train-data", 4).shuffle(true), ..common, SoftmaxLoss::new("loss").bottoms(["ip2", "label"]),];
        let seed = if i == 0 { 1 } else { 1000 + i as u64 };
        let backend = backend_cpu::Cpu::with_threads(threads).unwrap();
        let mut net = Net::builder("train").seed(seed).build(&backend, layers).unwrap();
        let accuracy = Accuracy::new("test").bottoms(["ip2", "label"]);
        let test_net = Net::new("test", &backend, layers![data("test-data", 5).shuffle(true), ..common, accuracy]);
        let flag = StopFlag::new();
        let mut solver = Solver::new(sgd()).max_iter(20).load_from(&store).stop_on(&flag);
        solver.coffee_lounge(board.clone()).every_n_iter(6);
        solver.add_coffee_break(Snapshot::new(&store), Every::Iters(5));
        let shown = [Quantity::ObjVal, Quantity::LearningRate, Quantity::Momentum, Quantity::LossOf("loss".into())];
        solver.add_coffee_break(TrainingSummary::of(shown), Every::Iters(2));
        solver.add_coffee_break(ValidationPerformance::new(test_net.unwrap()), Every::Iters(5));
        solver.add_coffee_break(Counter(0), Every::Epochs(1));
        let stopper = Each(move |context: &mut BreakContext<'_>| {
            if context.iteration == stop_at {
                flag.stop(15);
            }
            Ok(())
        });
        solver.add_coffee_break(stopper, Every::Iters(1));
        let report = solver.solve(&mut net).unwrap();
        let stopped = if stop_at < 20 { Stopped::Interrupted { signal: 15 } } else { Stopped::MaxIter };
        assert_eq!((report.stopped, report.iterations), (stopped, stop_at.min(20)));
    }
    let file = format!("{:?}", board.written.lock().unwrap());
    (shelf.newest(), file)
}

#[test]
fn a_resumed_run_is_the_run_itself() {
    let text = |(checkpoint, file): (Checkpoint, String)| (format!("{checkpoint:?}"), file); // NaN == NaN as text
    let uninterrupted = text(run(1, &[]));
    assert!(uninterrupted.0.contains("bn1___variance"));
    assert!(uninterrupted.1.contains("\"test-accuracy\": {0: ") && uninterrupted.1.contains("\"loss\": {2: "));
    for stops in [&[10][..], &[7], &[1, 2, 3], &[4, 5, 15, 19]] {
        let resumed = text(run(1, stops));
        assert!(resumed == uninterrupted, "stopped after {stops:?}:\n{resumed:?}\n{uninterrupted:?}");
    }
    assert!(text(run(2, &[9])) == uninterrupted, "two threads");
}

#[test]
fn snapshots_hold_what_they_should() {
    let (shelf, store) = Shelf::new();
    let mut solver = solver(7);
    solver.add_coffee_break(Snapshot::new(&store), Every::Iters(3));
    let mut net = training_net(1, &common());
    solver.solve(&mut net).unwrap();
    assert_eq!(shelf.iterations(), [3, 6, 7], "none at 0, and a last one");
    let snapshot = shelf.newest();
    let names: Vec<&str> = snapshot.parameters.iter().map(|array| array.name.as_str()).collect();
    assert_eq!(names, ["ip1___weight", "ip1___bias", "ip2___weight", "ip2___bias"]);
    assert!(snapshot.history.iter().zip(names).all(|(array, name)| array.name == format!("momentum/{name}")));
    assert_eq!(snapshot.parameters[0].shape, Shape::new(&[5, 2]).unwrap());
    let meta = snapshot.meta;
    assert_eq!((meta.format_version, meta.method.as_str()), (FORMAT_VERSION, "SGD"));
    assert_eq!(meta.solver["method"]["lr_policy"]["type"], "Inv");
    assert_eq!(meta.network, net.description());
    assert_eq!(meta.layers.keys().collect::<Vec<_>>(), ["train-data"]);

    let mut again = Solver::new(sgd()).max_iter(7).load_from(&store);
    again.add_coffee_break(Snapshot::new(&store), Every::Iters(3));
    let report = again.solve(&mut net).unwrap();
    assert_eq!((report.iterations, report.iterations_in_this_run, report.loss), (7, 0, None));
    assert_eq!(shelf.iterations(), [3, 6, 7], "nothing learned, nothing saved");
}

fn snapshot_after(iterations: u64) -> Checkpoint {
    let (shelf, store) = Shelf::new();
    let mut solver = solver(iterations);
    solver.add_coffee_break(Snapshot::new(&store), Every::Iters(iterations));
    solver.solve(&mut training_net(1, &common())).unwrap();
    shelf.newest()
}

#[test]
fn what_does_not_fit_is_refused() {
    let good = snapshot_after(3);
    let check = |change: &dyn Fn(&mut Checkpoint), text: &str| {
        let mut checkpoint = good.clone();
        change(&mut checkpoint);
        let mut net = training_net(2, &common());
        let before = all_values(&net);
        let mut solver = solver(9).load_from(&Shelf::holding(checkpoint));
        let error = solver.solve(&mut net).expect_err(text);
        assert!(matches!(error, Error::Snapshot { .. }), "{error:?}");
        let message = error.to_string();
        assert!(message.starts_with("snapshot shelf/newest: ") && message.contains(text), "{message}");
        assert_eq!(before, all_values(&net), "{text}: the net was changed");
    };
    check(&|c| c.meta.format_version = 9, "format version 9, and this release reads version 1");
    check(&|c| c.meta.method = "Adam".into(), "written by method Adam, and this solver's is SGD; to take over");
    check(&|c| drop(c.parameters.pop()), "no parameter `ip2___bias`, which the net needs; to take over");
    check(&|c| c.parameters[1].name = "ip9___bias".into(), "no parameter `ip1___bias`");
    let extra =
        NamedArray { name: "ip9___bias".into(), shape: Shape::new(&[1]).unwrap(), values: Values::F32(vec![0.0]) };
    check(&|c| c.parameters.push(extra.clone()), "a parameter `ip9___bias`, which the net has not");
    check(
        &|c| c.parameters[0].shape = Shape::new(&[2, 5]).unwrap(),
        "parameter `ip1___weight` has shape 2x5 and 10 f32 numbers, and the net needs shape 5x2 and 10 f32 numbers",
    );
    check(&|c| c.parameters[1].values = Values::F64(vec![0.0; 5]), "has shape 5 and 5 f64 numbers");
    check(&|c| c.parameters[1].values = Values::F32(vec![0.0; 4]), "has shape 5 and 4 f32 numbers");
    check(&|c| drop(c.history.pop()), "no history `momentum/ip2___bias`");
    check(&|c| c.meta.layers.clear(), "the state of the net's layers does not fit");
    check(&|c| c.meta.solver = 7.into(), "its solver state cannot be understood");
}

#[test]
fn interrupted_before_the_first_iteration() {
    let (shelf, store) = Shelf::new();
    let flag = StopFlag::new();
    flag.stop(2);
    let mut solver = solver(9).stop_on(&flag);
    solver.add_coffee_break(Snapshot::new(&store), Every::Iters(1));
    let report = solver.solve(&mut training_net(1, &common())).unwrap();
    assert_eq!((report.iterations, report.stopped), (0, Stopped::Interrupted { signal: 2 }));
    assert!(shelf.iterations().is_empty());
}

#[test]
fn changed_settings_are_told_and_allowed() {
    keep_log();
    let store = Shelf::holding(snapshot_after(3));
    let slower = Sgd::new().lr_policy(LrPolicy::inv(0.05, 0.01, 0.75)).mom_policy(MomPolicy::fixed(0.9));
    Solver::new(slower).max_iter(4).load_from(&store).solve(&mut training_net(1, &common())).unwrap();
    let log = take_log();
    let change = "SGD.lr_policy.base_lr was 0.1 when the snapshot was saved and is 0.05 now";
    assert!(log.iter().any(|line| line == change), "{log:?}");
    assert!(!log.iter().any(|line| line.contains("net.")), "the net did not change: {log:?}");
    assert!(log.iter().any(|line| line.ends_with("resumed at iteration 3 from shelf/newest")), "{log:?}");

    let (_, empty) = Shelf::new();
    solver(1).load_from(&empty).solve(&mut training_net(1, &common())).unwrap();
    let log = take_log();
    assert!(log.iter().any(|line| line.ends_with("no snapshot in the shelf: starting from scratch")), "{log:?}");
}

#[test]
fn weights_alone() {
    let snapshot = snapshot_after(3);
    let wider = layers![
        InnerProduct::new("ip1", 5).bottom("data").top("ip1"),
        InnerProduct::new("new", 3).bottom("ip1").top("ip2"),
    ];
    let mut net = training_net(2, &wider);
    let new = values(&net, "new___weight");
    let weights = load_weights(&mut net, &snapshot.parameters).unwrap();
    assert_eq!(weights.loaded, ["ip1___weight", "ip1___bias"]);
    assert_eq!(weights.missing, ["new___weight", "new___bias"]);
    assert_eq!(weights.extra, ["ip2___bias", "ip2___weight"]);
    let Values::F32(saved) = &snapshot.parameters[0].values else { panic!("{snapshot:?}") };
    assert_eq!(net.param("ip1___weight").unwrap().data().read::<f32>().unwrap(), *saved);
    assert_eq!(values(&net, "new___weight"), new);

    let check = |common: LayerList, text: &str| {
        let mut net = training_net(2, &common);
        let before = all_values(&net);
        let message = load_weights(&mut net, &snapshot.parameters).expect_err(text).to_string();
        assert!(message.contains(text), "{message}");
        assert_eq!(before, all_values(&net));
    };
    let narrow = layers![
        InnerProduct::new("ip1", 5).bottom("data").top("ip1"),
        InnerProduct::new("ip2", 7).bottom("ip1").top("ip2"),
    ];
    check(narrow, "`ip2___weight` in the snapshot is of shape 3x5; expected 7x5, as in net `train`; rename the layer");
    check(layers![InnerProduct::new("other", 3).bottom("data").top("ip2")], "expected parameters of net `train`");
}
