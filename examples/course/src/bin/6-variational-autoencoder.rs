//! Lesson 6: a variational autoencoder, which learns to write digits of its own. They end up in `samples.png`.
//!
//! Kingma & Welling 2013, *Auto-encoding variational Bayes*; Mocha's `examples/mnist/VAE.jl`. What is new here: two losses in
//! one net, random numbers as a data layer, and a second net that runs a part of the first.

use course::{Lesson, Result};
use io_hdf5::Hdf5Data;
use layers::prelude::*;
use ndarray::Ix2;
use solver::{Adam, LrPolicy};
use std::process::ExitCode;

/// The batch, and the number of samples on the sheet.
const BATCH: usize = 100;
/// The numbers that a digit is boiled down to.
const CODE: usize = 20;

fn main() -> ExitCode {
    course::run("6-variational-autoencoder", 20_000, lesson)
}

fn lesson(lesson: &Lesson) -> Result {
    let data = lesson.mnist()?;
    let decoder = layers![
        InnerProduct::new("decode", 400).neuron(Neuron::ReLU).bottom("z").top("decode"),
        InnerProduct::new("pixels", 28 * 28).bottom("decode").top("pixels"),
    ];
    let mut net = Net::new(
        "vae",
        &lesson.backend,
        layers![
            Hdf5Data::new("data", data.join("train.txt")).batch_size(BATCH).shuffle(true),
            Flatten::new("flat").bottom("data").top("image"),
            InnerProduct::new("encode", 400).neuron(Neuron::ReLU).bottom("image").top("encode"),
            InnerProduct::new("mean", CODE).bottom("encode").top("mean"),
            InnerProduct::new("deviation", CODE).neuron(Neuron::Exponential).bottom("encode").top("deviation"),
            // z = mean + deviation * noise: random, and yet mean and deviation get a gradient.
            RandomNormal::new("noise").output("noise", [BATCH, CODE]),
            ElementWise::new("spread", ElementWiseOperation::Multiply).bottoms(["deviation", "noise"]).top("spread"),
            ElementWise::new("z", ElementWiseOperation::Add).bottoms(["mean", "spread"]).top("z"),
            ..decoder,
            SigmoidCrossEntropyLoss::new("restored").bottoms(["pixels", "image"]),
            GaussianKLLoss::new("surprise").bottoms(["mean", "deviation"]),
        ],
    )?;
    let mut solver = lesson.solver("vae", Adam::new().lr_policy(LrPolicy::fixed(0.001)));
    lesson.train("vae", &mut solver, &mut net)?;

    let mut writer = Net::new(
        "writer",
        &lesson.backend,
        layers![
            RandomNormal::new("dream").output("z", [BATCH, CODE]),
            ..decoder,
            Activation::new("ink", Neuron::Sigmoid).bottom("pixels").top("ink"),
        ],
    )?;
    writer.forward()?;
    let ink = writer.blob("ink")?.data.to_array::<f32>()?.into_dimensionality::<Ix2>()?;
    let sheet = lesson.out.join("samples.png");
    course::sheet(&sheet, ink.into_shape_with_order((BATCH, 1, 28, 28))?.view(), 10)?;
    log::info!("{BATCH} digits that nobody has written: {}", sheet.display());
    Ok(())
}
