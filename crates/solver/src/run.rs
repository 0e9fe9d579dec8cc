//! The solve loop.
//!
//! Iteration n (from 1) is: forward, whose loss is the iteration's objective value; backward; the gradient hooks; clipping;
//! update; constraints; coffee breaks. Mocha goes forward once before the loop and reports the loss of the *next* batch; here nothing
//! is computed between iterations, so that a snapshot taken there is complete and a resumed run continues bit for bit.
//! Nothing in the loop allocates, except in coffee breaks.

use crate::{
    BreakContext, BreakResult, CoffeeBreak, Error, Every, Report, Result, Solver, Stopped,
    coffee::{Scheduled, Wishes},
    constraint,
    gradients::{self, Clipping},
    resume::{self, Rest},
};
use layers::Net;
use std::time::{Duration, Instant};

/// A method of [`CoffeeBreak`].
type Visit = fn(&mut (dyn CoffeeBreak + 'static), &mut BreakContext<'_>) -> BreakResult;

/// A run between its start and its end.
pub(crate) struct Run<'a> {
    solver: &'a mut Solver,
    net: &'a mut Net,
    started_at: u64,
    iteration: u64,
    loss: Option<f64>,
    begun: Instant,
    /// Time spent in iterations, without coffee breaks.
    training: Duration,
    clipping: Option<Clipping>,
    wishes: Wishes,
    stopped_by_break: Option<String>,
    /// Whether net and method are in step, so that a snapshot can be taken.
    between_iterations: bool,
}

impl<'a> Run<'a> {
    /// Checks everything, resumes if there is something to resume, and gets the coffee breaks ready.
    pub(crate) fn start(solver: &'a mut Solver, net: &'a mut Net) -> Result<Self> {
        check_net(net)?;
        solver.method.setup(net)?;
        let (started_at, rest) = match load_newest(solver, net)? {
            Some((iteration, rest)) => (iteration, Some(rest)),
            None => (0, None),
        };
        let (statistics, coffee_breaks) = match rest {
            Some(Rest { statistics, coffee_breaks }) => (Some(statistics), coffee_breaks),
            None => (None, Vec::new()),
        };
        solver.lounge.open(started_at, statistics)?;
        if net.epoch().is_none()
            && let Some(scheduled) = solver.breaks.iter().find(|scheduled| matches!(scheduled.every, Every::Epochs(_)))
        {
            return Err(Error::Value {
                what: format!("how often coffee break `{}` is taken", scheduled.coffee_break.name()),
                found: format!("{:?}", scheduled.every),
                expected: format!("Every::Iters(..): net `{}` has no data layer that knows its epochs", net.name()),
            });
        }
        let clipping = solver.clip_gradients.map(|norm| Clipping::new(norm, net)).transpose()?;
        let mut run = Run {
            solver,
            net,
            started_at,
            iteration: started_at,
            loss: None,
            begun: Instant::now(),
            training: Duration::ZERO,
            clipping,
            wishes: Wishes::default(),
            stopped_by_break: None,
            between_iterations: true,
        };
        run.coffee(|_| true, <dyn CoffeeBreak>::init)?;
        resume::restore_breaks(coffee_breaks, &mut run.solver.breaks)?;
        run.solver.method.observe(run.solver.lounge.statistics())?;
        run.begun = Instant::now();
        Ok(run)
    }

    /// Trains until something ends it, then saves what is to be saved.
    pub(crate) fn finish(mut self) -> Result<Report> {
        let outcome = self.iterate();
        let ending = self.end();
        let stopped = match (outcome, ending) {
            (Ok(stopped), Ok(())) => stopped,
            (Ok(_), Err(error)) | (Err(error), Ok(())) => return Err(error),
            (Err(error), Err(second)) => {
                log::error!("while ending the run after an error: {second}");
                return Err(error);
            }
        };
        let done = self.iteration - self.started_at;
        let speed = if done == 0 { 0.0 } else { done as f64 / self.training.as_secs_f64().max(1e-9) };
        let report = Report {
            iterations: self.iteration,
            iterations_in_this_run: done,
            loss: self.loss,
            stopped,
            elapsed: self.begun.elapsed(),
            iterations_per_second: speed,
        };
        log::info!("Training {report}");
        Ok(report)
    }

    fn iterate(&mut self) -> Result<Stopped> {
        let mut epoch = self.net.epoch().unwrap_or(0);
        if self.iteration == 0 {
            self.take_breaks(0, 0)?;
        }
        loop {
            if let Some(stopped) = self.stopped() {
                return Ok(stopped);
            }
            self.step()?;
            let now = self.net.epoch().unwrap_or(0);
            self.take_breaks(epoch, now)?;
            epoch = now;
        }
    }

    fn stopped(&mut self) -> Option<Stopped> {
        if self.solver.max_iter.is_some_and(|last| self.iteration >= last) {
            return Some(Stopped::MaxIter);
        }
        if let Some(name) = self.stopped_by_break.take() {
            return Some(Stopped::CoffeeBreak { name });
        }
        self.solver.stop.signal().map(|signal| Stopped::Interrupted { signal })
    }

    /// One iteration.
    fn step(&mut self) -> Result<()> {
        let begun = Instant::now();
        let iteration = self.iteration + 1;
        self.between_iterations = false;
        let loss = self.compute_gradients(iteration)?;
        self.combine_gradients(iteration)?;
        if let Some(clipping) = &mut self.clipping {
            clipping.apply(self.net)?;
        }
        self.solver.method.update(iteration, self.net, self.solver.regu_coef)?;
        constraint::enforce(self.net, iteration)?;
        (self.iteration, self.loss, self.between_iterations) = (iteration, Some(loss), true);
        self.training += begun.elapsed();
        Ok(())
    }

    /// Forward and backward through the iteration's batches; the mean of their losses, with the mean of their gradients.
    fn compute_gradients(&mut self, iteration: u64) -> Result<f64> {
        let batches = self.solver.iter_size;
        let mut sum = 0.0;
        for batch in 0..batches {
            let loss = self.net.forward()?;
            if !loss.is_finite() {
                let blob = self.net.first_bad_blob()?.unwrap_or_else(|| "the loss itself".into());
                return Err(Error::Diverged { iteration, loss, blob });
            }
            if batch == 0 {
                self.net.backward()?
            } else {
                self.net.backward_add()?
            }
            sum += loss;
        }
        if batches > 1 {
            gradients::scale(self.net, 1.0 / batches as f64)?;
        }
        Ok(sum / batches as f64)
    }

    /// The seam between backward and update: all gradients are complete and none is used yet.
    fn combine_gradients(&mut self, iteration: u64) -> Result<()> {
        for hook in &mut self.solver.gradient_hooks {
            hook(self.net).map_err(|source| Error::GradientHook { iteration, source })?;
        }
        Ok(())
    }

    /// The coffee breaks that are due, what the learning rate makes of their numbers, and the statistics file.
    fn take_breaks(&mut self, epoch_before: u64, epoch: u64) -> Result<()> {
        let iteration = self.iteration;
        self.coffee(|scheduled| scheduled.is_due(iteration, epoch_before, epoch), <dyn CoffeeBreak>::enjoy)?;
        self.solver.method.observe(self.solver.lounge.statistics())?;
        self.solver.lounge.save_when_due(iteration)
    }

    /// The last snapshot and the statistics; each is tried even if the other fails.
    fn end(&mut self) -> Result<()> {
        let finished = if self.between_iterations { self.coffee(|_| true, <dyn CoffeeBreak>::finish) } else { Ok(()) };
        let saved = self.solver.lounge.save();
        finished.and(saved)
    }

    /// Visits some breaks, all of them even if one fails, then goes back and saves snapshots as they asked for.
    fn coffee(&mut self, taken: impl Fn(&Scheduled) -> bool, visit: Visit) -> Result<()> {
        let mut result = Ok(());
        let Solver { breaks, lounge, method, max_iter, stop, .. } = &mut *self.solver;
        for (number, scheduled) in breaks.iter_mut().enumerate().filter(|(_, scheduled)| taken(scheduled)) {
            let mut context = BreakContext {
                net: self.net,
                iteration: self.iteration,
                started_at: self.started_at,
                max_iter: *max_iter,
                loss: self.loss,
                learning_rate: method.learning_rate(self.iteration.max(1)),
                momentum: method.momentum(self.iteration.max(1)),
                elapsed: self.begun.elapsed(),
                training: self.training,
                number,
                lounge,
                wishes: &mut self.wishes,
                stop,
            };
            let coffee_break = scheduled.coffee_break.as_mut();
            if let Err(source) = visit(coffee_break, &mut context) {
                keep_first(&mut result, in_break(coffee_break.name(), source));
            }
            if std::mem::take(&mut self.wishes.stop) && self.stopped_by_break.is_none() {
                self.stopped_by_break = Some(scheduled.coffee_break.name().to_owned());
            }
        }
        if let Err(error) = self.grant_wishes() {
            keep_first(&mut result, error);
        }
        result
    }

    /// Goes back if that was asked for, saves the snapshots that were asked for, and then removes those that were.
    fn grant_wishes(&mut self) -> Result<()> {
        let Wishes { back, snapshots, removals, .. } = std::mem::take(&mut self.wishes);
        if let Some((store, iteration)) = back {
            // A snapshot of what was to be left would be resumed without going back.
            self.between_iterations = false;
            let (path, checkpoint) = store.load(iteration)?;
            resume::go_back(&path, &checkpoint, self.solver, self.net)?;
            self.between_iterations = true;
            log::info!("Went back to the parameters of iteration {iteration}, {}", path.display());
        }
        if !snapshots.is_empty() {
            let checkpoint = resume::checkpoint(self.solver, self.net, self.iteration, self.loss.unwrap_or_default())?;
            for store in snapshots {
                let path = store.save(&checkpoint)?;
                log::info!("Saved snapshot {}", path.display());
            }
        }
        removals.into_iter().try_for_each(|(store, iteration)| store.remove(iteration))
    }
}

/// Resumes the newest snapshot, if there is one: its iteration, and what is not for net and method.
fn load_newest(solver: &mut Solver, net: &mut Net) -> Result<Option<(u64, Rest)>> {
    let what = format!("net `{}` with {} on {}", net.name(), solver.method.name(), net.backend().describe());
    let Some(store) = solver.load_from.clone() else {
        log::info!("Training {what}");
        return Ok(None);
    };
    let Some((path, checkpoint)) = store.load_newest()? else {
        log::info!("Training {what}; no snapshot in {}: starting from scratch", store.place());
        return Ok(None);
    };
    let iteration = checkpoint.iteration;
    let rest = resume::restore(&path, checkpoint, solver, net)?;
    log::info!("Training {what}; resumed at iteration {iteration} from {}", path.display());
    Ok(Some((iteration, rest)))
}

fn check_net(net: &Net) -> Result<()> {
    let lacks = |found: &str, expected: &str| {
        Err(Error::Value {
            what: format!("net `{}`, which is to be trained,", net.name()),
            found: found.into(),
            expected: expected.into(),
        })
    };
    if net.params().is_empty() {
        return lacks("without parameters", "one with a layer that learns, e.g. InnerProduct");
    }
    if !net.layers().0.iter().any(|layer| layer.layer().is_loss()) {
        return lacks("without a loss layer", "one with a loss among its layers, e.g. SoftmaxLoss");
    }
    if net.params().iter().all(|param| param.diff().is_none()) {
        return lacks(
            "built for inference, or its layers only gather statistics",
            "one built without `.inference()`, with a layer that learns, e.g. InnerProduct",
        );
    }
    constraint::check(net)
}

/// An error of ours says already what failed.
fn in_break(name: &str, source: Box<dyn std::error::Error + Send + Sync>) -> Error {
    match source.downcast::<Error>() {
        Ok(ours) => *ours,
        Err(source) => Error::CoffeeBreak { name: name.to_owned(), source },
    }
}

fn keep_first(result: &mut Result<()>, error: Error) {
    match result {
        Ok(()) => *result = Err(error),
        Err(_) => log::error!("{error}"),
    }
}
