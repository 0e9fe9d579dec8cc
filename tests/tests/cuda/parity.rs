//! Every layer, and every reference case, computes on CUDA what it computes on the CPU.

use crate::{
    case,
    fake::{change_order_of_threads, on_the_fake, on_the_fake_with},
    golden_layers,
};
use backend_cpu::Cpu;
use backend_cuda::Options;
use core_tensor::{Backend, DType, RngStream};
use layers::{Example, Registry};
use std::{error::Error, sync::Arc};

#[test]
fn every_layer_agrees_with_the_cpu() {
    let options = Options { exact_memory: true, ..Options::default() };
    on_the_fake_with(options, "parity::every_layer_agrees_with_the_cpu", |cuda| {
        let (cuda, cpu): (Arc<dyn Backend>, Arc<dyn Backend>) = (Arc::new(cuda.clone()), Arc::new(Cpu::new().unwrap()));
        for (sweep, dtype) in [DType::F32, DType::F64, DType::F32].into_iter().enumerate() {
            if sweep > 0 {
                change_order_of_threads(sweep as u64);
            }
            for (seed, example) in Registry::standard().examples().iter().enumerate() {
                compare(&cuda, &cpu, example, seed as u64, dtype).unwrap();
            }
        }
    });
}

/// Whether a layer computes the same on two backends, but for rounding.
pub(crate) fn compare(
    found: &Arc<dyn Backend>,
    expected: &Arc<dyn Backend>,
    example: &Example,
    seed: u64,
    dtype: DType,
) -> Result<(), String> {
    let numbers = |backend| run(backend, example, seed, dtype).map_err(|error| format!("{:?}: {error}", example.layer));
    let (found, expected) = (numbers(found)?, numbers(expected)?);
    if found.len() != expected.len() {
        return Err(format!("{} numbers, on the CPU {}: {:?}", found.len(), expected.len(), example.layer));
    }
    let tolerance = if dtype == DType::F32 { 1e-5 } else { 1e-13 };
    let largest = expected.iter().fold(1.0, |largest: f64, number| largest.max(number.abs()));
    for (k, (found, expected)) in found.into_iter().zip(expected).enumerate() {
        // A NaN is close to nothing.
        let is_close = (found - expected).abs() <= tolerance * largest;
        if !is_close {
            return Err(format!("number {k} is {found}, on the CPU {expected}, in {dtype}: {:?}", example.layer));
        }
    }
    Ok(())
}

/// All that a layer computes, forward and backward, on random numbers.
fn run(backend: &Arc<dyn Backend>, example: &Example, seed: u64, dtype: DType) -> Result<Vec<f64>, Box<dyn Error>> {
    let mut rng = RngStream::new(seed, "parity");
    let mut single = example.set_up(backend, dtype)?;
    for (blob, bottom) in single.bottoms().iter().zip(&example.bottoms) {
        blob.data.write(&bottom.draw(&mut rng)?.into_raw_vec_and_offset().0)?;
    }
    let mut numbers: Vec<f64> = single.forward()?.into_iter().collect();
    numbers.extend(single.state().statistics().iter().map(|statistic| statistic.value));
    // A gradient is overwritten, not added to what was there. Before those of the tops, which may be the same memory.
    for diff in single.bottoms().iter().filter_map(|bottom| bottom.diff.as_ref()) {
        diff.write(&vec![7.0; diff.shape().len()])?;
    }
    for diff in single.tops().iter().filter_map(|top| top.diff.as_ref()) {
        let values: Vec<f64> = (0..diff.shape().len()).map(|i| f64::from(i as u32 % 7) - 3.0).collect();
        diff.write(&values)?;
    }
    if single.layer().layer().can_backward() {
        single.backward()?;
    }
    let tops = single.tops().iter().map(|top| &top.data);
    let diffs = single.bottoms().iter().filter_map(|bottom| bottom.diff.as_ref());
    let params = single.params().iter().map(|param| param.diff().unwrap_or(param.data()));
    for tensor in tops.chain(diffs).chain(params) {
        numbers.extend(tensor.read::<f64>()?);
    }
    Ok(numbers)
}

#[test]
fn reference_cases() {
    on_the_fake("parity::reference_cases", |cuda| {
        let backends: [Arc<dyn Backend>; 1] = [Arc::new(cuda.clone())];
        let (mut passed, mut failures) = (0, Vec::new());
        for case in case::all() {
            if case.kind != "layer" {
                continue;
            }
            match golden_layers::run_on_all(&case, &backends) {
                Ok(()) => passed += 1,
                Err(message) => failures.push(format!("{} ({}): {message}", case.name, case.type_name)),
            }
        }
        println!("{passed} reference cases passed");
        assert!(failures.is_empty(), "{} reference cases failed:\n{}", failures.len(), failures.join("\n"));
        assert!(passed > 0, "no reference case in {}", case::folder().display());
    });
}
