//! `--json`: what other programs read. Numbers come as soon as a coffee break has recorded them.

use serde_json::{Map, Value, json};
use solver::{BreakContext, BreakResult, CoffeeBreak, Statistics};

/// Writes an object with all numbers of the iteration, when there are any.
#[derive(Debug)]
pub(crate) struct Events;

impl CoffeeBreak for Events {
    fn name(&self) -> &str {
        "json-events"
    }

    fn enjoy(&mut self, context: &mut BreakContext<'_>) -> BreakResult {
        if let Some(line) = statistics(context.statistics(), context.iteration) {
            crate::say(&line.to_string())?;
        }
        Ok(())
    }
}

/// `{"event": "statistics", "iteration": 100, "obj_val": 0.43, ...}` with all that was recorded at this iteration.
fn statistics(all: &Statistics, iteration: u64) -> Option<Value> {
    let mut object: Map<String, Value> =
        all.iter().filter_map(|(name, values)| Some((name.clone(), json!(values.get(&iteration)?)))).collect();
    if object.is_empty() {
        return None;
    }
    object.insert("event".into(), "statistics".into());
    object.insert("iteration".into(), iteration.into());
    Some(Value::Object(object))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_iteration_without_numbers_says_nothing() {
        let all = Statistics::from([
            ("obj_val".into(), [(100, 0.5), (200, 0.25)].into()),
            ("test-accuracy-accuracy".into(), [(200, 0.9)].into()),
        ]);
        assert_eq!(statistics(&all, 150), None);
        let expected = json!({"event": "statistics", "iteration": 200, "obj_val": 0.25, "test-accuracy-accuracy": 0.9});
        assert_eq!(statistics(&all, 200), Some(expected));
    }
}
