//! Coffee breaks, interrupts, divergence, and what is saved when something goes wrong.

use crate::support::*;
use layers::prelude::*;
use solver::{
    BreakContext, BreakResult, Error, Every, LrPolicy, Quantity, Sgd, Snapshot, Solver, Stopped, TrainingSummary,
    ValidationPerformance,
};
use std::sync::{Arc, Mutex, atomic::Ordering};

#[test]
fn training_summary_reads_like_the_tutorial() {
    keep_log();
    let mut solver = solver(200);
    solver.add_coffee_break(TrainingSummary::new(), Every::Iters(100));
    let shown = [Quantity::Momentum, Quantity::LossOf("loss".into())];
    solver.add_coffee_break(TrainingSummary::of(shown), Every::Iters(200));
    let report = solver.solve(&mut training_net(1, &common())).unwrap();

    let log = take_log();
    let lines: Vec<&String> = log.iter().filter(|line| line.contains("TRAIN")).collect();
    let [first, second, third] = lines[..] else { panic!("{log:?}") };
    let statistics = solver.lounge().statistics();
    assert!(
        first.starts_with(&format!("000100 :: TRAIN obj-val = {:.8} | lr 0.059460 | ", statistics["obj_val"][&100]))
    );
    assert!(first.contains(" it/s | ") && first.ends_with(" left"), "{first}");
    assert!(second.starts_with("000200 :: TRAIN obj-val = "), "{second}");
    let loss = report.loss.unwrap();
    assert!(third.starts_with(&format!("000200 :: TRAIN momentum 0.9000 | loss = {loss:.8} | ")), "{third}");
    let end = format!("Training done after 200 iterations, obj-val = {loss:.8}, 200 iterations in 00:0");
    assert!(log.last().unwrap().starts_with(&end), "{log:?}");
    let names: Vec<&String> = statistics.keys().collect();
    assert_eq!(names, ["learning_rate", "loss", "momentum", "obj_val"]);
    assert_eq!(statistics["obj_val"][&200], loss);
    assert_eq!(statistics["obj_val"].len(), 2, "nothing at iteration 0");

    let mut wrong = Solver::new(sgd()).max_iter(1);
    wrong.add_coffee_break(TrainingSummary::of([Quantity::LossOf("los".into())]), Every::Iters(1));
    let message = wrong.solve(&mut training_net(1, &common())).unwrap_err().to_string();
    assert!(message.contains("the loss of layer `los`; expected one of the loss layers: loss"), "{message}");
}

#[test]
fn validation_sees_each_sample_once() {
    keep_log();
    let common = common();
    let mut net = training_net(1, &common);
    let mut solver = solver(20);
    solver.add_coffee_break(ValidationPerformance::new(test_net(&common)), Every::Iters(10));
    solver.solve(&mut net).unwrap();

    let accuracy = &solver.lounge().statistics()["test-accuracy"];
    assert_eq!(accuracy.keys().collect::<Vec<_>>(), [&0, &10, &20]);
    // By hand, with the trained parameters: a batch of 5 does not divide the 13 samples.
    let by_hand = {
        let accuracy = Accuracy::new("all").bottoms(["ip2", "label"]);
        let layers = layers![data("all-data", SAMPLES), ..common, accuracy];
        let mut net = Net::new("all", &backend_cpu::Cpu::new().unwrap(), layers).unwrap();
        net.forward().unwrap();
        net.statistics()[0].value
    };
    assert_eq!(accuracy[&20], by_hand);
    let log = take_log();
    let line = "---------------------------------------------------------";
    let block = [
        String::new(),
        "## Performance on Validation Set after 20 iterations".into(),
        line.into(),
        format!("  Accuracy (avg over 13) = {:.4}%", 100.0 * by_hand),
        line.into(),
        String::new(),
    ];
    assert!(log.windows(block.len()).any(|lines| lines == block), "{log:#?}");
}

#[test]
fn a_validation_net_must_share_and_measure() {
    let check = |test_net: Net, common: &LayerList, text: &str| {
        let mut solver = solver(1);
        solver.add_coffee_break(ValidationPerformance::new(test_net), Every::Iters(1));
        let message = solver.solve(&mut training_net(1, common)).expect_err(text).to_string();
        assert!(message.contains(text), "{message}");
    };
    check(test_net(&common()), &common(), "`test` is without any parameter of the net `train` that is trained");
    let shared = common();
    let silent = Net::new("silent", &backend_cpu::Cpu::new().unwrap(), layers![data("d", 5), ..shared]).unwrap();
    check(silent, &shared, "`silent` is without a layer that gathers statistics");
}

#[test]
fn breaks_come_by_iterations_and_by_epochs() {
    let visits = Arc::new(Mutex::new(Vec::new()));
    let mut solver = solver(14);
    for (name, every) in [('i', Every::Iters(5)), ('e', Every::Epochs(2))] {
        let visits = Arc::clone(&visits);
        let visit = move |context: &mut BreakContext<'_>| {
            assert_eq!(context.loss.is_none(), context.iteration == 0);
            visits.lock().unwrap().push((name, context.iteration));
            Ok(())
        };
        solver.add_coffee_break(Each(visit), every);
    }
    solver.solve(&mut training_net(1, &common())).unwrap();
    // Batches of 4 from 13 samples: epoch 2 is full within iteration 7 (28 samples), epoch 4 within iteration 13.
    let expected = [('i', 0), ('e', 0), ('i', 5), ('e', 7), ('i', 10), ('e', 13)];
    assert_eq!(*visits.lock().unwrap(), expected);
}

#[test]
fn a_break_can_end_training() {
    let (shelf, store) = Shelf::new();
    let mut solver = Solver::new(sgd()); // no limit at all
    solver.add_coffee_break(Snapshot::new(&store), Every::Iters(1000));
    let enough = |context: &mut BreakContext<'_>| {
        if context.iteration == 6 {
            context.stop_training();
        }
        assert!(context.remaining().is_none());
        Ok(())
    };
    solver.add_coffee_break(Each(enough), Every::Iters(3));
    let report = solver.solve(&mut training_net(1, &common())).unwrap();
    assert_eq!((report.iterations, report.stopped), (6, Stopped::CoffeeBreak { name: "each".into() }));
    assert_eq!(shelf.iterations(), [6]);
}

#[test]
fn divergence_names_the_blob_and_keeps_the_good_snapshot() {
    // At iteration 3 the labels' logits overflow: the update of iteration 2 has made the weights huge but finite.
    let (shelf, store) = Shelf::new();
    let steps = [(2, LrPolicy::fixed(0.01)), (1, LrPolicy::fixed(1e30)), (1, LrPolicy::fixed(0.0))];
    let method = Sgd::new().lr_policy(LrPolicy::staged(steps));
    let mut solver = Solver::new(method).max_iter(9).regu_coef(0.0);
    solver.add_coffee_break(Snapshot::new(&store), Every::Iters(2));
    let error = solver.solve(&mut training_net(1, &common())).unwrap_err();
    let Error::Diverged { iteration: 4, loss, blob } = error else { panic!("{error:?}") };
    assert!(!loss.is_finite() && blob == "`ip2` (output of layer `ip2`, InnerProduct)", "{loss} {blob}");
    assert_eq!(shelf.iterations(), [2]);

    // Here the weights themselves overflow; the snapshot that would hold them is not written.
    let (shelf, store) = Shelf::new();
    let steps = [(2, LrPolicy::fixed(0.01)), (1, LrPolicy::fixed(1e60))];
    let mut solver = Solver::new(Sgd::new().lr_policy(LrPolicy::staged(steps))).max_iter(9);
    solver.add_coffee_break(Snapshot::new(&store), Every::Iters(1));
    let error = solver.solve(&mut training_net(1, &common())).unwrap_err();
    let Error::Diverged { iteration: 3, blob, .. } = &error else { panic!("{error:?}") };
    assert_eq!(blob, "parameter or history `ip1___weight`");
    assert_eq!(shelf.iterations(), [1, 2]);
}

#[test]
fn a_failing_break_loses_nothing() {
    let (shelf, store) = Shelf::new();
    let board = Arc::new(Board::default());
    let mut solver = solver(9);
    solver.coffee_lounge(board.clone()).every_n_iter(1000);
    let fail = |context: &mut BreakContext<'_>| -> BreakResult {
        if context.iteration == 4 { Err("the network is down".into()) } else { Ok(()) }
    };
    solver.add_coffee_break(Each(fail), Every::Iters(1));
    solver.add_coffee_break(TrainingSummary::new(), Every::Iters(1));
    solver.add_coffee_break(Snapshot::new(&store), Every::Iters(1000));
    let error = solver.solve(&mut training_net(1, &common())).unwrap_err();
    assert_eq!(error.to_string(), "coffee break `each` failed");
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "the network is down");
    assert_eq!(shelf.iterations(), [4]);
    assert_eq!(board.written.lock().unwrap().as_ref().unwrap()["obj_val"].len(), 4);
}

#[test]
fn a_full_disk_is_told_and_the_snapshot_is_safe() {
    let (shelf, store) = Shelf::new();
    let board = Arc::new(Board::default());
    board.full.store(true, Ordering::Relaxed);
    let mut statistics_first = solver(9);
    statistics_first.coffee_lounge(board).every_n_iter(2);
    statistics_first.add_coffee_break(TrainingSummary::new(), Every::Iters(1));
    statistics_first.add_coffee_break(Snapshot::new(&store), Every::Iters(1000));
    let error = statistics_first.solve(&mut training_net(1, &common())).unwrap_err();
    assert_eq!(error.to_string(), "board: no space left");
    assert_eq!(shelf.iterations(), [2]);

    shelf.full.store(true, Ordering::Relaxed);
    let mut refused = solver(9);
    refused.add_coffee_break(Snapshot::new(&store), Every::Iters(1000));
    let mut net = training_net(1, &common());
    let before = all_values(&net);
    assert_eq!(refused.solve(&mut net).unwrap_err().to_string(), "shelf: no space left");
    assert_eq!(before, all_values(&net), "found out before the first iteration");
}
