//! Lesson 5: denoising autoencoders, trained layer by layer, then a classifier that starts from what they have learned; and
//! the same classifier from random weights, for comparison.
//!
//! Vincent et al. 2008, *Extracting and composing robust features with denoising autoencoders*; Mocha's
//! `examples/unsupervised-pretrain/denoising-autoencoder`. What is new here: layers that several nets share, a frozen layer, and a
//! decoder that uses its encoder's weights.

use course::{Lesson, Result};
use io_hdf5::Hdf5Data;
use layers::prelude::*;
use solver::{Every, LrPolicy, MomPolicy, Sgd, ValidationPerformance};
use std::{path::Path, process::ExitCode};

/// How much of its input each autoencoder does not see.
const CORRUPTION: [f64; 3] = [0.1, 0.2, 0.3];
const UNITS: usize = 500;

fn main() -> ExitCode {
    course::run("5-autoencoder", 3000, lesson)
}

fn lesson(lesson: &Lesson) -> Result {
    let data = lesson.mnist()?;
    let pretrained: Vec<LayerRef> = (1..=CORRUPTION.len()).map(encoder).collect();
    for (i, corruption) in (1..).zip(CORRUPTION) {
        pretrain(lesson, &data, &pretrained, i, corruption)?;
    }
    classify(lesson, &data, "pretrained", &pretrained)?;
    let random: Vec<LayerRef> = (1..=CORRUPTION.len()).map(encoder).collect();
    classify(lesson, &data, "from-random", &random)
}

/// Takes `seen1` and gives `code1`, and so on. What `seen1` is, each net decides for itself.
fn encoder(i: usize) -> LayerRef {
    let layer = InnerProduct::new(format!("encode{i}"), UNITS).neuron(Neuron::Sigmoid);
    LayerRef::new(layer.bottom(format!("seen{i}")).top(format!("code{i}")))
}

/// The data as vectors `code0`, and the encoders below the `i`-th, which see all of it.
fn below(data: &Path, encoders: &[LayerRef], i: usize) -> LayerList {
    let mut layers = layers![
        Hdf5Data::new("data", data).batch_size(100).shuffle(true),
        Flatten::new("flat").bottom("data").top("code0"),
    ];
    for (k, layer) in (1..i).zip(encoders) {
        layers.push(Identity::new(format!("all{k}")).bottom(format!("code{}", k - 1)).top(format!("seen{k}")));
        layers.push(layer.clone());
    }
    layers
}

/// Teaches the `i`-th encoder to restore its input from a damaged copy.
fn pretrain(lesson: &Lesson, data: &Path, encoders: &[LayerRef], i: usize, corruption: f64) -> Result {
    let name = format!("autoencoder{i}");
    let input = format!("code{}", i - 1);
    let encode = format!("encode{i}");
    let mut net = Net::new(
        &name,
        &lesson.backend,
        layers![
            ..below(&data.join("train.txt"), encoders, i),
            RandomMask::new("damage", corruption).bottom(&input).top(format!("seen{i}")),
            encoders[i - 1].clone(),
            TiedInnerProduct::new("decode", &encode).neuron(Neuron::Sigmoid).bottom(format!("code{i}")).top("restored"),
            SquareLoss::new("loss").bottoms(["restored", input.as_str()]),
        ],
    )?;
    // What the lower encoders have learned stays.
    net.freeze((1..i).map(|k| format!("encode{k}")))?;
    let method = Sgd::new().lr_policy(LrPolicy::fixed(0.02)).mom_policy(MomPolicy::fixed(0.9));
    let mut solver = lesson.solver(&name, method);
    lesson.train(&name, &mut solver, &mut net)?;
    Ok(())
}

/// Trains a classifier on top of the encoders, all of it.
fn classify(lesson: &Lesson, data: &Path, name: &str, encoders: &[LayerRef]) -> Result {
    let n = encoders.len();
    let classes = LayerRef::new(InnerProduct::new("classes", 10).bottom(format!("code{n}")).top("classes"));
    let net = |list: &str, end: LayerRef| {
        let layers = layers![..below(&data.join(list), encoders, n + 1), classes.clone(), end];
        Net::new(format!("{name}-{list}"), &lesson.backend, layers)
    };
    let mut train_net = net("train.txt", SoftmaxLoss::new("loss").bottoms(["classes", "label"]).into())?;
    let test_net = net("test.txt", Accuracy::new("test").bottoms(["classes", "label"]).into())?;
    let method = Sgd::new().lr_policy(LrPolicy::fixed(0.1)).mom_policy(MomPolicy::fixed(0.0));
    let mut solver = lesson.solver(name, method);
    solver.add_coffee_break(ValidationPerformance::new(test_net), Every::Iters(500));
    lesson.train(name, &mut solver, &mut train_net)?;
    Ok(())
}
