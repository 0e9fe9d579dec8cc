//! Layers between a net and its program: what is kept, what is counted, what is drawn, what is done to samples.

#![allow(clippy::unwrap_used, clippy::panic)] // clippy.toml allows them in test functions, not in their helpers

use layers::prelude::*;
use ndarray::{Array2, Array4};

fn build(dtype: DType, layers: LayerList) -> Net {
    Net::builder("net").dtype(dtype).build(&backend_cpu::Cpu::with_threads(2).unwrap(), layers).unwrap()
}

fn numbers(samples: usize, features: usize) -> Array2<f64> {
    Array2::from_shape_fn((samples, features), |(n, i)| n as f64 + 0.25 * i as f64)
}

#[test]
fn an_epoch_is_kept_once() {
    for dtype in [DType::F32, DType::F64] {
        let data = MemoryData::new("data", 3).array("x", numbers(5, 2)).array("label", numbers(5, 1));
        let keep = MemoryOutput::new("keep").bottoms(["x", "label"]);
        let mut net = build(dtype, layers![data, keep]);
        let kept = |net: &mut Net, blob: &str| match net.state_mut::<MemoryOutputState>("keep").unwrap().array(blob) {
            Ok(HostArray::F32(array)) => (DType::F32, array.mapv(f64::from).to_owned()),
            Ok(HostArray::F64(array)) => (DType::F64, array.to_owned()),
            Err(error) => panic!("{error}"),
        };
        assert_eq!(kept(&mut net, "x").1.shape(), [0, 2]);
        for times in 1..3 {
            net.forward_epoch().unwrap();
            // The last batch has two samples; the one that fills it up is not kept.
            assert_eq!(kept(&mut net, "x").1.shape(), [5 * times, 2]);
        }
        net.state_mut::<MemoryOutputState>("keep").unwrap().reset();
        net.forward_epoch().unwrap();
        assert_eq!(kept(&mut net, "x"), (dtype, numbers(5, 2).into_dyn()));
        assert_eq!(kept(&mut net, "label"), (dtype, numbers(5, 1).into_dyn()));
        let text = net.state_mut::<MemoryOutputState>("keep").unwrap().array("lable").unwrap_err().to_string();
        assert!(text.contains("the output to be taken is `lable`; expected one of the layer's bottoms; did you mean"));
    }
}

#[test]
fn binary_predictions_are_counted() {
    let at = |n: usize, i: usize| (n * 7 + i * 3) % 10;
    let predictions = Array2::from_shape_fn((20, 3), |(n, i)| at(n, i) as f64 / 10.0);
    let labels = Array2::from_shape_fn((20, 3), |(n, i)| f64::from(u8::from((n + i).is_multiple_of(3))));
    for threshold in [0.0, 0.5] {
        let yes = |value: &f64| *value > threshold;
        let right = predictions.iter().zip(&labels).filter(|(p, label)| yes(p) == yes(label)).count();
        let data = MemoryData::new("data", 6).array("p", predictions.clone()).array("label", labels.clone());
        let accuracy = BinaryAccuracy::new("acc").threshold(threshold).report_error(true).bottoms(["p", "label"]);
        let mut net = build(DType::F32, layers![data, accuracy]);
        assert!(net.statistics().is_empty());
        for _ in 0..2 {
            net.forward_epoch().unwrap();
        }
        let statistics = net.statistics();
        let share = right as f64 / 60.0;
        assert_eq!((statistics[0].key.as_str(), statistics[0].value), ("acc-accuracy", share));
        assert_eq!((statistics[1].key.as_str(), statistics[1].value), ("acc-error", 1.0 - share));
        assert_eq!(statistics[0].text, format!("  Accuracy (avg over 120) = {:.4}%", 100.0 * share));
        net.reset_statistics();
        assert!(net.statistics().is_empty());
    }
}

#[test]
fn predictions_that_are_no_numbers_are_wrong() {
    let run = |prediction: f64, label: f64| {
        let array = |value: f64| Array2::from_elem((1, 1), value);
        let data = MemoryData::new("data", 1).array("p", array(prediction)).array("label", array(label));
        let mut net = build(DType::F64, layers![data, BinaryAccuracy::new("acc").bottoms(["p", "label"])]);
        net.forward().map(|_| net.statistics()[0].value).map_err(|error| error.to_string())
    };
    assert_eq!((run(1.0, 1.0), run(-1.0, -1.0), run(1.0, -1.0)), (Ok(1.0), Ok(1.0), Ok(0.0)));
    assert_eq!((run(f64::NAN, 1.0), run(f64::NAN, -1.0)), (Ok(0.0), Ok(0.0)));
    let text = run(1.0, f64::NAN).unwrap_err();
    assert!(text.contains("layer `acc` (BinaryAccuracy): a label of sample 0 of the batch is NaN; expected"), "{text}");
    let data = MemoryData::new("data", 1).zeros("p", [1, 2]).zeros("label", [1, 1]);
    let layers = layers![data, BinaryAccuracy::new("acc").bottoms(["p", "label"])];
    let text = Net::new("net", &backend_cpu::Cpu::new().unwrap(), layers).unwrap_err().to_string();
    assert!(text.contains("the shape of the labels is 1x1; expected 1x2, as the predictions have"), "{text}");
}

#[test]
fn noise_is_normal_new_in_each_pass_and_resumed() {
    let build = || {
        let noise = RandomNormal::new("noise").output("x", [100, 20]).output("y", [3, 2, 2]);
        build(DType::F64, layers![noise])
    };
    let mut net = build();
    let next = |net: &mut Net| -> Vec<f64> {
        net.forward().unwrap();
        let [x, y] = ["x", "y"].map(|blob| net.blob(blob).unwrap().data.read::<f64>().unwrap());
        [x, y].concat()
    };
    let first = next(&mut net);
    assert_eq!(first, next(&mut build()));
    let moment = |power: i32| first.iter().map(|x| x.powi(power)).sum::<f64>() / first.len() as f64;
    // Of 2012 numbers, within five standard deviations of the estimates.
    assert!(moment(1).abs() < 0.12 && (moment(2) - 1.0).abs() < 0.16 && (moment(4) - 3.0).abs() < 1.1);
    let second = next(&mut net);
    assert!(first.iter().zip(&second).all(|(a, b)| a != b));
    let saved = net.save_layers();
    let (third, mut other) = (next(&mut net), build());
    other.restore_layers(&saved).unwrap();
    assert_eq!(next(&mut other), third);
}

#[test]
fn samples_are_changed_in_the_order_asked_for() {
    let images = Array4::from_shape_fn((5, 2, 1, 3), |(n, c, _, x)| (n * 100 + c * 10 + x) as f32);
    let per_element: Vec<f64> = (0..6).map(f64::from).collect();
    let mean = |mean: &[f64]| Transformer::SubMean { mean: mean.to_vec() };
    let data = |transformers: &[Transformer], shuffle: bool| {
        let data = MemoryData::new("data", 3).array("x", images.clone()).array("label", numbers(5, 1)).shuffle(shuffle);
        transformers.iter().fold(data, |data, transformer| data.transformer("x", transformer.clone()))
    };
    type Expected = fn(usize, f64) -> f64;
    let cases: [(&[Transformer], Expected); 5] = [
        (&[], |_, x| x),
        (&[mean(&[7.0]), Transformer::Scale { scale: 0.5 }], |_, x| (x - 7.0) * 0.5),
        (&[Transformer::Scale { scale: 0.5 }, mean(&[7.0])], |_, x| x * 0.5 - 7.0),
        (&[mean(&[1.0, 100.0])], |i, x| x - if i < 3 { 1.0 } else { 100.0 }),
        (&[mean(&per_element)], |i, x| x - i as f64),
    ];
    for (transformers, expected) in cases {
        for shuffle in [false, true] {
            let mut net = build(DType::F32, layers![data(transformers, shuffle)]);
            for _ in 0..4 {
                net.forward().unwrap();
                let found: Vec<f64> = net.blob("x").unwrap().data.read().unwrap();
                let samples: Vec<f64> = net.blob("label").unwrap().data.read().unwrap();
                for (at, found) in found.into_iter().enumerate() {
                    let (n, i) = (samples[at / 6], at % 6);
                    let original = n * 100.0 + (i / 3 * 10 + i % 3) as f64;
                    assert_eq!(found, expected(i, original), "{transformers:?}, element {i} of sample {n}");
                }
            }
        }
    }
    for (top, transformer, part) in [
        ("y", mean(&[1.0]), "the top of a transformer is `y`; expected one of the layer's tops"),
        (
            "x",
            mean(&[1.0; 4]),
            "the mean for top `x` is 4 numbers; expected 6, one for each element, or 2, one for each",
        ),
        ("x", mean(&[f64::NAN]), "the mean for top `x` is NaN; expected a finite number"),
        ("x", Transformer::Scale { scale: f64::INFINITY }, "the scale for top `x` is inf; expected a finite number"),
    ] {
        let layers = layers![data(&[], false).transformer(top, transformer)];
        let text = Net::new("net", &backend_cpu::Cpu::new().unwrap(), layers).unwrap_err().to_string();
        assert!(text.starts_with("layer `data` (MemoryData): ") && text.contains(part), "{text}");
    }
}
