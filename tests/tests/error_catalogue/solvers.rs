//! Mistakes in a solver's settings and in the net that it is given.

use crate::{
    catalogue::check,
    common::{network, solver, training_net, write_sample},
    memory, net, text,
};
use io_hdf5::statistics;
use layers::prelude::*;
use solver::{
    EarlyStopping, Every, Goal, IfExists, LrPolicy, MomPolicy, Sgd, Solver, TrainingSummary, ValidationPerformance,
};

#[test]
fn solvers() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write_sample(folder.path());
    let lenet = network::lenet();
    let fresh = || training_net(folder.path(), 1, 0, &lenet);
    let solve = |mut solver: Solver| text(solver.solve(&mut fresh()));
    let by = |method: Sgd| solve(Solver::new(method).max_iter(50));
    let loss = || SoftmaxLoss::new("loss").bottoms(["ip2", "label"]);
    let for_inference = Net::builder("catalogue").inference();
    let backend = backend_cpu::Cpu::with_threads(1).unwrap();
    let mut for_inference =
        for_inference.build(&backend, layers![memory(2, 28, 1.0), ..network::lenet(), loss()]).unwrap();
    let mut without_loss = net(layers![memory(2, 28, 1.0), ..network::lenet()]).unwrap();
    let mut without_parameters = net(layers![
        MemoryData::new("data", 2).zeros("data", [2, 4]).zeros("label", [2, 1]),
        SoftmaxLoss::new("loss").bottoms(["data", "label"])
    ])
    .unwrap();
    let other_layers = training_net(folder.path(), 1, 0, &network::lenet());
    statistics(at("statistics.hdf5")).save(&[("obj_val".into(), [(0, 1.0)].into())].into()).unwrap();
    check(
        "Solvers",
        folder.path(),
        &[
            ("A learning rate that is far too large", by(Sgd::new().lr_policy(LrPolicy::fixed(1e9)))),
            ("A negative learning rate", by(Sgd::new().lr_policy(LrPolicy::fixed(-0.1)))),
            ("A momentum of one", by(Sgd::new().mom_policy(MomPolicy::fixed(1.0)))),
            ("A net without a loss is trained", text(solver(1).solve(&mut without_loss))),
            ("A net for inference is trained", text(solver(1).solve(&mut for_inference))),
            ("A net without parameters is trained", text(solver(1).solve(&mut without_parameters))),
            (
                "A validation net of other layers",
                solve(with(|solver| {
                    solver.add_coffee_break(ValidationPerformance::new(other_layers), Every::Iters(1));
                })),
            ),
            (
                "A coffee break every 0 iterations",
                solve(with(|solver| solver.add_coffee_break(TrainingSummary::new(), Every::Iters(0)))),
            ),
            (
                "A goal that nobody records",
                solve(with(|solver| {
                    solver.add_coffee_break(EarlyStopping::new(Goal::highest("accuracy"), 5), Every::Iters(1));
                })),
            ),
            (
                "A statistics file that exists",
                solve(with(|solver| {
                    solver.coffee_lounge(statistics(at("statistics.hdf5"))).if_exists(IfExists::Refuse);
                })),
            ),
        ],
    );
}

/// The tutorial's solver with a change.
fn with(change: impl FnOnce(&mut Solver)) -> Solver {
    let mut solver = solver(1);
    change(&mut solver);
    solver
}
