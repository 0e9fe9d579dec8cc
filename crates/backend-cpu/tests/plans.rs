//! Convolution, inner product and pooling against the definition, over random shapes, in both element types and on every
//! instruction set that this machine has.

#![allow(clippy::unwrap_used)] // a test stops at the first error

use backend_cpu::{Cpu, Level};
use core_tensor::{
    Backend, DType, Role, Shape, Size2, Tensor,
    ops::{
        AffineBackward, AffineForward, AffinePlan, Algorithm, Convolution, Gradient, InnerProduct, Neuron, PoolMethod,
        Pooling,
    },
};
use proptest::prelude::*;

/// Every instruction set that can be tested here, with different numbers of threads.
fn backends() -> Vec<Cpu> {
    let levels = [(1, Level::Portable), (2, Level::Avx2), (3, Level::Avx512)];
    levels.into_iter().filter_map(|(threads, level)| Cpu::with_level(threads, level).ok()).collect()
}

/// Numbers in [-1, 1] that look random and never repeat a pattern.
fn noise(count: usize, seed: usize) -> Vec<f64> {
    (0..count).map(|i| ((i * 7919 + seed * 104_729) % 2003) as f64 / 1001.0 - 1.0).collect()
}

fn tensor(cpu: &Cpu, shape: Shape, dtype: DType, role: Role, values: &[f64]) -> Tensor {
    let tensor = cpu.alloc(shape, dtype, role).unwrap();
    tensor.write(values).unwrap();
    tensor
}

/// A sum and the sum of its terms' absolute values: rounding errors are relative to the latter.
#[derive(Clone, Copy, Default)]
struct Sum {
    value: f64,
    magnitude: f64,
}

impl Sum {
    fn add(&mut self, term: f64) {
        self.value += term;
        self.magnitude += term.abs();
    }
}

/// The largest error, as a part of the largest sum of absolute values.
#[derive(Clone, Copy)]
enum Rounding {
    /// Terms are added one by one: 1e-6 in f32, 1e-15 in f64.
    Direct,
    /// Winograd's transforms mix a tile's numbers with factors up to 8 and add them up again: 1e-5 in f32.
    Winograd,
}

/// Compares with reference sums.
#[track_caller]
fn assert_close(what: &str, found: &Tensor, expected: &[Sum], rounding: Rounding) {
    let largest = expected.iter().fold(0.0f64, |largest, sum| largest.max(sum.magnitude));
    let tolerance = largest
        * match (found.dtype(), rounding) {
            (DType::F64, _) => 1e-15,
            (_, Rounding::Direct) => 1e-6,
            (_, Rounding::Winograd) => 1e-5,
        };
    for (i, (found, Sum { value, .. })) in found.read::<f64>().unwrap().iter().zip(expected).enumerate() {
        let error = (found - value).abs();
        assert!(error <= tolerance, "{what}[{i}]: found {found}, expected {value}, error {error:e} > {tolerance:e}");
    }
}

/// The definition of an affine operation as a list of (output, weight, input) triples.
struct Definition {
    x: Shape,
    y: Shape,
    weight: Shape,
    outputs_per_bias: usize,
    triples: Vec<(usize, usize, usize)>,
    /// The algorithm for a batch that fills whole lanes.
    lanes: &'static str,
}

fn convolution_definition(c: &Convolution) -> Definition {
    let (x, y, weight) = (c.input, c.output().unwrap(), c.filter().unwrap());
    let (channels, filters) = (weight.axis(1), c.filters / c.groups);
    let mut triples = Vec::new();
    for n in 0..x.batch() {
        for f in 0..c.filters {
            for oy in 0..y.axis(2) {
                for ox in 0..y.axis(3) {
                    for channel in 0..channels {
                        for ky in 0..c.kernel.height {
                            for kx in 0..c.kernel.width {
                                let (ky_place, kx_place) = (ky * c.dilation.height, kx * c.dilation.width);
                                let iy = (oy * c.stride.height + ky_place).wrapping_sub(c.pad.height);
                                let ix = (ox * c.stride.width + kx_place).wrapping_sub(c.pad.width);
                                if iy < x.axis(2) && ix < x.axis(3) {
                                    let in_channel = f / filters * channels + channel;
                                    triples.push((
                                        ((n * c.filters + f) * y.axis(2) + oy) * y.axis(3) + ox,
                                        ((f * channels + channel) * c.kernel.height + ky) * c.kernel.width + kx,
                                        ((n * x.axis(1) + in_channel) * x.axis(2) + iy) * x.axis(3) + ix,
                                    ));
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    let sixteen = Convolution { input: x.with_batch(16), ..c.clone() };
    let lanes = Cpu::with_threads(1).unwrap().convolution(&sixteen).unwrap().algorithm();
    Definition { x, y, weight, outputs_per_bias: y.axis(2) * y.axis(3), triples, lanes }
}

fn inner_product_definition(p: &InnerProduct) -> Definition {
    let inputs = p.input.sample_len();
    let mut triples = Vec::new();
    for n in 0..p.input.batch() {
        for o in 0..p.outputs {
            triples.extend((0..inputs).map(|i| (n * p.outputs + o, o * inputs + i, n * inputs + i)));
        }
    }
    let (y, weight) = (p.output().unwrap(), p.weight().unwrap());
    Definition { x: p.input, y, weight, outputs_per_bias: 1, triples, lanes: "direct" }
}

/// Runs a plan forward and backward and compares everything with the definition. The neuron is the identity or ReLU.
fn check_affine(
    cpu: &Cpu,
    plan: &mut dyn AffinePlan,
    definition: &Definition,
    dtype: DType,
    neuron: Neuron,
    add: bool,
) {
    let Definition { x, y, weight, outputs_per_bias, triples, lanes } = definition;
    // A few samples are multiplied directly, and go backward as whole lanes do.
    let of = |algorithm: &str| if algorithm.starts_with("winograd") { Rounding::Winograd } else { Rounding::Direct };
    let forward = of(plan.algorithm());
    let backward = if plan.algorithm() == "few samples" { of(lanes) } else { forward };
    let biases = weight.axis(0);
    let bias_of = |output: usize| output / outputs_per_bias % biases;
    let (xs, ws, bs, dys) = (noise(x.len(), 1), noise(weight.len(), 2), noise(biases, 3), noise(y.len(), 4));

    let sum_from = |value: f64| Sum { value, magnitude: value.abs() };
    let mut ys: Vec<Sum> = (0..y.len()).map(|o| sum_from(bs[bias_of(o)])).collect();
    triples.iter().for_each(|&(o, w, i)| ys[o].add(ws[w] * xs[i]));
    let relu = neuron != Neuron::Identity;
    // At ReLU's kink rounding decides the side: no gradient there.
    let dys: Vec<f64> = ys.iter().zip(dys).map(|(y, dy)| if y.value.abs() < 1e-3 { 0.0 } else { dy }).collect();
    let gradients: Vec<f64> =
        ys.iter().zip(&dys).map(|(y, dy)| if relu && y.value <= 0.0 { 0.0 } else { *dy }).collect();
    if relu {
        ys.iter_mut().for_each(|y| y.value = y.value.max(0.0));
    }
    let start = sum_from(if add { 0.5 } else { 0.0 });
    let (mut dxs, mut dws, mut dbs) = (vec![Sum::default(); x.len()], vec![start; weight.len()], vec![start; biases]);
    for &(o, w, i) in triples {
        dxs[i].add(ws[w] * gradients[o]);
        dws[w].add(gradients[o] * xs[i]);
    }
    gradients.iter().enumerate().for_each(|(o, g)| dbs[bias_of(o)].add(*g));

    let bias_shape = Shape::new(&[biases]).unwrap();
    let x_tensor = tensor(cpu, *x, dtype, Role::Data, &xs);
    let weight_tensor = tensor(cpu, *weight, dtype, Role::Param, &ws);
    let bias = tensor(cpu, bias_shape, dtype, Role::Param, &bs);
    let y_tensor = cpu.alloc(*y, dtype, Role::Data).unwrap();
    let call = AffineForward { x: &x_tensor, weight: &weight_tensor, bias: Some(&bias), y: &y_tensor };
    plan.forward(call).unwrap();
    assert_close("y", &y_tensor, &ys, forward);

    let dy = tensor(cpu, *y, dtype, Role::Diff, &dys);
    let dx = cpu.alloc(*x, dtype, Role::Diff).unwrap();
    let dweight = tensor(cpu, *weight, dtype, Role::Param, &vec![0.5; weight.len()]);
    let dbias = tensor(cpu, bias_shape, dtype, Role::Param, &vec![0.5; biases]);
    plan.backward(AffineBackward {
        x: &x_tensor,
        weight: &weight_tensor,
        y: &y_tensor,
        dy: &dy,
        dx: Some(&dx),
        dweight: Some(Gradient { target: &dweight, add }),
        dbias: Some(Gradient { target: &dbias, add }),
    })
    .unwrap();
    assert_close("dx", &dx, &dxs, backward);
    assert_close("dweight", &dweight, &dws, backward);
    assert_close("dbias", &dbias, &dbs, backward);
}

fn shape(sizes: &[usize]) -> Shape {
    Shape::new(sizes).unwrap()
}

fn size(width: usize, height: usize) -> Size2 {
    Size2 { width, height }
}

fn dtype(double: bool) -> DType {
    if double { DType::F64 } else { DType::F32 }
}

/// Mostly none.
fn dilation() -> impl Strategy<Value = usize> {
    prop::sample::select(vec![1usize, 1, 1, 2, 3])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn convolution_is_the_definition(
        batch in prop_oneof![1usize..10, prop::sample::select(vec![16, 17, 33])],
        (groups, channels, filters) in (1usize..3, 1usize..4, 1usize..12),
        (height, width) in (1usize..9, 1usize..9),
        (kernel_width, kernel_height) in (1usize..7, 1usize..6),
        (stride_width, stride_height) in (1usize..4, 1usize..3),
        (dilation_width, dilation_height) in (dilation(), dilation()),
        (pad_width, pad_height) in (0usize..4, 0usize..3),
        (relu, double, add) in (any::<bool>(), any::<bool>(), any::<bool>()),
    ) {
        let neuron = if relu { Neuron::ReLU } else { Neuron::Identity };
        let convolution = Convolution {
            input: shape(&[batch, groups * channels, height, width]),
            dtype: dtype(double),
            filters: groups * filters,
            kernel: size(kernel_width, kernel_height),
            stride: size(stride_width, stride_height),
            pad: size(pad_width, pad_height),
            dilation: size(dilation_width, dilation_height),
            groups,
            neuron,
            algorithm: Algorithm::Auto,
        };
        let extent = convolution.extent().unwrap();
        prop_assume!(width + 2 * pad_width >= extent.width && height + 2 * pad_height >= extent.height);
        let definition = convolution_definition(&convolution);
        for cpu in backends() {
            let mut plan = cpu.convolution(&convolution).unwrap();
            check_affine(&cpu, plan.as_mut(), &definition, convolution.dtype, neuron, add);
        }
    }

    #[test]
    fn winograd_is_the_definition(
        batch in prop_oneof![1usize..10, Just(17)],
        (channels, filters) in (8usize..13, 8usize..23),
        (height, width) in (5usize..11, 5usize..15),
        (kernel, pad) in (prop::sample::select(vec![3usize, 5]), 0usize..3),
        (relu, add) in (any::<bool>(), any::<bool>()),
    ) {
        let neuron = if relu { Neuron::ReLU } else { Neuron::Identity };
        let convolution = Convolution {
            input: shape(&[batch, channels, height, width]),
            dtype: DType::F32,
            filters,
            kernel: size(kernel, kernel),
            stride: size(1, 1),
            pad: size(pad, pad),
            dilation: size(1, 1),
            groups: 1,
            neuron,
            algorithm: Algorithm::Auto,
        };
        let definition = convolution_definition(&convolution);
        prop_assume!(definition.lanes.starts_with("winograd"));
        for cpu in backends() {
            let mut plan = cpu.convolution(&convolution).unwrap();
            check_affine(&cpu, plan.as_mut(), &definition, convolution.dtype, neuron, add);
        }
    }

    #[test]
    fn inner_product_is_the_definition(
        batch in prop_oneof![1usize..10, prop::sample::select(vec![16, 31, 33, 64, 100])],
        (inputs, outputs) in (1usize..90, 1usize..95),
        (relu, double, add) in (any::<bool>(), any::<bool>(), any::<bool>()),
    ) {
        let neuron = if relu { Neuron::ReLU } else { Neuron::Identity };
        let product = InnerProduct { input: shape(&[batch, inputs]), dtype: dtype(double), outputs, neuron };
        let definition = inner_product_definition(&product);
        for cpu in backends() {
            let mut plan = cpu.inner_product(&product).unwrap();
            check_affine(&cpu, plan.as_mut(), &definition, product.dtype, neuron, add);
        }
    }

    #[test]
    fn pooling_is_the_definition(
        batch in prop::sample::select(vec![1usize, 16, 17]),
        channels in 1usize..4,
        (height, width) in (1usize..9, 1usize..9),
        (kernel_width, kernel_height) in (1usize..5, 1usize..5),
        (stride_width, stride_height) in (1usize..5, 1usize..4),
        (pad_width, pad_height) in (0usize..3, 0usize..3),
        (max, double) in (any::<bool>(), any::<bool>()),
    ) {
        let pooling = Pooling {
            input: shape(&[batch, channels, height, width]),
            dtype: dtype(double),
            method: if max { PoolMethod::Max } else { PoolMethod::Mean },
            kernel: size(kernel_width, kernel_height),
            stride: size(stride_width, stride_height),
            pad: size(pad_width, pad_height),
        };
        prop_assume!(pooling.output().is_ok());
        check_pooling(&pooling);
    }
}

/// Enough channels that an item computes several products: forward with many filters, backward with many channels.
#[test]
fn winograd_with_many_filters_or_channels_is_the_definition() {
    for (channels, filters) in [(9, 120), (120, 9)] {
        let convolution = Convolution {
            input: shape(&[33, channels, 4, 4]),
            dtype: DType::F32,
            filters,
            kernel: size(3, 3),
            stride: size(1, 1),
            pad: size(1, 1),
            dilation: size(1, 1),
            groups: 1,
            neuron: Neuron::Identity,
            algorithm: Algorithm::Auto,
        };
        let definition = convolution_definition(&convolution);
        for cpu in backends() {
            let mut plan = cpu.convolution(&convolution).unwrap();
            assert!(plan.algorithm().starts_with("winograd"), "{}", plan.algorithm());
            check_affine(&cpu, plan.as_mut(), &definition, convolution.dtype, convolution.neuron, false);
        }
    }
}

/// The first of equals wins, and a number that is none over everything.
#[test]
fn max_pooling_lets_the_first_of_equals_and_nan_win() {
    let pooling = Pooling {
        input: shape(&[1, 1, 3, 5]),
        dtype: DType::F32,
        method: PoolMethod::Max,
        kernel: size(3, 3),
        stride: size(2, 2),
        pad: size(0, 0),
    };
    let mut xs = vec![1.0; 15];
    xs[7] = f64::NAN;
    for cpu in backends() {
        let mut plan = cpu.pooling(&pooling).unwrap();
        let x = tensor(&cpu, pooling.input, pooling.dtype, Role::Data, &xs);
        let (y, dx) = (
            cpu.alloc(pooling.output().unwrap(), pooling.dtype, Role::Data).unwrap(),
            cpu.alloc(pooling.input, pooling.dtype, Role::Diff).unwrap(),
        );
        plan.forward(&x, &y).unwrap();
        assert!(y.read::<f32>().unwrap().iter().all(|y| y.is_nan()), "both windows see the NaN");
        x.write(&[1.0; 15]).unwrap();
        plan.forward(&x, &y).unwrap();
        plan.backward(&tensor(&cpu, y.shape(), pooling.dtype, Role::Diff, &[2.0, 3.0]), &dx).unwrap();
        let mut expected = [0.0; 15];
        (expected[0], expected[2]) = (2.0, 3.0);
        assert_eq!(dx.read::<f32>().unwrap(), expected, "{cpu:?}");
    }
}

fn check_pooling(pooling: &Pooling) {
    let (input, output) = (pooling.input, pooling.output().unwrap());
    let (xs, dys) = (noise(input.len(), 5), noise(output.len(), 6));
    let area = (pooling.kernel.width * pooling.kernel.height) as f64;
    let (mut ys, mut dxs) = (vec![Sum::default(); output.len()], vec![Sum::default(); input.len()]);
    for plane in 0..input.batch() * input.axis(1) {
        for oy in 0..output.axis(2) {
            for ox in 0..output.axis(3) {
                let at = (plane * output.axis(2) + oy) * output.axis(3) + ox;
                let mut window = Vec::new();
                for ky in 0..pooling.kernel.height {
                    for kx in 0..pooling.kernel.width {
                        let iy = (oy * pooling.stride.height + ky).wrapping_sub(pooling.pad.height);
                        let ix = (ox * pooling.stride.width + kx).wrapping_sub(pooling.pad.width);
                        if iy < input.axis(2) && ix < input.axis(3) {
                            window.push((plane * input.axis(2) + iy) * input.axis(3) + ix);
                        }
                    }
                }
                if pooling.method == PoolMethod::Max {
                    let best =
                        window.iter().copied().fold(window[0], |best, i| if xs[i] > xs[best] { i } else { best });
                    ys[at].add(xs[best]);
                    dxs[best].add(dys[at]);
                } else {
                    window.iter().for_each(|&i| ys[at].add(xs[i] / area));
                    window.iter().for_each(|&i| dxs[i].add(dys[at] / area));
                }
            }
        }
    }
    for cpu in backends() {
        let mut plan = cpu.pooling(pooling).unwrap();
        let x = tensor(&cpu, input, pooling.dtype, Role::Data, &xs);
        let y = cpu.alloc(output, pooling.dtype, Role::Data).unwrap();
        plan.forward(&x, &y).unwrap();
        assert_close("y", &y, &ys, Rounding::Direct);
        let dy = tensor(&cpu, output, pooling.dtype, Role::Diff, &dys);
        let dx = cpu.alloc(input, pooling.dtype, Role::Diff).unwrap();
        plan.backward(&dy, &dx).unwrap();
        assert_close("dx", &dx, &dxs, Rounding::Direct);
    }
}
