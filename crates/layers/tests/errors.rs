//! Sweeps over every kind of layer: whatever does not fit ends in an error that names the layer, and says which part.
//!
//! The messages of single layers stand in `shapes.rs` and `losses.rs`.

#![allow(clippy::unwrap_used, clippy::panic)] // clippy.toml allows them in test functions, not in their helpers

use layers::{Count, Example, ExampleBottom, Registry, SingleLayer, prelude::*};
use serde_json::{Value, json};

fn backend() -> backend_cpu::Cpu {
    backend_cpu::Cpu::with_threads(1).unwrap()
}

fn shapes(example: &Example) -> Vec<Shape> {
    example.bottoms.iter().map(|bottom| bottom.shape().unwrap()).collect()
}

/// Sets an example's layer up as `change` leaves its JSON description, for bottoms of these shapes.
fn set_up(example: &Example, change: impl Fn(&mut Value), shapes: &[Shape]) -> Result<SingleLayer, layers::Error> {
    let mut json = example.layer.to_json();
    change(&mut json);
    let layer = Registry::standard().read(&json)?;
    match &example.owner {
        None => SingleLayer::new(&backend(), DType::F32, layer, shapes),
        Some(owner) => {
            let owner = owner.set_up(&backend(), DType::F32)?;
            SingleLayer::beside(&owner, &backend(), DType::F32, layer, shapes)
        }
    }
}

/// The error must start with the layer's name and kind, and contain `part`.
fn names_the_layer<T>(example: &Example, result: Result<T, layers::Error>, part: &str) {
    let layer = example.layer.layer();
    let Err(error) = result else { panic!("no error about `{part}`: {layer:?}") };
    let (text, place) = (error.to_string(), format!("layer `{}` ({}): ", layer.wiring().name, layer.kind()));
    assert!(text.starts_with(&place) && text.contains(part), "`{text}` does not contain `{place}` and `{part}`");
}

fn resize(json: &mut Value, blobs: &str, count: usize) {
    json[blobs] = (0..count).map(|i| format!("{blobs}{i}")).collect();
}

#[test]
fn wrong_numbers_of_blobs() {
    for example in Registry::standard().examples() {
        let arity = example.layer.layer().arity();
        let wiring = example.layer.layer().wiring();
        let (bottoms, tops) = (wiring.bottoms.len(), wiring.tops.len());
        let check = |blobs: &str, count: usize| {
            let result = set_up(&example, |json| resize(json, blobs, count), &shapes(&example));
            names_the_layer(&example, result, &format!("the number of {blobs} is {count}"));
        };
        match arity.bottoms {
            Count::Exactly(n) => (0..=n + 1).filter(|&count| count != n).for_each(|count| check("bottoms", count)),
            Count::AtLeast(n) => (0..n).for_each(|count| check("bottoms", count)),
            Count::SameAsBottoms => unreachable!("bottoms are counted by themselves"),
        }
        match arity.tops {
            Count::Exactly(n) => (0..=n + 1).filter(|&count| count != n).for_each(|count| check("tops", count)),
            Count::AtLeast(n) => (0..n).for_each(|count| check("tops", count)),
            Count::SameAsBottoms => [bottoms - 1, bottoms + 1].into_iter().for_each(|count| check("tops", count)),
        }
        assert_eq!(shapes(&example).len(), bottoms);
        assert!(tops <= 9, "{wiring:?}");
    }
}

#[test]
fn empty_batches_and_empty_samples() {
    for example in Registry::standard().examples() {
        let fitting = shapes(&example);
        for (i, shape) in fitting.iter().enumerate() {
            for axis in 0..shape.rank() {
                let mut sizes = shape.sizes().to_vec();
                sizes[axis] = 0;
                let mut shapes = fitting.clone();
                shapes[i] = Shape::new(&sizes).unwrap();
                let part = format!("the shape of bottom {i} is {}, which has no elements", shapes[i]);
                names_the_layer(&example, set_up(&example, |_| (), &shapes), &part);
            }
        }
    }
    for sizes in [[0, 3], [2, 0]] {
        let noise = RandomNormal::new("noise").output("x", sizes);
        let text = Net::new("net", &backend(), layers![noise]).unwrap_err().to_string();
        assert!(text.contains("layer `noise` (RandomNormal): the shape of top 0 is"), "{text}");
        let data = MemoryData::new("data", 1).zeros("x", sizes);
        let text = Net::new("net", &backend(), layers![data]).unwrap_err().to_string();
        assert!(text.contains("layer `data` (MemoryData): the array for top `x` is"), "{text}");
    }
    let text = Net::new("net", &backend(), layers![MemoryData::new("data", 0).zeros("x", [1, 1])]).unwrap_err();
    assert!(text.to_string().contains("layer `data` (MemoryData): the batch size is 0; expected at least 1"));
}

#[test]
fn batches_that_differ() {
    let mut checked = 0;
    for example in Registry::standard().examples() {
        let layer = example.layer.layer();
        // Each bottom of these has a top or an array of its own; along axis 0 batches are joined.
        let each_by_itself = layer.arity().tops == Count::SameAsBottoms || layer.kind() == "MemoryOutput";
        if example.bottoms.len() < 2 || each_by_itself || example.layer.to_json()["axis"] == 0 {
            continue;
        }
        let mut shapes = shapes(&example);
        let last = shapes.pop().unwrap();
        shapes.push(last.with_batch(last.batch() + 1));
        names_the_layer(&example, set_up(&example, |_| (), &shapes), "; expected ");
        checked += 1;
    }
    assert!(checked > 20, "only {checked} layers were checked");
}

#[test]
fn axes_that_do_not_exist() {
    let mut checked = 0;
    for example in Registry::standard().examples() {
        if example.layer.to_json()["axis"].is_number() {
            names_the_layer(&example, set_up(&example, |json| json["axis"] = json!(99), &shapes(&example)), "ax");
            checked += 1;
        }
    }
    assert!(checked > 20, "only {checked} layers were checked");
}

#[test]
fn labels_that_are_no_class() {
    let mut checked = 0;
    for example in Registry::standard().examples() {
        for (i, bottom) in example.bottoms.iter().enumerate() {
            let ExampleBottom::Labels { classes, .. } = bottom else { continue };
            for bad in [-1.0, 0.5, *classes as f64, f64::NAN, f64::INFINITY] {
                let mut single = set_up(&example, |_| (), &shapes(&example)).unwrap();
                let labels = &single.bottoms()[i].data;
                let (mut values, batch) = (labels.read::<f64>().unwrap(), labels.shape().batch());
                *values.last_mut().unwrap() = bad;
                labels.write(&values).unwrap();
                let part = format!("of sample {} of the batch is {bad}; expected a", batch - 1);
                names_the_layer(&example, single.forward(), &part);
                checked += 1;
            }
        }
    }
    assert!(checked > 50, "only {checked} labels were checked");
}
