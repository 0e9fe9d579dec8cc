//! `crema test`: one epoch of the test data.

use crate::{
    cli::{TestArgs, Which},
    config::Config,
    error::{Error, Result},
    weights,
};
use layers::Statistic;
use serde_json::{Map, Value, json};
use std::path::Path;

pub(crate) fn run(args: &TestArgs) -> Result<()> {
    let config = Config::read(&args.config)?;
    let mut chosen = None;
    let backend = config.backend(&args.backend, |line| chosen = Some(line.to_owned()))?;
    let mut net = config.net(Which::Test, &backend)?;
    let (path, parameters) = config.weights(args.weights.weights.as_deref())?;
    weights::fill(&mut net, &parameters, &path)?;
    net.forward_epoch()?;
    let statistics = net.statistics();
    if statistics.is_empty() {
        let message = format!(
            "{}: the net of [[test]] has no layer that gathers statistics; add one such as Accuracy",
            args.config.display()
        );
        return Err(Error::Message(message));
    }
    if args.json {
        return Ok(terminal::say(&object(&path, &statistics).to_string())?);
    }
    let lines = statistics.iter().map(|statistic| statistic.text.clone());
    let heading = format!("{} on {}:", path.display(), net.name());
    Ok(chosen.into_iter().chain([heading]).chain(lines).try_for_each(|line| terminal::say(&line))?)
}

/// `{"weights": "snapshots/snapshot-010000.hdf5", "test-accuracy-accuracy": 0.991}`.
fn object(weights: &Path, statistics: &[Statistic]) -> Value {
    let numbers = statistics.iter().map(|statistic| (statistic.key.clone(), json!(statistic.value)));
    let weights = ("weights".to_owned(), json!(weights.display().to_string()));
    Value::Object(std::iter::once(weights).chain(numbers).collect::<Map<_, _>>())
}
