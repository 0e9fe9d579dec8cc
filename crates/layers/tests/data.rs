//! MemoryData: order, epochs, shuffling, replacing, resuming.

#![allow(clippy::unwrap_used, clippy::panic)] // clippy.toml allows them in test functions, not in their helpers

use layers::prelude::*;
use ndarray::{Array1, Array2, array};
use std::collections::BTreeMap;

fn net(data: MemoryData) -> Net {
    Net::builder("net").seed(5).build(&backend_cpu::Cpu::with_threads(1).unwrap(), layers![data]).unwrap()
}

fn count(samples: usize) -> Array2<f64> {
    Array2::from_shape_fn((samples, 1), |(n, _)| n as f64)
}

fn next(net: &mut Net) -> Vec<f64> {
    net.forward().unwrap();
    net.blob("x").unwrap().data.read().unwrap()
}

#[test]
fn batches_run_over_the_end_of_an_epoch() {
    let mut net = net(MemoryData::new("data", 3).array("x", count(4)));
    assert_eq!(net.epoch(), Some(0));
    assert_eq!(next(&mut net), [0.0, 1.0, 2.0]);
    assert_eq!((next(&mut net), net.epoch()), (vec![3.0, 0.0, 1.0], Some(1)));
    assert_eq!((next(&mut net), net.epoch()), (vec![2.0, 3.0, 0.0], Some(2)));
}

#[test]
fn a_batch_may_hold_several_epochs() {
    let mut net = net(MemoryData::new("data", 5).array("x", count(2)));
    assert_eq!((next(&mut net), net.epoch()), (vec![0.0, 1.0, 0.0, 1.0, 0.0], Some(2)));
}

#[test]
fn shuffled_epochs_are_permutations() {
    let data = || MemoryData::new("data", 7).array("x", count(7)).shuffle(true);
    let (mut net, mut same) = (net(data()), net(data()));
    let mut orders = Vec::new();
    for _ in 0..4 {
        let order = next(&mut net);
        assert_eq!(order, next(&mut same));
        let mut sorted = order.clone();
        sorted.sort_by(f64::total_cmp);
        assert_eq!(sorted, count(7).into_raw_vec_and_offset().0);
        orders.push(order);
    }
    orders.dedup();
    assert_eq!(orders.len(), 4);
}

#[test]
fn resumes_in_the_middle_of_a_shuffled_epoch() {
    let data = || MemoryData::new("data", 4).array("x", count(9)).shuffle(true);
    let (mut first, mut second) = (net(data()), net(data()));
    for _ in 0..6 {
        next(&mut first);
    }
    let text = serde_json::to_string(&first.save_layers()).unwrap();
    second.restore_layers(&serde_json::from_str(&text).unwrap()).unwrap();
    assert_eq!(first.epoch(), second.epoch());
    for _ in 0..20 {
        assert_eq!(next(&mut first), next(&mut second));
    }
}

#[test]
fn what_cannot_be_restored_is_told() {
    let mut plain = net(MemoryData::new("data", 4).array("x", count(9)));
    let shuffled = net(MemoryData::new("data", 4).array("x", count(9)).shuffle(true)).save_layers();
    let saved = |text: &str| BTreeMap::from([("data".to_owned(), serde_json::from_str(text).unwrap())]);
    let cases = [
        (shuffled, "layer `data` (MemoryData): the saved data position's order is shuffled; expected not shuffled"),
        (saved(r#"{"epoch": 0, "position": 9, "shuffle": null}"#), "position is 9; expected less than the 9 samples"),
        (saved(r#"{"epoch": 0}"#), "missing field `position`"),
        (BTreeMap::new(), "one of the layers: no layer; expected one of: data; it comes from another net"),
        (BTreeMap::from([("dat".to_owned(), 0.into())]), "net `net` has no layer `dat`; did you mean `data`?"),
    ];
    for (saved, part) in cases {
        let text = plain.restore_layers(&saved).unwrap_err().to_string();
        assert!(text.contains(part), "`{text}` does not contain `{part}`");
    }
}

#[test]
fn arrays_can_be_replaced() {
    let mut net = net(MemoryData::new("data", 2).zeros("x", [2, 1]).zeros("z", [2, 2]));
    assert_eq!(next(&mut net), [0.0, 0.0]);
    let state = net.state_mut::<MemoryDataState>("data").unwrap();
    state.set("x", array![[1.0_f32], [2.0], [3.0]]).unwrap();
    let text = net.forward().unwrap_err().to_string();
    assert!(text.contains("the number of samples for top `z` is 2; expected 3 as for top `x`"), "{text}");
    let state = net.state_mut::<MemoryDataState>("data").unwrap();
    state.set("z", Array2::<f64>::ones((3, 2))).unwrap();
    assert_eq!((next(&mut net), next(&mut net)), (vec![1.0, 2.0], vec![3.0, 1.0]));
    let state = net.state_mut::<MemoryDataState>("data").unwrap();
    let shape = state.set("x", Array1::<f32>::ones(3)).unwrap_err().to_string();
    assert!(shape.contains("the new array for top `x` is 3; expected samples of the shape"), "{shape}");
    let name = state.set("y", Array2::<f32>::ones((3, 1))).unwrap_err().to_string();
    assert!(name.contains("the top to set is `y`"), "{name}");
    let empty = state.set("x", Array2::<f32>::ones((0, 1))).unwrap_err().to_string();
    assert!(empty.contains("0x1"), "{empty}");
}

#[test]
fn a_transposed_array_keeps_its_meaning() {
    let transposed = array![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]].reversed_axes();
    let mut net = net(MemoryData::new("data", 2).array("x", transposed));
    assert_eq!(next(&mut net), [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]);
}

#[test]
fn impossible_data_is_told() {
    let cases = [
        (MemoryData::new("data", 0).array("x", count(3)), "layer `data` (MemoryData): the batch size is 0"),
        (MemoryData::new("data", 1).array("x", count(0)), "the array for top `x` is 0x1"),
        (MemoryData::new("data", 1).array("x", count(3)).array("y", count(2)), "samples for top `y` is 2; expected 3"),
        (MemoryData::new("data", 1).top("x"), "the number of arrays is 0; expected 1, one for each top (x)"),
        (MemoryData::new("data", 1), "the number of tops is 0; expected at least 1"),
    ];
    for (data, part) in cases {
        let text = Net::new("net", &backend_cpu::Cpu::new().unwrap(), layers![data]).unwrap_err().to_string();
        assert!(text.contains(part), "`{text}` does not contain `{part}`");
    }
}
