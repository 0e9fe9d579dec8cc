//! Layers that draw random numbers: which numbers, how many, and that they can be had again.

#![allow(clippy::unwrap_used, clippy::panic)] // clippy.toml allows them in test functions, not in their helpers

use backend_cpu::Cpu;
use core_tensor::Philox;
use layers::{SingleLayer, prelude::*};

/// A layer on the bottom 1, 2, 3, ...
fn counting(layer: impl Into<LayerRef>, dtype: DType, bottom: &[usize]) -> SingleLayer {
    let backend = Cpu::with_threads(2).unwrap();
    let single = SingleLayer::new(&backend, dtype, layer, &[Shape::new(bottom).unwrap()]).unwrap();
    let numbers: Vec<f64> = (1..=bottom.iter().product()).map(|i: usize| i as f64).collect();
    single.bottoms()[0].data.write(&numbers).unwrap();
    single
}

/// Which elements a forward pass keeps, all of which must be multiplied by `scale`.
fn kept(single: &mut SingleLayer, scale: f64) -> Vec<bool> {
    single.forward().unwrap();
    let top: Vec<f64> = single.tops()[0].data.read().unwrap();
    let is_kept = |(i, &y): (usize, &f64)| {
        assert!(y == 0.0 || (y / (scale * (i as f64 + 1.0)) - 1.0).abs() < 1e-6, "element {i} is {y}");
        y != 0.0
    };
    top.iter().enumerate().map(is_kept).collect()
}

fn dropout(ratio: f64) -> Dropout {
    Dropout::new("drop", ratio).bottom("x").top("y")
}

#[test]
fn masks_are_a_function_of_the_logical_index() {
    for shape in [&[19, 7][..], &[3, 2, 5, 3], &[1, 1], &[40, 4]] {
        let (samples, features) = (shape[0], shape[1..].iter().product::<usize>());
        let mut layer = counting(dropout(0.3), DType::F32, shape);
        let mut double = counting(dropout(0.3), DType::F64, shape);
        let stream = Philox::new(0, "drop/mask");
        for draw in 0..3 {
            let expected: Vec<bool> = (0..samples * features)
                .map(|i| {
                    let (sample, feature) = (i / features, i % features);
                    let words = stream.block([feature as u32 / 4, sample as u32, draw, 0]);
                    f64::from(words[feature % 4]) / 2f64.powi(32) >= 0.3
                })
                .collect();
            assert_eq!(kept(&mut layer, 1.0 / 0.7), expected, "{shape:?} draw {draw}");
            assert_eq!(kept(&mut double, 1.0 / 0.7), expected, "{shape:?} draw {draw} in f64");
            let diff = layer.tops()[0].diff.as_ref().unwrap();
            diff.write(&vec![-1.0; expected.len()]).unwrap();
            layer.backward().unwrap();
            let dx: Vec<f64> = layer.bottoms()[0].diff.as_ref().unwrap().read().unwrap();
            let fits = |(&dx, &kept): (&f64, &bool)| (dx + if kept { 1.0 / 0.7 } else { 0.0 }).abs() < 1e-6;
            assert!(dx.iter().zip(&expected).all(fits), "{shape:?} draw {draw} backward");
        }
    }
}

#[test]
fn as_many_are_zeroed_as_asked_for() {
    for ratio in [0.0, 0.2, 0.5, 0.9] {
        let n = 200 * 500;
        let zeroed = kept(&mut counting(dropout(ratio).auto_scale(false), DType::F32, &[200, 500]), 1.0);
        let zeroed = zeroed.iter().filter(|&&kept| !kept).count() as f64;
        let deviation = (n as f64 * ratio * (1.0 - ratio)).sqrt();
        assert!((zeroed - n as f64 * ratio).abs() <= 4.0 * deviation, "{zeroed} of {n} at ratio {ratio}");
    }
}

#[test]
fn masks_can_be_had_again() {
    let two = || RandomMask::new("mask", 0.5).bottom("x").top("y");
    for layer in [LayerRef::new(two()), LayerRef::new(dropout(0.5).auto_scale(false))] {
        let mut single = counting(layer.clone(), DType::F32, &[9, 11]);
        let first = kept(&mut single, 1.0);
        let saved = single.state().save().unwrap();
        let (second, third) = (kept(&mut single, 1.0), kept(&mut single, 1.0));
        assert!(first != second && second != third && first != third);
        // Another object, restored from text as a snapshot is.
        let mut other = counting(layer, DType::F32, &[9, 11]);
        other.state_mut().restore(&serde_json::from_str(&saved.to_string()).unwrap()).unwrap();
        assert_eq!([kept(&mut other, 1.0), kept(&mut other, 1.0)], [second, third]);
        let text = other.state_mut().restore(&serde_json::json!({"count": -1})).unwrap_err().to_string();
        assert!(
            text.contains(
                "the saved state of the layer's random stream is {\"count\":-1} (invalid value: integer `-1`"
            ),
            "{text}"
        );
    }
}

#[test]
fn bottoms_of_one_layer_have_masks_of_their_own() {
    let mask = RandomMask::new("mask", 0.5).bottoms(["a", "b"]).tops(["c", "d"]);
    let shapes = [Shape::new(&[8, 20]).unwrap(); 2];
    let mut single = SingleLayer::new(&Cpu::new().unwrap(), DType::F32, mask, &shapes).unwrap();
    for bottom in single.bottoms() {
        bottom.data.write(&[1.0; 160]).unwrap();
    }
    single.forward().unwrap();
    let [c, d] = [0, 1].map(|i| single.tops()[i].data.read::<f32>().unwrap());
    assert_ne!(c, d);
}

#[test]
fn seed_and_name_choose_the_mask() {
    let top = |seed: u64, name: &str| -> Vec<f64> {
        let layers = layers![
            MemoryData::new("data", 4).array("x", ndarray::Array2::<f32>::ones((4, 30))).zeros("label", [4, 1]),
            Dropout::new(name, 0.5).bottom("x").top("y"),
            InnerProduct::new("ip", 2).bottom("y").top("z"),
            SoftmaxLoss::new("loss").bottoms(["z", "label"]),
        ];
        let mut net = Net::builder("net").seed(seed).build(&Cpu::new().unwrap(), layers).unwrap();
        net.forward().unwrap();
        net.blob("y").unwrap().data.read().unwrap()
    };
    assert_eq!(top(1, "a"), top(1, "a"));
    assert_ne!(top(1, "a"), top(2, "a"));
    assert_ne!(top(1, "a"), top(1, "b"));
}

#[test]
fn a_net_without_a_loss_passes_the_bottom_through() {
    let layers = layers![
        MemoryData::new("data", 2).zeros("x", [2, 3]),
        Dropout::new("drop", 0.5).bottom("x").top("y"),
        RandomMask::new("mask", 0.5).bottom("y").top("z"),
    ];
    let net = Net::new("net", &Cpu::new().unwrap(), layers).unwrap();
    let data = |name: &str| net.blob(name).unwrap().data.clone();
    assert!(data("y").same_memory(&data("x")) && data("z").same_memory(&data("x")));
    assert_eq!(net.save_layers().keys().collect::<Vec<_>>(), ["data"]);
}

#[test]
fn ratios_that_make_no_sense_are_refused() {
    for ratio in [-0.1, 1.0, f64::NAN] {
        for layer in [LayerRef::new(dropout(ratio)), RandomMask::new("drop", ratio).bottom("x").top("y").into()] {
            let shape = Shape::new(&[2, 3]).unwrap();
            let built = SingleLayer::new(&Cpu::new().unwrap(), DType::F32, layer, &[shape]);
            let text = built.err().map(|error| error.to_string()).unwrap_or_default();
            let expected =
                format!("the ratio, the probability of being zeroed, is {ratio}; expected at least 0 and less");
            assert!(text.contains("layer `drop` (") && text.contains(&expected), "{text}");
        }
    }
}

#[test]
fn random_windows_are_windows_and_come_everywhere() {
    let crop = |random| Crop::new("crop", (3, 2)).random_crop(random).random_mirror(random).bottom("x").top("y");
    let (batch, channels, height, width) = (17, 2, 4, 6);
    let expected = |top: usize, left: usize, mirror: bool| -> Vec<f64> {
        let mut window = Vec::new();
        for plane in 0..batch * channels {
            for row in 0..2 {
                for column in 0..3 {
                    let column = if mirror { 2 - column } else { column };
                    window.push((plane * height * width + (top + row) * width + left + column + 1) as f64);
                }
            }
        }
        window
    };
    let mut centre = counting(crop(false), DType::F32, &[batch, channels, height, width]);
    centre.forward().unwrap();
    assert_eq!(centre.tops()[0].data.read::<f64>().unwrap(), expected(1, 1, false), "the centre");

    let mut random = counting(crop(true), DType::F32, &[batch, channels, height, width]);
    let mut seen = std::collections::BTreeMap::new();
    for _ in 0..400 {
        random.forward().unwrap();
        let found: Vec<f64> = random.tops()[0].data.read().unwrap();
        let places = (0..3).flat_map(|top| (0..4).flat_map(move |left| [(top, left, false), (top, left, true)]));
        let place = places.into_iter().find(|&(top, left, mirror)| found == expected(top, left, mirror)).unwrap();
        *seen.entry(place).or_insert(0) += 1;
    }
    assert_eq!(seen.len(), 24, "{seen:?}");
    // 24 places at 400 / 24 = 16.7 each.
    assert!(seen.values().all(|count| (3..=40).contains(count)), "{seen:?}");
}

#[test]
fn without_a_loss_windows_lie_in_the_centre() {
    let image = ndarray::Array4::from_shape_fn((1, 1, 3, 3), |(_, _, row, column)| (3 * row + column) as f32);
    let layers = layers![
        MemoryData::new("data", 1).array("x", image),
        Crop::new("crop", (1, 1)).random_crop(true).random_mirror(true).bottom("x").top("y"),
    ];
    let mut net = Net::new("net", &Cpu::new().unwrap(), layers).unwrap();
    for _ in 0..5 {
        net.forward().unwrap();
        assert_eq!(net.blob("y").unwrap().data.read::<f32>().unwrap(), [4.0]);
    }
}
