//! The solver as users set it up; `run.rs` has the loop.

use crate::{
    BreakResult, CheckpointStore, CoffeeBreak, CoffeeLounge, Every, Method, Report, Result, StatisticsStore, StopFlag,
    check, coffee::Scheduled, gradients::Clipping, run::Run,
};
use layers::Net;
use std::{fmt, sync::Arc};

/// What is called with the net between backward and update; see [`Solver::on_gradients`].
pub(crate) type GradientHook = Box<dyn FnMut(&mut Net) -> BreakResult + Send>;

/// Trains nets: a method, limits, and coffee breaks.
///
/// ```no_run
/// # type Store = std::sync::Arc<dyn solver::CheckpointStore>;
/// # fn train(mut net: layers::Net, snapshots: Store) -> solver::Result<()> {
/// use solver::{Every, LrPolicy, MomPolicy, Sgd, Snapshot, Solver, TrainingSummary};
/// // `snapshots` is e.g. io_hdf5::snapshots("snapshots").
/// let method = Sgd::new().lr_policy(LrPolicy::inv(0.01, 0.0001, 0.75)).mom_policy(MomPolicy::fixed(0.9));
/// let mut solver = Solver::new(method).max_iter(10_000).regu_coef(0.0005).load_from(&snapshots);
/// solver.add_coffee_break(TrainingSummary::new(), Every::Iters(100));
/// solver.add_coffee_break(Snapshot::new(&snapshots), Every::Iters(5000));
/// let report = solver.solve(&mut net)?;
/// # Ok(())
/// # }
/// ```
pub struct Solver {
    pub(crate) method: Box<dyn Method>,
    pub(crate) max_iter: Option<u64>,
    pub(crate) regu_coef: f64,
    pub(crate) iter_size: u64,
    pub(crate) clip_gradients: Option<f64>,
    pub(crate) load_from: Option<Arc<dyn CheckpointStore>>,
    pub(crate) lounge: CoffeeLounge,
    pub(crate) breaks: Vec<Scheduled>,
    pub(crate) gradient_hooks: Vec<GradientHook>,
    pub(crate) stop: StopFlag,
}

impl Solver {
    /// A solver with an update rule. It has no limit of iterations, and a `regu_coef` of 0.0005, as in Mocha.
    pub fn new(method: impl Method + 'static) -> Self {
        Solver {
            method: Box::new(method),
            max_iter: None,
            regu_coef: 0.0005,
            iter_size: 1,
            clip_gradients: None,
            load_from: None,
            lounge: CoffeeLounge::new(),
            breaks: Vec::new(),
            gradient_hooks: Vec::new(),
            stop: StopFlag::new(),
        }
    }

    /// Ends training after this iteration, counted from the very first one, also when a run resumes. Without it a run goes on
    /// until it is interrupted.
    pub fn max_iter(mut self, iterations: u64) -> Self {
        self.max_iter = Some(iterations);
        self
    }

    /// Sets the factor on all regularizers.
    pub fn regu_coef(mut self, coefficient: f64) -> Self {
        self.regu_coef = coefficient;
        self
    }

    /// Lets each iteration go forward and backward through this many batches and update by the mean of their gradients, as if
    /// they were one batch (Caffe's `iter_size`). The objective value is the mean of their losses; the loss of a single layer is
    /// that of the last batch.
    pub fn iter_size(mut self, batches: u64) -> Self {
        self.iter_size = batches;
        self
    }

    /// Scales the gradients of all parameters down together where their L2 norm is larger than this (Caffe's
    /// `clip_gradients`). It acts on the mean over [`Solver::iter_size`] batches, after the hooks of
    /// [`Solver::on_gradients`] and before regularizers.
    pub fn clip_gradients(mut self, norm: f64) -> Self {
        self.clip_gradients = Some(norm);
        self
    }

    /// Resumes the newest snapshot that is kept there; with none, training starts from scratch and a log line says so. To
    /// take over parameters alone, of another method or for fine-tuning, see [`load_weights`](crate::load_weights).
    pub fn load_from(mut self, snapshots: &Arc<dyn CheckpointStore>) -> Self {
        self.load_from = Some(Arc::clone(snapshots));
        self
    }

    /// Stops when this flag is set.
    pub fn stop_on(mut self, flag: &StopFlag) -> Self {
        self.stop = flag.clone();
        self
    }

    /// Keeps the statistics in a file from now on.
    pub fn coffee_lounge(&mut self, store: Arc<dyn StatisticsStore>) -> &mut CoffeeLounge {
        self.lounge.keep_in(store);
        &mut self.lounge
    }

    /// The statistics of the run that was last solved.
    pub fn lounge(&self) -> &CoffeeLounge {
        &self.lounge
    }

    /// Adds a coffee break. Breaks that are due at the same iteration are taken in the order of adding.
    pub fn add_coffee_break(&mut self, coffee_break: impl CoffeeBreak + 'static, every: Every) {
        self.breaks.push(Scheduled { coffee_break: Box::new(coffee_break), every });
    }

    /// Adds a hook that sees the net between backward and update, when all gradients are complete and none is used: the place
    /// to sum them over processes or to inspect them. Clipping comes after them, and regularizers are not in them yet. Hooks are called in the
    /// order of adding.
    pub fn on_gradients(&mut self, hook: impl FnMut(&mut Net) -> BreakResult + Send + 'static) {
        self.gradient_hooks.push(Box::new(hook));
    }

    /// Trains the net until `max_iter`, an interrupt or a coffee break ends it. Each call is a run of its own: it resumes the
    /// newest snapshot of `load_from`, or starts at iteration 0 with the parameters that the net has and an empty history.
    ///
    /// # Errors
    /// - `Error::Value`: a setting makes no sense, the net has no loss.
    /// - `Error::Snapshot`: the snapshot in `load_from` does not fit; neither file nor parameters are changed.
    /// - `Error::Diverged`: the loss is NaN or infinite, or a parameter is when a snapshot would be taken.
    /// - `Error::File`: a snapshot or the statistics could not be written. What was saved before is intact.
    /// - `Error::CoffeeBreak`, `Error::GradientHook`, `Error::Net`, `Error::Tensor`: what failed says so.
    ///
    /// When a run ends with an error between two iterations, the last snapshot and the statistics are saved all the same.
    pub fn solve(&mut self, net: &mut Net) -> Result<Report> {
        self.check()?;
        Run::start(self, net)?.finish()
    }

    fn check(&self) -> Result<()> {
        check::not_negative("the solver's", "regu_coef", self.regu_coef)?;
        check::at_least_one("the solver's", "iter_size", self.iter_size)?;
        self.clip_gradients.map_or(Ok(()), Clipping::check)?;
        self.breaks.iter().try_for_each(Scheduled::check)
    }
}

impl fmt::Debug for Solver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Solver")
            .field("method", &self.method)
            .field("max_iter", &self.max_iter)
            .field("regu_coef", &self.regu_coef)
            .field("iter_size", &self.iter_size)
            .field("clip_gradients", &self.clip_gradients)
            .field("load_from", &self.load_from)
            .field("breaks", &self.breaks)
            .finish_non_exhaustive()
    }
}
