//! A tiny net, stores in memory, a break made of a closure, and the log's lines.

use layers::prelude::*;
use ndarray::Array2;
use solver::{
    BreakContext, BreakResult, Checkpoint, CheckpointStore, CoffeeBreak, Error, LrPolicy, Meta, MomPolicy, Result, Sgd,
    Solver, Statistics, StatisticsStore,
};
use std::{
    cell::RefCell,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

pub(crate) const SAMPLES: usize = 13;

/// Thirteen points of the plane in three classes, and a net that learns them: 2 -> 5 (ReLU) -> 3.
pub(crate) fn common() -> LayerList {
    layers![
        InnerProduct::new("ip1", 5).neuron(Neuron::ReLU).bottom("data").top("ip1"),
        InnerProduct::new("ip2", 3).bottom("ip1").top("ip2"),
    ]
}

pub(crate) fn data(name: &str, batch: usize) -> MemoryData {
    let points = Array2::from_shape_fn((SAMPLES, 2), |(i, j)| ((i * 7 + j * 3) % 11) as f32 / 5.0 - 1.0);
    let labels = Array2::from_shape_fn((SAMPLES, 1), |(i, _)| (i % 3) as f32);
    MemoryData::new(name, batch).array("data", points).array("label", labels)
}

pub(crate) fn training_net(seed: u64, common: &LayerList) -> Net {
    let layers =
        layers![data("train-data", 4).shuffle(true), ..common, SoftmaxLoss::new("loss").bottoms(["ip2", "label"]),];
    Net::builder("train").seed(seed).build(&backend_cpu::Cpu::with_threads(1).unwrap(), layers).unwrap()
}

pub(crate) fn test_net(common: &LayerList) -> Net {
    let layers = layers![data("test-data", 5), ..common, Accuracy::new("test").bottoms(["ip2", "label"])];
    Net::new("test", &backend_cpu::Cpu::with_threads(1).unwrap(), layers).unwrap()
}

pub(crate) fn sgd() -> Sgd {
    Sgd::new().lr_policy(LrPolicy::inv(0.1, 0.01, 0.75)).mom_policy(MomPolicy::fixed(0.9))
}

/// A solver that keeps quiet and stops after some iterations.
pub(crate) fn solver(iterations: u64) -> Solver {
    Solver::new(sgd()).max_iter(iterations)
}

pub(crate) fn values(net: &Net, key: &str) -> Vec<f64> {
    net.param(key).unwrap().data().read().unwrap()
}

pub(crate) fn set_values(net: &Net, key: &str, values: &[f64]) {
    net.param(key).unwrap().set(values).unwrap();
}

/// All values of all parameters, to compare two nets bit for bit.
pub(crate) fn all_values(net: &Net) -> Vec<Vec<f64>> {
    net.params().iter().map(|param| param.data().read().unwrap()).collect()
}

/// Snapshots in memory; what is not an array goes through JSON, as it does in a file.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    saved: Mutex<Vec<(Checkpoint, String)>>,
    pub(crate) full: AtomicBool,
}

impl Shelf {
    pub(crate) fn new() -> (Arc<Shelf>, Arc<dyn CheckpointStore>) {
        let shelf = Arc::new(Shelf::default());
        (Arc::clone(&shelf), shelf)
    }

    /// A shelf with one checkpoint in it.
    pub(crate) fn holding(checkpoint: Checkpoint) -> Arc<dyn CheckpointStore> {
        let (shelf, store) = Shelf::new();
        shelf.save(&checkpoint).unwrap();
        store
    }

    pub(crate) fn iterations(&self) -> Vec<u64> {
        self.saved.lock().unwrap().iter().map(|(checkpoint, _)| checkpoint.iteration).collect()
    }

    pub(crate) fn newest(&self) -> Checkpoint {
        self.load_newest().unwrap().unwrap().1
    }
}

fn full_disk(path: &str) -> Result<()> {
    Err(Error::File { path: path.into(), message: "no space left".into(), source: None })
}

impl CheckpointStore for Shelf {
    fn prepare(&self) -> Result<()> {
        if self.full.load(Ordering::Relaxed) { full_disk("shelf") } else { Ok(()) }
    }
    fn save(&self, checkpoint: &Checkpoint) -> Result<PathBuf> {
        self.prepare()?;
        let meta = serde_json::to_string(&checkpoint.meta).unwrap();
        self.saved.lock().unwrap().push((checkpoint.clone(), meta));
        Ok(format!("shelf/{}", checkpoint.iteration).into())
    }
    fn remove(&self, iteration: u64) -> Result<()> {
        self.saved.lock().unwrap().retain(|(checkpoint, _)| checkpoint.iteration != iteration);
        Ok(())
    }
    fn load_newest(&self) -> Result<Option<(PathBuf, Checkpoint)>> {
        let newest = self.iterations().into_iter().max();
        newest.map(|iteration| Ok(("shelf/newest".into(), self.load(iteration)?.1))).transpose()
    }
    fn load(&self, iteration: u64) -> Result<(PathBuf, Checkpoint)> {
        let path = PathBuf::from(format!("shelf/{iteration}"));
        let saved = self.saved.lock().unwrap();
        let found = saved.iter().rev().find(|(checkpoint, _)| checkpoint.iteration == iteration).cloned();
        let missing = || Error::File { path: path.clone(), message: "not there".into(), source: None };
        let (checkpoint, meta) = found.ok_or_else(missing)?;
        Ok((path, Checkpoint { meta: serde_json::from_str::<Meta>(&meta).unwrap(), ..checkpoint }))
    }
    fn place(&self) -> String {
        "the shelf".into()
    }
}

/// A statistics file in memory.
#[derive(Debug, Default)]
pub(crate) struct Board {
    pub(crate) written: Mutex<Option<Statistics>>,
    pub(crate) times: Mutex<usize>,
    pub(crate) full: AtomicBool,
}

impl StatisticsStore for Board {
    fn prepare(&self) -> Result<()> {
        Ok(())
    }
    fn save(&self, statistics: &Statistics) -> Result<()> {
        if self.full.load(Ordering::Relaxed) {
            return full_disk("board");
        }
        *self.times.lock().unwrap() += 1;
        *self.written.lock().unwrap() = Some(statistics.clone());
        Ok(())
    }
    fn load(&self) -> Result<Option<Statistics>> {
        Ok(self.written.lock().unwrap().clone())
    }
    fn path(&self) -> PathBuf {
        "board".into()
    }
}

/// A coffee break made of a closure.
pub(crate) struct Each<F>(pub(crate) F);

impl<F: FnMut(&mut BreakContext<'_>) -> BreakResult + Send> CoffeeBreak for Each<F> {
    fn name(&self) -> &str {
        "each"
    }
    fn enjoy(&mut self, context: &mut BreakContext<'_>) -> BreakResult {
        (self.0)(context)
    }
}

/// What this thread has logged since the last call.
pub(crate) fn take_log() -> Vec<String> {
    LINES.with(|lines| lines.take())
}

/// Starts keeping what is logged.
pub(crate) fn keep_log() {
    // Another test may have done it already.
    let _ = log::set_logger(&Keeper);
    log::set_max_level(log::LevelFilter::Info);
    take_log();
}

thread_local!(static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) });

struct Keeper;

impl log::Log for Keeper {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }
    fn log(&self, record: &log::Record<'_>) {
        LINES.with(|lines| lines.borrow_mut().push(record.args().to_string()));
    }
    fn flush(&self) {}
}
