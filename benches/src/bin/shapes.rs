//! What it costs that a shape fits no vector: a batch that is no multiple of 16, a number of channels that is none either.
//!
//! A kernel that pads takes as long for 33 samples as for 48. So each shape is timed in turn with the one that it would be
//! padded to, and the ratio is what is looked at: at 1.0 the padding is all that is lost, below it less, above it something
//! else is wrong.

use clap::{Parser, value_parser};
use core_tensor::{
    Backend, DType, Role, Shape, Size2, Tensor,
    ops::{AffineBackward, AffineForward, AffinePlan, Algorithm, Convolution, Gradient, InnerProduct, Neuron},
};
use crema_benches::{InstructionSet, Result, cpu, median, table};
use std::{
    io::{Write, stderr, stdout},
    process::ExitCode,
    time::{Duration, Instant},
};

/// Time shapes that fit no vector against the shapes that they would be padded to.
#[derive(Debug, Parser)]
#[command(bin_name = "shapes", max_term_width = 100)]
struct Flags {
    /// Threads [default: all]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    threads: Option<u32>,
    /// The instruction set [default: the best that the processor has]
    #[arg(long, value_enum)]
    isa: Option<InstructionSet>,
    /// How long each pair of shapes is timed, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 100)]
    time: u64,
}

/// A layer without its batch.
#[derive(Clone, Copy)]
enum Layer {
    /// Stride 1, the image's size kept.
    Convolution {
        channels: usize,
        side: usize,
        filters: usize,
        kernel: usize,
    },
    InnerProduct {
        inputs: usize,
        outputs: usize,
    },
}

/// Batches that fill no lanes.
const BATCHES: [usize; 4] = [1, 7, 33, 100];

const LAYERS: [Layer; 6] = [
    Layer::Convolution { channels: 1, side: 28, filters: 20, kernel: 5 },
    Layer::Convolution { channels: 20, side: 12, filters: 50, kernel: 5 },
    Layer::Convolution { channels: 3, side: 32, filters: 32, kernel: 5 },
    Layer::Convolution { channels: 64, side: 16, filters: 64, kernel: 3 },
    Layer::Convolution { channels: 64, side: 16, filters: 64, kernel: 1 },
    Layer::InnerProduct { inputs: 800, outputs: 500 },
];

/// Channels and filters that are no multiple of 16, at batch 64.
const CHANNELS: [(Layer, Layer); 5] = {
    const fn conv(channels: usize, filters: usize, kernel: usize) -> Layer {
        Layer::Convolution { channels, side: 16, filters, kernel }
    }
    [
        (conv(3, 50, 5), conv(16, 64, 5)),
        (conv(20, 50, 5), conv(32, 64, 5)),
        (conv(20, 50, 3), conv(32, 64, 3)),
        (conv(50, 20, 3), conv(64, 32, 3)),
        (conv(50, 20, 1), conv(64, 32, 1)),
    ]
};

fn main() -> ExitCode {
    match run(&Flags::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(flags: &Flags) -> Result<()> {
    let cpu = cpu(flags.threads.map(|threads| threads as usize), flags.isa)?;
    let budget = Duration::from_millis(flags.time);
    let mut out = stdout().lock();
    writeln!(out, "{}; median microseconds\n", cpu.describe())?;
    let mut rows = Vec::new();
    for layer in LAYERS {
        for batch in BATCHES {
            let padded = batch.next_multiple_of(16);
            let names = [layer.name(), batch.to_string(), padded.to_string()];
            rows.push(row(names, compare(&cpu, (layer, batch), (layer, padded), budget)?));
        }
    }
    writeln!(out, "{}", table(header(["layer", "batch", "padded to"]), 1, &rows))?;
    let mut rows = Vec::new();
    for (layer, padded) in CHANNELS {
        let names = [layer.name(), padded.name(), String::new()];
        rows.push(row(names, compare(&cpu, (layer, 64), (padded, 64), budget)?));
    }
    write!(out, "{}", table(header(["batch 64", "padded to", ""]), 2, &rows))?;
    Ok(())
}

fn header([a, b, c]: [&'static str; 3]) -> [&'static str; 9] {
    [a, b, c, "forward", "padded", "ratio", "backward", "padded", "ratio"]
}

fn row([a, b, c]: [String; 3], [[forward, padded_forward], [backward, padded_backward]]: [[f64; 2]; 2]) -> [String; 9] {
    let us = |seconds: f64| format!("{:.1}", seconds * 1e6);
    let ratio = |shape: f64, padded: f64| format!("{:.2}", shape / padded);
    [
        a,
        b,
        c,
        us(forward),
        us(padded_forward),
        ratio(forward, padded_forward),
        us(backward),
        us(padded_backward),
        ratio(backward, padded_backward),
    ]
}

/// Median seconds forward and backward, each of both shapes, which are run in turn.
fn compare(
    cpu: &dyn Backend,
    shape: (Layer, usize),
    padded: (Layer, usize),
    budget: Duration,
) -> Result<[[f64; 2]; 2]> {
    let mut work = [Work::new(cpu, shape)?, Work::new(cpu, padded)?];
    let mut times: [[Vec<f64>; 2]; 2] = Default::default();
    let begun = Instant::now();
    while begun.elapsed() < budget || times[0][0].len() < 5 {
        for (which, work) in work.iter_mut().enumerate() {
            // The second of two runs: the first finds the caches full of the other shape.
            for _ in 0..2 {
                let start = Instant::now();
                work.forward()?;
                let between = Instant::now();
                work.backward()?;
                times[0][which].push((between - start).as_secs_f64());
                times[1][which].push(between.elapsed().as_secs_f64());
            }
        }
    }
    Ok(times.map(|pass| pass.map(|times| median(times.into_iter().skip(1).step_by(2).collect()))))
}

impl Layer {
    fn name(self) -> String {
        match self {
            Layer::Convolution { channels, side, filters, kernel } => {
                format!("{kernel}x{kernel} {channels} to {filters}, {side}x{side}")
            }
            Layer::InnerProduct { inputs, outputs } => format!("inner product {inputs} to {outputs}"),
        }
    }
}

/// A layer with its operands.
struct Work {
    plan: Box<dyn AffinePlan>,
    x: Tensor,
    dx: Tensor,
    weight: Tensor,
    dweight: Tensor,
    y: Tensor,
    dy: Tensor,
}

impl Work {
    fn new(cpu: &dyn Backend, (layer, batch): (Layer, usize)) -> Result<Self> {
        let (plan, input, weight, output) = match layer {
            Layer::Convolution { channels, side, filters, kernel } => {
                let square = |side| Size2 { width: side, height: side };
                let convolution = Convolution {
                    input: Shape::new(&[batch, channels, side, side])?,
                    dtype: DType::F32,
                    filters,
                    kernel: square(kernel),
                    stride: square(1),
                    pad: square(kernel / 2),
                    dilation: square(1),
                    groups: 1,
                    neuron: Neuron::Identity,
                    algorithm: Algorithm::Auto,
                };
                let plan = cpu.convolution(&convolution)?;
                (plan, convolution.input, convolution.filter()?, convolution.output()?)
            }
            Layer::InnerProduct { inputs, outputs } => {
                let input = Shape::new(&[batch, inputs])?;
                let product = InnerProduct { input, dtype: DType::F32, outputs, neuron: Neuron::Identity };
                (cpu.inner_product(&product)?, input, product.weight()?, product.output()?)
            }
        };
        let noise = |shape: Shape, role| -> Result<Tensor> {
            let tensor = cpu.alloc(shape, DType::F32, role)?;
            let numbers: Vec<f32> = (0..shape.len()).map(|i| ((i * 7919) % 2003) as f32 / 2003.0).collect();
            tensor.write(&numbers)?;
            Ok(tensor)
        };
        Ok(Work {
            plan,
            x: noise(input, Role::Data)?,
            dx: noise(input, Role::Diff)?,
            weight: noise(weight, Role::Param)?,
            dweight: noise(weight, Role::Param)?,
            y: noise(output, Role::Data)?,
            dy: noise(output, Role::Diff)?,
        })
    }

    fn forward(&mut self) -> Result<()> {
        let Work { plan, x, weight, y, .. } = self;
        Ok(plan.forward(AffineForward { x, weight, bias: None, y })?)
    }

    fn backward(&mut self) -> Result<()> {
        let Work { plan, x, dx, weight, dweight, y, dy } = self;
        let dweight = Some(Gradient { target: dweight, add: false });
        Ok(plan.backward(AffineBackward { x, weight, y, dy, dx: Some(dx), dweight, dbias: None })?)
    }
}
