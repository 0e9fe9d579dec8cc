//! Convolution fused with max pooling against one after the other in f64, over random shapes.

#![allow(clippy::unwrap_used)] // a test stops at the first error

use backend_cpu::{Cpu, Level};
use core_tensor::{
    Backend, DType, Role, Shape, Size2, Tensor,
    ops::{AffineBackward, AffineForward, Algorithm, Convolution, Gradient, Neuron, PoolMethod, Pooling},
};
use proptest::prelude::*;

/// What both ways must agree on.
#[derive(Debug)]
struct Results {
    algorithm: &'static str,
    y: Vec<f64>,
    dx: Vec<f64>,
    dweight: Vec<f64>,
    dbias: Vec<f64>,
}

/// The operands, in logical order.
#[derive(Clone)]
struct Operands {
    x: Vec<f64>,
    weight: Vec<f64>,
    bias: Vec<f64>,
    /// The gradient of the pooled blob.
    dy: Vec<f64>,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fused_is_one_after_the_other(
        batch in prop::sample::select(vec![1usize, 5, 16, 17, 33]),
        (channels, filters) in (prop::sample::select(vec![1usize, 3, 8, 11]), 8usize..23),
        (height, width) in (2usize..9, 2usize..8),
        (kernel, pad) in (prop::sample::select(vec![3usize, 5]), 0usize..3),
        (relu, add) in (any::<bool>(), any::<bool>()),
    ) {
        // Sizes that give an even output.
        let (height, width) = ((2 * height + kernel - 1).checked_sub(2 * pad), (2 * width + kernel - 1).checked_sub(2 * pad));
        let (Some(height @ 1..), Some(width @ 1..)) = (height, width) else { return Ok(()) };
        let neuron = if relu { Neuron::ReLU } else { Neuron::Identity };
        let convolution = Convolution {
            input: shape(&[batch, channels, height, width]),
            dtype: DType::F32,
            filters,
            kernel: square(kernel),
            stride: square(1),
            pad: square(pad),
            dilation: square(1),
            groups: 1,
            neuron,
            algorithm: Algorithm::Auto,
        };
        check(&convolution, &two_by_two(&convolution), add);
    }

    #[test]
    fn few_samples_are_pooled_in_any_window(
        batch in 1usize..10,
        (groups, channels, filters) in (1usize..3, 1usize..4, 1usize..23),
        (height, width) in (1usize..12, 1usize..21),
        (kernel, stride, pad) in ((1usize..6, 1usize..6), (1usize..4, 1usize..3), (0usize..3, 0usize..3)),
        (window, step, border) in ((1usize..4, 1usize..4), (1usize..4, 1usize..4), (0usize..2, 0usize..2)),
        (neuron, add) in (prop::sample::select(vec![Neuron::Identity, Neuron::ReLU, Neuron::Tanh]), any::<bool>()),
    ) {
        let convolution = Convolution {
            input: shape(&[batch, groups * channels, height, width]),
            dtype: DType::F32,
            filters: groups * filters,
            kernel: size(kernel),
            stride: size(stride),
            pad: size(pad),
            dilation: square(1),
            groups,
            neuron,
            algorithm: Algorithm::Auto,
        };
        let Ok(input) = convolution.output() else { return Ok(()) };
        let (kernel, stride, pad) = (size(window), size(step), size(border));
        let pooling = Pooling { input, dtype: DType::F32, method: PoolMethod::Max, kernel, stride, pad };
        prop_assume!(pooling.output().is_ok());
        check(&convolution, &pooling, add);
    }
}

#[test]
fn lenet_is_fused_and_a_pooling_that_straddles_tiles_is_not() {
    let cpu = Cpu::with_threads(1).unwrap();
    let convolution = |channels: usize, side: usize, filters| Convolution {
        input: shape(&[64, channels, side, side]),
        dtype: DType::F32,
        filters,
        kernel: square(5),
        stride: square(1),
        pad: square(0),
        dilation: square(1),
        groups: 1,
        neuron: Neuron::Identity,
        algorithm: Algorithm::Auto,
    };
    let fused = |convolution: &Convolution, pooling: &Pooling| {
        cpu.convolution_pooling(convolution, pooling).unwrap().map(|plan| plan.algorithm())
    };
    for convolution in [convolution(1, 28, 20), convolution(20, 12, 50)] {
        let pooling = two_by_two(&convolution);
        assert_eq!(fused(&convolution, &pooling), Some("winograd F(4x4,5x5)"));
        let direct = Convolution { algorithm: Algorithm::Direct, ..convolution.clone() };
        assert_eq!(fused(&direct, &pooling), None);
        assert_eq!(fused(&convolution, &Pooling { kernel: square(3), ..pooling.clone() }), None);
        assert_eq!(fused(&convolution, &Pooling { method: PoolMethod::Mean, ..pooling.clone() }), None);
        assert_eq!(fused(&Convolution { dtype: DType::F64, ..convolution }, &pooling), None);
    }
}

#[test]
fn a_nan_wins_its_window() {
    let cpu = Cpu::with_threads(1).unwrap();
    let convolution = Convolution {
        input: shape(&[2, 1, 12, 12]),
        dtype: DType::F32,
        filters: 8,
        kernel: square(5),
        stride: square(1),
        pad: square(0),
        dilation: square(1),
        groups: 1,
        neuron: Neuron::ReLU,
        algorithm: Algorithm::Auto,
    };
    // The corner of an image is seen by one output only.
    let pooling = two_by_two(&convolution);
    let mut operands = operands(&convolution, &pooling);
    operands.x[0] = f64::NAN;
    let found = fused(&cpu, &convolution, &pooling, &operands, false).unwrap();
    assert!((0..8).all(|filter| found.y[filter * 16].is_nan()), "{:?}", found.y);
}

/// Compares both ways on every instruction set. Errors are bounded by 1e-5 of the largest sum of absolute values; where a few
/// samples are multiplied directly, by 1e-6.
fn check(convolution: &Convolution, pooling: &Pooling, add: bool) {
    let operands = operands(convolution, pooling);
    for (threads, level) in [(1, Level::Portable), (2, Level::Avx2), (3, Level::Avx512)] {
        let Ok(cpu) = Cpu::with_level(threads, level) else { continue };
        let expected = one_after_the_other(&cpu, convolution, pooling, &operands, add);
        let magnitude = magnitudes(&cpu, convolution, pooling, &operands);
        let Some(found) = fused(&cpu, convolution, pooling, &operands, add) else { continue };
        let lanes = Convolution { input: convolution.input.with_batch(16), ..convolution.clone() };
        let rounding = |algorithm: &str| if algorithm.starts_with("winograd") { 1e-5 } else { 1e-6 };
        let (forward, backward) = (rounding(found.algorithm), rounding(cpu.convolution(&lanes).unwrap().algorithm()));
        let pairs = [
            ("y", &found.y, &expected.y, &magnitude.y, forward),
            ("dx", &found.dx, &expected.dx, &magnitude.dx, backward),
            ("dweight", &found.dweight, &expected.dweight, &magnitude.dweight, backward),
            ("dbias", &found.dbias, &expected.dbias, &magnitude.dbias, backward),
        ];
        for (what, found, expected, magnitude, rounding) in pairs {
            let tolerance = rounding * magnitude.iter().fold(0.0f64, |largest, m| largest.max(*m));
            for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
                let error = (found - expected).abs();
                assert!(
                    error <= tolerance,
                    "{level}, {what}[{i}]: found {found}, expected {expected}, error {error:e} > {tolerance:e}"
                );
            }
        }
    }
}

fn fused(cpu: &Cpu, convolution: &Convolution, pooling: &Pooling, operands: &Operands, add: bool) -> Option<Results> {
    let mut plan = cpu.convolution_pooling(convolution, pooling).unwrap()?;
    let [x, weight, bias] = tensors(cpu, convolution, operands);
    let y = cpu.alloc(pooling.output().unwrap(), convolution.dtype, Role::Data).unwrap();
    plan.forward(AffineForward { x: &x, weight: &weight, bias: Some(&bias), y: &y }).unwrap();
    let dy = tensor(cpu, pooling.output().unwrap(), convolution.dtype, Role::Diff, &operands.dy);
    Some(backward(cpu, convolution, plan.as_mut(), [&x, &weight, &bias], &y, &dy, add))
}

/// The same from two plans in f64.
fn one_after_the_other(
    cpu: &Cpu,
    convolution: &Convolution,
    pooling: &Pooling,
    operands: &Operands,
    add: bool,
) -> Results {
    let convolution = Convolution { dtype: DType::F64, ..convolution.clone() };
    let pooling = Pooling { dtype: DType::F64, ..pooling.clone() };
    let (mut first, mut then) = (cpu.convolution(&convolution).unwrap(), cpu.pooling(&pooling).unwrap());
    let [x, weight, bias] = tensors(cpu, &convolution, operands);
    let between = cpu.alloc(pooling.input, DType::F64, Role::Data).unwrap();
    let y = cpu.alloc(pooling.output().unwrap(), DType::F64, Role::Data).unwrap();
    first.forward(AffineForward { x: &x, weight: &weight, bias: Some(&bias), y: &between }).unwrap();
    then.forward(&between, &y).unwrap();
    let dy = tensor(cpu, pooling.output().unwrap(), DType::F64, Role::Diff, &operands.dy);
    let gradient = cpu.alloc(pooling.input, DType::F64, Role::Diff).unwrap();
    then.backward(&dy, &gradient).unwrap();
    let results = backward(cpu, &convolution, first.as_mut(), [&x, &weight, &bias], &between, &gradient, add);
    Results { y: y.read().unwrap(), ..results }
}

/// The sums of the terms' absolute values, from absolute operands; pooling takes no more than the largest of them.
fn magnitudes(cpu: &Cpu, convolution: &Convolution, pooling: &Pooling, operands: &Operands) -> Results {
    let absolute = |values: &[f64]| values.iter().map(|v| v.abs()).collect();
    let operands = Operands {
        x: absolute(&operands.x),
        weight: absolute(&operands.weight),
        bias: absolute(&operands.bias),
        dy: absolute(&operands.dy),
    };
    let linear = Convolution { neuron: Neuron::Identity, ..convolution.clone() };
    one_after_the_other(cpu, &linear, pooling, &operands, false)
}

fn backward(
    cpu: &Cpu,
    convolution: &Convolution,
    plan: &mut dyn core_tensor::ops::AffinePlan,
    [x, weight, bias]: [&Tensor; 3],
    y: &Tensor,
    dy: &Tensor,
    add: bool,
) -> Results {
    let dtype = convolution.dtype;
    let dx = cpu.alloc(convolution.input, dtype, Role::Diff).unwrap();
    let dweight = tensor(cpu, weight.shape(), dtype, Role::Param, &vec![0.5; weight.shape().len()]);
    let dbias = tensor(cpu, bias.shape(), dtype, Role::Param, &vec![0.5; bias.shape().len()]);
    let (to_weight, to_bias) = (Gradient { target: &dweight, add }, Gradient { target: &dbias, add });
    let call = AffineBackward { x, weight, y, dy, dx: Some(&dx), dweight: Some(to_weight), dbias: Some(to_bias) };
    plan.backward(call).unwrap();
    // Once more without `dx`, which takes another way for few channels.
    let (again, _) = (dweight.read::<f64>().unwrap(), ());
    if !add && convolution.neuron == Neuron::Identity {
        plan.backward(AffineBackward { dx: None, dbias: None, ..call }).unwrap();
        assert_eq!(again, dweight.read::<f64>().unwrap());
    }
    let algorithm = plan.algorithm();
    Results { algorithm, y: y.read().unwrap(), dx: dx.read().unwrap(), dweight: again, dbias: dbias.read().unwrap() }
}

/// Noise; no gradient flows into windows whose two largest numbers are so close that rounding decides who wins, nor to where
/// rounding decides on which side of ReLU's kink a number is.
fn operands(convolution: &Convolution, pooling: &Pooling) -> Operands {
    let noise = |count: usize, seed: usize| -> Vec<f64> {
        (0..count).map(|i| ((i * 7919 + seed * 104_729) % 2003) as f64 / 1001.0 - 1.0).collect()
    };
    let mut operands = Operands {
        x: noise(convolution.input.len(), 1),
        weight: noise(convolution.filter().unwrap().len(), 2),
        bias: noise(convolution.filters, 3),
        dy: noise(pooling.output().unwrap().len(), 4),
    };
    let cpu = Cpu::with_threads(1).unwrap();
    let exact = Convolution { dtype: DType::F64, neuron: Neuron::Identity, ..convolution.clone() };
    let [x, weight, bias] = tensors(&cpu, &exact, &operands);
    let y = cpu.alloc(pooling.input, DType::F64, Role::Data).unwrap();
    let mut plan = cpu.convolution(&exact).unwrap();
    plan.forward(AffineForward { x: &x, weight: &weight, bias: Some(&bias), y: &y }).unwrap();
    let y = y.read::<f64>().unwrap();
    let (input, output) = (pooling.input, pooling.output().unwrap());
    for (index, dy) in operands.dy.iter_mut().enumerate() {
        let (plane, place) = (index / (output.axis(2) * output.axis(3)), index % (output.axis(2) * output.axis(3)));
        let (oy, ox) = (place / output.axis(3), place % output.axis(3));
        let mut window = Vec::new();
        for ky in 0..pooling.kernel.height {
            for kx in 0..pooling.kernel.width {
                let iy = (oy * pooling.stride.height + ky).wrapping_sub(pooling.pad.height);
                let ix = (ox * pooling.stride.width + kx).wrapping_sub(pooling.pad.width);
                if iy < input.axis(2) && ix < input.axis(3) {
                    window.push(y[(plane * input.axis(2) + iy) * input.axis(3) + ix]);
                }
            }
        }
        window.sort_by(|a, b| b.total_cmp(a));
        let (best, second) = (window[0], window.get(1).copied().unwrap_or(f64::NEG_INFINITY));
        if best - second < 1e-3 || best.abs() < 1e-3 {
            *dy = 0.0;
        }
    }
    operands
}

fn tensors(cpu: &Cpu, convolution: &Convolution, operands: &Operands) -> [Tensor; 3] {
    let dtype = convolution.dtype;
    [
        tensor(cpu, convolution.input, dtype, Role::Data, &operands.x),
        tensor(cpu, convolution.filter().unwrap(), dtype, Role::Param, &operands.weight),
        tensor(cpu, shape(&[convolution.filters]), dtype, Role::Param, &operands.bias),
    ]
}

fn tensor(cpu: &Cpu, shape: Shape, dtype: DType, role: Role, values: &[f64]) -> Tensor {
    let tensor = cpu.alloc(shape, dtype, role).unwrap();
    tensor.write(values).unwrap();
    tensor
}

fn two_by_two(convolution: &Convolution) -> Pooling {
    Pooling {
        input: convolution.output().unwrap(),
        dtype: convolution.dtype,
        method: PoolMethod::Max,
        kernel: square(2),
        stride: square(2),
        pad: square(0),
    }
}

fn shape(sizes: &[usize]) -> Shape {
    Shape::new(sizes).unwrap()
}

fn square(side: usize) -> Size2 {
    size((side, side))
}

fn size((width, height): (usize, usize)) -> Size2 {
    Size2 { width, height }
}
