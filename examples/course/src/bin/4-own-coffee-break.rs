//! Lesson 4: a coffee break of one's own. `FilterSheet` draws the first layer's weights as images while they learn, and ends
//! training when they hardly change any more.

use course::{Lesson, Result};
use io_hdf5::Hdf5Data;
use layers::prelude::*;
use ndarray::Array4;
use solver::{BreakContext, BreakResult, CoffeeBreak, Every, LrPolicy, MomPolicy, Sgd};
use std::{path::PathBuf, process::ExitCode};

/// Writes `weights-000500.png` and the like, and stops training when the weights of a layer change by less than `patience`
/// between two breaks, relative to their length.
struct FilterSheet {
    param: String,
    folder: PathBuf,
    patience: f32,
    last: Vec<f32>,
}

impl CoffeeBreak for FilterSheet {
    fn name(&self) -> &str {
        "filter-sheet"
    }

    /// Called before the first iteration: a typo in the parameter's name ends the run here, not after an hour.
    fn init(&mut self, context: &mut BreakContext<'_>) -> BreakResult {
        self.last = context.net.param(&self.param)?.data().read()?;
        Ok(())
    }

    fn enjoy(&mut self, context: &mut BreakContext<'_>) -> BreakResult {
        let weights: Vec<f32> = context.net.param(&self.param)?.data().read()?;
        course::sheet(
            &self.folder.join(format!("weights-{:06}.png", context.iteration)),
            as_images(&weights)?.view(),
            10,
        )?;

        let length = |values: &mut dyn Iterator<Item = f32>| values.map(|x| x * x).sum::<f32>().sqrt();
        let moved = length(&mut weights.iter().zip(&self.last).map(|(new, old)| new - old));
        let change = moved / length(&mut weights.iter().copied());
        self.last = weights;
        // In the statistics file it stands beside the objective value.
        context.record("filter-change", change.into());
        if context.iteration > context.started_at {
            log::info!("The first layer's weights have moved by {:.2} % of their length", 100.0 * change);
            if change < self.patience {
                context.stop_training();
            }
        }
        Ok(())
    }

    // A resumed run compares with the weights of its snapshot, as the uninterrupted one did, so nothing needs to be saved.
}

/// Each output's weights as an image, zero in medium grey.
fn as_images(weights: &[f32]) -> Result<Array4<f32>> {
    let largest = weights.iter().fold(1e-9_f32, |largest, x| largest.max(x.abs()));
    let pixels: Vec<f32> = weights.iter().map(|x| 0.5 + 0.5 * x / largest).collect();
    Ok(Array4::from_shape_vec((weights.len() / (28 * 28), 1, 28, 28), pixels)?)
}

fn main() -> ExitCode {
    course::run("4-own-coffee-break", 5000, lesson)
}

fn lesson(lesson: &Lesson) -> Result {
    let data = lesson.mnist()?;
    let mut net = Net::new(
        "own-break",
        &lesson.backend,
        layers![
            Hdf5Data::new("train-data", data.join("train.txt")).batch_size(64).shuffle(true),
            InnerProduct::new("ip1", 30).neuron(Neuron::Tanh).bottom("data").top("ip1"),
            InnerProduct::new("ip2", 10).bottom("ip1").top("ip2"),
            SoftmaxLoss::new("loss").bottoms(["ip2", "label"]),
        ],
    )?;
    let method = Sgd::new().lr_policy(LrPolicy::step(0.05, 0.5, 1000)).mom_policy(MomPolicy::fixed(0.9));
    let mut solver = lesson.solver("own-break", method).regu_coef(0.0005);
    let sheets =
        FilterSheet { param: "ip1___weight".into(), folder: lesson.out.clone(), patience: 0.03, last: Vec::new() };
    solver.add_coffee_break(sheets, Every::Iters(500));
    lesson.train("own-break", &mut solver, &mut net)?;
    Ok(())
}
