//! Small batches: bits that do not depend on the number of threads, and where the algorithm for few samples is chosen. That it
//! computes the right thing is tested beside the others (`plans.rs`, `pooled.rs`).

#![allow(clippy::unwrap_used)] // a test stops at the first error

use backend_cpu::{Cpu, Level};
use core_tensor::{
    Backend, DType, Role, Shape, Size2, Tensor,
    ops::{AffineForward, AffinePlan, Algorithm, Convolution, InnerProduct, Neuron, PoolMethod, Pooling},
};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_number_of_threads_gives_the_same_bits(
        batch in 1usize..10,
        (channels, filters, height, width) in (1usize..9, 1usize..30, 6usize..20, 6usize..20),
        (kernel, outputs) in (prop::sample::select(vec![1usize, 3, 5]), 1usize..200),
    ) {
        let convolution = convolution(&[batch, channels, height, width], filters, kernel);
        let pooling = two_by_two(&convolution);
        let product = InnerProduct { input: convolution.input, dtype: DType::F32, outputs, neuron: Neuron::ReLU };
        let bits = |threads| {
            let cpu = Cpu::with_threads(threads).unwrap();
            let noise = |shape: Shape, role, seed| noise(&cpu, shape, role, seed);
            let x = noise(convolution.input, Role::Data, 1);
            let mut found = Vec::new();
            let mut run = |plan: &mut dyn AffinePlan, weight: &Tensor, bias: &Tensor, y: Shape| {
                let y = cpu.alloc(y, DType::F32, Role::Data).unwrap();
                plan.forward(AffineForward { x: &x, weight, bias: Some(bias), y: &y }).unwrap();
                found.extend(y.read::<f32>().unwrap().iter().map(|value| value.to_bits()));
            };
            let weight = noise(convolution.filter().unwrap(), Role::Param, 2);
            let bias = noise(shape(&[filters]), Role::Param, 3);
            run(&mut *cpu.convolution(&convolution).unwrap(), &weight, &bias, pooling.input);
            if let Some(mut plan) = cpu.convolution_pooling(&convolution, &pooling).unwrap() {
                run(&mut *plan, &weight, &bias, pooling.output().unwrap());
            }
            let weight = noise(product.weight().unwrap(), Role::Param, 4);
            let bias = noise(shape(&[outputs]), Role::Param, 5);
            run(&mut *cpu.inner_product(&product).unwrap(), &weight, &bias, product.output().unwrap());
            found
        };
        let one = bits(1);
        prop_assert_eq!(&one, &bits(2));
        prop_assert_eq!(&one, &bits(3));
    }
}

#[test]
fn few_samples_are_chosen_by_shape_and_batch() {
    let cpu = Cpu::with_threads(1).unwrap();
    let is_few = |plan: Box<dyn AffinePlan>| plan.algorithm() == "few samples";
    let most = |is_few: &dyn Fn(usize) -> bool| {
        let few: Vec<bool> = (1..=17).map(is_few).collect();
        let most = few.iter().take_while(|few| **few).count();
        assert!(few[most..].iter().all(|few| !few), "no number of samples above {most}: {few:?}");
        most
    };
    // LeNet's two, a 3x3 and a 1x1; all but the last go by Winograd's algorithm otherwise.
    let layers =
        [([1, 28, 28], 20, 5, 3), ([20, 12, 12], 50, 5, 3), ([64, 28, 28], 64, 3, 4), ([64, 28, 28], 64, 1, 11)];
    for ([channels, height, width], filters, kernel, expected) in layers {
        let layer = |batch| convolution(&[batch, channels, height, width], filters, kernel);
        assert_eq!(most(&|batch| is_few(cpu.convolution(&layer(batch)).unwrap())), expected);
        let pooled = |batch| cpu.convolution_pooling(&layer(batch), &two_by_two(&layer(batch))).unwrap();
        assert_eq!(most(&|batch| pooled(batch).is_some_and(is_few)), expected);
    }
    let product =
        |batch| InnerProduct { input: shape(&[batch, 800]), dtype: DType::F32, outputs: 500, neuron: Neuron::ReLU };
    let expected = if cpu.level() == Level::Avx512 { 8 } else { 6 };
    assert_eq!(most(&|batch| is_few(cpu.inner_product(&product(batch)).unwrap())), expected);

    let one = convolution(&[1, 1, 28, 28], 20, 5);
    assert!(!is_few(cpu.convolution(&Convolution { algorithm: Algorithm::Direct, ..one.clone() }).unwrap()));
    assert!(!is_few(cpu.convolution(&Convolution { dtype: DType::F64, ..one.clone() }).unwrap()));
    let mean = Pooling { method: PoolMethod::Mean, ..two_by_two(&one) };
    assert!(cpu.convolution_pooling(&one, &mean).unwrap().is_none());
}

/// Numbers in [-1, 1] that look random and never repeat a pattern.
fn noise(cpu: &Cpu, shape: Shape, role: Role, seed: usize) -> Tensor {
    let tensor = cpu.alloc(shape, DType::F32, role).unwrap();
    let numbers = (0..shape.len()).map(|i| ((i * 7919 + seed * 104_729) % 2003) as f32 / 1001.0 - 1.0);
    tensor.write(&numbers.collect::<Vec<f32>>()).unwrap();
    tensor
}

/// A convolution at a stride of 1, without pad and neuron.
fn convolution(input: &[usize], filters: usize, kernel: usize) -> Convolution {
    Convolution {
        input: shape(input),
        dtype: DType::F32,
        filters,
        kernel: size((kernel, kernel)),
        stride: size((1, 1)),
        pad: size((0, 0)),
        dilation: size((1, 1)),
        groups: 1,
        neuron: Neuron::Identity,
        algorithm: Algorithm::Auto,
    }
}

fn two_by_two(convolution: &Convolution) -> Pooling {
    let (input, two, none) = (convolution.output().unwrap(), size((2, 2)), size((0, 0)));
    Pooling { input, dtype: convolution.dtype, method: PoolMethod::Max, kernel: two, stride: two, pad: none }
}

fn shape(sizes: &[usize]) -> Shape {
    Shape::new(sizes).unwrap()
}

fn size((width, height): (usize, usize)) -> Size2 {
    Size2 { width, height }
}
