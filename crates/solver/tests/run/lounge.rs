//! The statistics file: what a run finds, and what it leaves.

use crate::support::*;
use solver::{Every, IfExists, Snapshot, Solver, Statistics, TrainingSummary};
use std::sync::{Arc, Mutex};

/// The iterations at which the file has a value of each statistic.
fn iterations(statistics: &Statistics) -> Vec<(&str, Vec<u64>)> {
    statistics.iter().map(|(name, values)| (name.as_str(), values.keys().copied().collect())).collect()
}

/// Trains to iteration 6, afresh or from a snapshot of iteration 4, with a file that another run has left.
fn check(choice: IfExists, resumed: bool, expected: &[(&str, &[u64])]) {
    let (_, store) = Shelf::new();
    let summary = || TrainingSummary::of([solver::Quantity::ObjVal]);
    if resumed {
        let mut first = solver(4);
        first.add_coffee_break(summary(), Every::Iters(2));
        first.add_coffee_break(Snapshot::new(&store), Every::Iters(4));
        first.solve(&mut training_net(1, &common())).unwrap();
    }
    let old = |iterations: &[u64]| iterations.iter().map(|&n| (n, -1.0)).collect();
    let file = Statistics::from([("obj_val".into(), old(&[0, 2, 3, 5, 6])), ("old".into(), old(&[0, 4, 9]))]);
    let board = Arc::new(Board { written: Mutex::new(Some(file)), ..Board::default() });
    let mut solver = Solver::new(sgd()).max_iter(6).load_from(&store);
    solver.coffee_lounge(board.clone()).every_n_iter(3).if_exists(choice);
    solver.add_coffee_break(summary(), Every::Iters(2));
    solver.solve(&mut training_net(1, &common())).unwrap();
    let written = board.written.lock().unwrap().clone().unwrap();
    let expected: Vec<(&str, Vec<u64>)> = expected.iter().map(|(name, list)| (*name, list.to_vec())).collect();
    assert_eq!(iterations(&written), expected, "{choice:?}, resumed: {resumed}");
    assert!(written["obj_val"][&2] > 0.0, "the run's own value counts");
    assert_eq!(solver.lounge().statistics(), &written);
}

#[test]
fn an_old_file_is_merged_or_overwritten() {
    check(IfExists::Merge, false, &[("obj_val", &[0, 2, 4, 6]), ("old", &[0])]);
    check(IfExists::Merge, true, &[("obj_val", &[0, 2, 3, 4, 6]), ("old", &[0, 4])]);
    check(IfExists::Overwrite, false, &[("obj_val", &[2, 4, 6])]);
    check(IfExists::Overwrite, true, &[("obj_val", &[2, 4, 6])]);
    check(IfExists::Refuse, true, &[("obj_val", &[0, 2, 3, 4, 6]), ("old", &[0, 4])]);
}

#[test]
fn an_old_file_can_be_refused() {
    let board = Arc::new(Board { written: Mutex::new(Some(Statistics::new())), ..Board::default() });
    let mut solver = solver(1);
    solver.coffee_lounge(board.clone()).if_exists(IfExists::Refuse);
    let message = solver.solve(&mut training_net(1, &common())).unwrap_err().to_string();
    assert!(message.starts_with("board: the statistics file exists"), "{message}");
    assert_eq!(*board.times.lock().unwrap(), 0);
}

#[test]
fn the_file_is_written_when_due_and_when_there_is_something_new() {
    let writes = |every_n_iter: u64| {
        let board = Arc::new(Board::default());
        let mut solver = solver(10);
        solver.coffee_lounge(board.clone()).every_n_iter(every_n_iter);
        solver.add_coffee_break(TrainingSummary::new(), Every::Iters(4));
        solver.solve(&mut training_net(1, &common())).unwrap();
        let last = *board.written.lock().unwrap().as_ref().unwrap()["obj_val"].keys().max().unwrap();
        assert_eq!(last, 8);
        *board.times.lock().unwrap()
    };
    assert_eq!(writes(1), 2, "at 4 and 8");
    assert_eq!(writes(5), 2, "at 5 and 10");
    assert_eq!(writes(1000), 1, "at the end");
    let mut never = solver(1);
    never.coffee_lounge(Arc::new(Board::default())).every_n_iter(0);
    let message = never.solve(&mut training_net(1, &common())).unwrap_err().to_string();
    assert_eq!(message, "the coffee lounge's every_n_iter is 0; expected at least 1");
}
