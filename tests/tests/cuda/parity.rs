//! Every layer, and every reference case, computes on CUDA what it computes on the CPU.

use crate::{case, fake::on_the_fake, golden_layers};
use backend_cpu::Cpu;
use core_tensor::{Backend, DType, RngStream};
use layers::{Example, Registry};
use std::sync::Arc;

#[test]
fn every_layer_agrees_with_the_cpu() {
    on_the_fake("parity::every_layer_agrees_with_the_cpu", |cuda| {
        let (cuda, cpu): (Arc<dyn Backend>, Arc<dyn Backend>) = (Arc::new(cuda.clone()), Arc::new(Cpu::new().unwrap()));
        for (dtype, tolerance) in [(DType::F32, 1e-5), (DType::F64, 1e-13)] {
            for (i, example) in Registry::standard().examples().into_iter().enumerate() {
                let (found, expected) = (run(&cuda, &example, i, dtype), run(&cpu, &example, i, dtype));
                assert_eq!(found.len(), expected.len());
                let largest = expected.iter().fold(1.0, |largest: f64, number| largest.max(number.abs()));
                for (k, (found, expected)) in found.into_iter().zip(expected).enumerate() {
                    let close = (found - expected).abs() <= tolerance * largest;
                    assert!(close, "number {k} is {found}, on the CPU {expected}, in {dtype}: {:?}", example.layer);
                }
            }
            // The second time in a random order of threads.
            fake_cuda::Control::open().unwrap().set("order", 1).unwrap();
        }
    });
}

/// All that a layer computes, forward and backward, on random numbers.
fn run(backend: &Arc<dyn Backend>, example: &Example, seed: usize, dtype: DType) -> Vec<f64> {
    let mut rng = RngStream::new(seed as u64, "parity");
    let mut single = example.set_up(backend, dtype).unwrap();
    for (blob, bottom) in single.bottoms().iter().zip(&example.bottoms) {
        blob.data.write(&bottom.draw(&mut rng).unwrap().into_raw_vec_and_offset().0).unwrap();
    }
    let mut numbers: Vec<f64> = single.forward().unwrap().into_iter().collect();
    numbers.extend(single.state().statistics().iter().map(|statistic| statistic.value));
    for diff in single.tops().iter().filter_map(|top| top.diff.as_ref()) {
        let values: Vec<f64> = (0..diff.shape().len()).map(|i| f64::from(i as u32 % 7) - 3.0).collect();
        diff.write(&values).unwrap();
    }
    if single.layer().layer().can_backward() {
        single.backward().unwrap();
    }
    let tops = single.tops().iter().map(|top| &top.data);
    let diffs = single.bottoms().iter().filter_map(|bottom| bottom.diff.as_ref());
    let params = single.params().iter().map(|param| param.diff().unwrap_or(param.data()));
    for tensor in tops.chain(diffs).chain(params) {
        numbers.extend(tensor.read::<f64>().unwrap());
    }
    numbers
}

#[test]
fn reference_cases() {
    on_the_fake("parity::reference_cases", |cuda| {
        let backends: [Arc<dyn Backend>; 1] = [Arc::new(cuda.clone())];
        let (mut passed, mut failures) = (0, Vec::new());
        for case in case::all() {
            if case.kind != "layer" || !golden_layers::exists(&case.type_name) && case.type_name != "Neuron" {
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
