//! What watches a statistic: early stopping, the best snapshot, the learning rate; and several validation nets.

use crate::support::*;
use layers::prelude::*;
use solver::{
    BreakContext, CheckpointStore, EarlyStopping, Every, GoBack, Goal, LrPolicy, Sgd, Snapshot, Solver, Stopped,
    TrainingSummary, ValidationPerformance,
};
use std::sync::Arc;

/// Records one of these values as `score` each time.
fn script(values: &'static [f64], every: u64) -> (impl solver::CoffeeBreak, Every) {
    let record = move |context: &mut BreakContext<'_>| {
        let index = (context.iteration / every) as usize;
        context.record("score", values.get(index).copied().unwrap_or(f64::NAN));
        Ok(())
    };
    (Each(record), Every::Iters(every))
}

/// The iteration at which training to 100 ends, and why; resumed once if `store` has a snapshot.
fn stopped(values: &'static [f64], early: EarlyStopping, store: &Arc<dyn CheckpointStore>) -> (u64, bool) {
    let mut solver = solver(100).load_from(store);
    let (record, every) = script(values, 10);
    solver.add_coffee_break(record, every);
    solver.add_coffee_break(early, Every::Iters(10));
    solver.add_coffee_break(Snapshot::new(store), Every::Iters(10));
    let report = solver.solve(&mut training_net(1, &common())).unwrap();
    let early = report.stopped == Stopped::CoffeeBreak { name: "early-stopping".into() };
    assert!(early || report.stopped == Stopped::MaxIter);
    (report.iterations, early)
}

#[test]
fn training_ends_when_nothing_improves() {
    let check = |values: &'static [f64], early: fn() -> EarlyStopping, expected: (u64, bool)| {
        let (_, store) = Shelf::new();
        assert_eq!(stopped(values, early(), &store), expected, "{values:?}");
        assert_eq!(stopped(values, early(), &store), expected, "{values:?}: started again, it ends at once");
    };
    let rising = &[0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];
    check(rising, || EarlyStopping::new(Goal::highest("score"), 1), (100, false));
    check(rising, || EarlyStopping::new(Goal::lowest("score"), 3), (30, true));
    check(rising, || EarlyStopping::new(Goal::highest("score"), 2).min_gain(0.15), (100, false));
    check(rising, || EarlyStopping::new(Goal::highest("score"), 1).min_gain(0.15), (10, true));
    check(&[0.1, 0.5, 0.4, 0.3, 0.6, 0.6, 0.5, 0.1], || EarlyStopping::new(Goal::highest("score"), 3), (70, true));
    check(&[f64::NAN, 0.1, f64::NAN, f64::NAN], || EarlyStopping::new(Goal::highest("score"), 2), (30, true));
}

#[test]
fn a_statistic_that_nobody_records_is_an_error() {
    let check = |add: fn(&mut Solver), text: &str| {
        let mut solver = solver(9);
        solver.add_coffee_break(TrainingSummary::new(), Every::Iters(2));
        add(&mut solver);
        let message = solver.solve(&mut training_net(1, &common())).expect_err(text).to_string();
        assert!(message.starts_with(text), "{message}");
    };
    let early = |solver: &mut Solver| {
        solver.add_coffee_break(EarlyStopping::new(Goal::highest("scor"), 1), Every::Iters(2));
    };
    check(
        early,
        "the statistic `scor`, which early stopping watches, is not among those recorded: learning_rate, obj_val",
    );
    let best = |solver: &mut Solver| {
        let snapshot = Snapshot::new(&Shelf::new().1).keep_last_and_best(1, Goal::highest("scor"));
        solver.add_coffee_break(snapshot, Every::Iters(2));
    };
    check(best, "the statistic `scor`, which the snapshot break watches, is not among those recorded");
    let seldom = |solver: &mut Solver| {
        let snapshot = Snapshot::new(&Shelf::new().1).keep_last_and_best(1, Goal::lowest("obj_val"));
        solver.add_coffee_break(snapshot, Every::Iters(3));
    };
    check(seldom, "the statistic `obj_val`, by which the best snapshot is kept, is without a value at iteration 3");
    let patient = |solver: &mut Solver| {
        solver.add_coffee_break(EarlyStopping::new(Goal::highest("score"), 0), Every::Iters(2));
    };
    check(patient, "the early stopping's patience is 0; expected at least 1");
    let none = |solver: &mut Solver| {
        solver.add_coffee_break(Snapshot::new(&Shelf::new().1).keep_last(0), Every::Iters(2));
    };
    check(none, "the snapshot break's number of snapshots to keep is 0; expected at least 1");

    let policy = LrPolicy::decay_on_validation(0.1, Goal::highest("scor"), 0.5);
    let mut solver = Solver::new(Sgd::new().lr_policy(policy)).max_iter(9);
    solver.add_coffee_break(TrainingSummary::new(), Every::Iters(2));
    let message = solver.solve(&mut training_net(1, &common())).unwrap_err().to_string();
    assert!(message.starts_with("the statistic `scor`, which the learning rate policy watches, is not"), "{message}");
}

/// What is on the shelf after training to iteration 80 in runs that end after each of `ends`, with a snapshot every 10.
fn kept(values: &'static [f64], keep: fn(Snapshot) -> Snapshot, ends: &[u64]) -> Vec<u64> {
    let (shelf, store) = Shelf::new();
    for &end in ends {
        let mut solver = solver(end).load_from(&store);
        let (record, every) = script(values, 10);
        solver.add_coffee_break(record, every);
        solver.add_coffee_break(keep(Snapshot::new(&store)), Every::Iters(10));
        solver.solve(&mut training_net(1, &common())).unwrap();
    }
    shelf.iterations()
}

#[test]
fn the_last_and_the_best_snapshots_are_kept() {
    let scores = &[9.0, 0.1, 0.5, 0.8, 0.8, 0.3, 0.2, f64::NAN, 0.1]; // at 0, 10, 20, ..., 80
    for ends in [&[80][..], &[40, 80], &[10, 20, 30, 70, 80]] {
        let check = |keep, expected: &[u64]| assert_eq!(kept(scores, keep, ends), expected, "in runs to {ends:?}");
        check(|snapshot| snapshot, &[10, 20, 30, 40, 50, 60, 70, 80]);
        check(|snapshot| snapshot.keep_last(1), &[80]);
        check(|snapshot| snapshot.keep_last(3), &[60, 70, 80]);
        check(|snapshot| snapshot.keep_last_and_best(2, Goal::highest("score")), &[30, 70, 80]);
        check(|snapshot| snapshot.keep_last_and_best(1, Goal::lowest("score")), &[10, 80]);
        check(|snapshot| snapshot.keep_last_and_best(6, Goal::highest("score")), &[30, 40, 50, 60, 70, 80]);
    }
    // The last snapshot, of iteration 25, has no value and is kept as the newest.
    assert_eq!(kept(scores, |snapshot| snapshot.keep_last_and_best(1, Goal::lowest("score")), &[25]), [10, 25]);
}

#[test]
fn nothing_is_removed_before_the_new_snapshot_is_safe() {
    let (shelf, store) = Shelf::new();
    let mut solver = solver(30);
    solver.add_coffee_break(Snapshot::new(&store).keep_last(1), Every::Iters(10));
    let fill = Arc::clone(&shelf);
    let fill = Each(move |context: &mut BreakContext<'_>| {
        fill.full.store(context.iteration == 20, std::sync::atomic::Ordering::Relaxed);
        Ok(())
    });
    solver.add_coffee_break(fill, Every::Iters(10));
    assert_eq!(solver.solve(&mut training_net(1, &common())).unwrap_err().to_string(), "shelf: no space left");
    assert_eq!(shelf.iterations(), [10]);
}

#[test]
fn other_runs_snapshots_are_left_alone() {
    let (shelf, store) = Shelf::new();
    let train = |seed: u64, end: u64, keep: fn(Snapshot) -> Snapshot| {
        let mut solver = solver(end); // from scratch each time
        solver.add_coffee_break(keep(Snapshot::new(&store)), Every::Iters(10));
        solver.solve(&mut training_net(seed, &common())).unwrap();
    };
    train(1, 5, |snapshot| snapshot);
    train(2, 30, |snapshot| snapshot.keep_last(1));
    assert_eq!(shelf.iterations(), [5, 30]);
}

#[test]
fn the_learning_rate_decays_when_validation_becomes_worse() {
    let policy = LrPolicy::decay_on_validation(0.1, Goal::highest("score"), 0.5);
    let mut solver = Solver::new(Sgd::new().lr_policy(policy)).max_iter(41);
    let (record, every) = script(&[0.5, 0.6, 0.4, 0.5, 0.1], 10);
    solver.add_coffee_break(record, every);
    solver.add_coffee_break(TrainingSummary::new(), Every::Iters(1));
    solver.solve(&mut training_net(1, &common())).unwrap();
    let rates = &solver.lounge().statistics()["learning_rate"];
    let at = |iterations: [u64; 6]| iterations.map(|iteration| rates[&iteration]);
    assert_eq!(at([1, 11, 20, 21, 40, 41]), [0.1, 0.1, 0.1, 0.05, 0.05, 0.025]);
}

fn validation(name: &str, layer: &str, common: &LayerList) -> Net {
    let layers = layers![data("test-data", 5), ..common, Accuracy::new(layer).bottoms(["ip2", "label"])];
    Net::new(name, &backend_cpu::Cpu::with_threads(1).unwrap(), layers).unwrap()
}

#[test]
fn several_validation_nets_have_their_own_titles_and_statistics() {
    keep_log();
    let common = common();
    let mut solver = solver(10);
    let one = validation("one", "clean", &common);
    solver.add_coffee_break(ValidationPerformance::new(one).title("Clean Digits"), Every::Iters(10));
    solver.add_coffee_break(ValidationPerformance::new(validation("two", "noisy", &common)), Every::Epochs(1));
    solver.solve(&mut training_net(1, &common)).unwrap();
    let statistics = solver.lounge().statistics();
    assert_eq!(statistics["clean-accuracy"].keys().collect::<Vec<_>>(), [&0, &10]);
    // Batches of 4 from 13 samples: epochs end within iterations 4, 7 and 10.
    assert_eq!(statistics["noisy-accuracy"].keys().collect::<Vec<_>>(), [&0, &4, &7, &10]);
    assert_eq!(statistics["clean-accuracy"][&10], statistics["noisy-accuracy"][&10]);
    let log = take_log();
    assert!(log.contains(&"## Performance on Clean Digits after 10 iterations".into()), "{log:?}");
    assert!(log.contains(&"## Performance on Validation Set after 4 iterations".into()), "{log:?}");

    let mut solver = crate::support::solver(10);
    for name in ["one", "two"] {
        let net = validation(name, "same", &common);
        solver.add_coffee_break(ValidationPerformance::new(net), Every::Iters(10));
    }
    let message = solver.solve(&mut training_net(1, &common)).unwrap_err().to_string();
    let text = "the statistic `same-accuracy` of the validation net `two` is recorded by the validation net `one` too";
    assert!(message.starts_with(text), "{message}");
}

/// The parameters at the end of training to iteration 75 in runs that end after each of `ends`, with the scores 0, 10, 20, ...
fn trained(ends: &[u64], add: fn(&mut Solver, &Arc<dyn CheckpointStore>)) -> (Arc<Shelf>, Vec<Vec<f64>>) {
    let (shelf, store) = Shelf::new();
    let mut last = Vec::new();
    for &end in ends {
        let policy = LrPolicy::decay_on_validation(0.1, Goal::highest("score"), 0.5);
        let method = Sgd::new().lr_policy(policy).mom_policy(solver::MomPolicy::fixed(0.9));
        let mut solver = Solver::new(method).max_iter(end).load_from(&store);
        let (record, every) = script(&[0.5, 0.6, 0.7, 0.4, 0.5, 0.2, 0.1, 0.9], 10);
        solver.add_coffee_break(record, every);
        add(&mut solver, &store);
        solver.add_coffee_break(Snapshot::new(&store), Every::Iters(15));
        let mut net = training_net(1, &common());
        solver.solve(&mut net).unwrap();
        last = all_values(&net);
    }
    (shelf, last)
}

fn go_back(solver: &mut Solver, store: &Arc<dyn CheckpointStore>) {
    solver.add_coffee_break(GoBack::new(Goal::highest("score"), store), Every::Iters(10));
}

#[test]
fn training_goes_back_when_validation_becomes_worse() {
    let (shelf, whole) = trained(&[75], go_back);
    let at = |iteration: u64| shelf.load(iteration).unwrap().1;
    // Worse at 30, 50 and 60; good at 10, 20, 40 and 70. The breaks of 30 save what it went back to.
    assert_eq!(shelf.iterations(), [10, 15, 20, 30, 40, 45, 60, 70, 75]);
    assert_eq!((&at(30).parameters, &at(30).history), (&at(20).parameters, &at(20).history));
    assert_eq!((&at(60).parameters, &at(60).history), (&at(40).parameters, &at(40).history));
    assert_ne!(at(30).meta.layers, at(20).meta.layers, "the data went on");
    assert_ne!(at(40).parameters, at(20).parameters);
    assert_ne!(trained(&[75], |_, _| ()).1, whole);
    // Wherever it is interrupted, also right after going back, it ends with the same bits.
    for ends in [&[5, 75][..], &[25, 75], &[30, 75], &[33, 50, 75], &[10, 20, 40, 60, 70, 75], &[58, 75]] {
        assert_eq!(trained(ends, go_back).1, whole, "in runs to {ends:?}");
    }
}

#[test]
fn a_snapshot_that_is_gone_is_told() {
    let (shelf, store) = Shelf::new();
    let mut solver = solver(40);
    let (record, every) = script(&[0.5, 0.6, 0.7, 0.4], 10);
    solver.add_coffee_break(record, every);
    go_back(&mut solver, &store);
    let remove = Arc::clone(&shelf);
    solver.add_coffee_break(Each(move |_: &mut BreakContext<'_>| Ok(remove.remove(20)?)), Every::Iters(30));
    solver.add_coffee_break(Snapshot::new(&store), Every::Iters(100));
    let message = solver.solve(&mut training_net(1, &common())).unwrap_err().to_string();
    assert_eq!(message, "shelf/20: not there");
    assert_eq!(shelf.iterations(), [10], "what was to be left is not saved");
}
