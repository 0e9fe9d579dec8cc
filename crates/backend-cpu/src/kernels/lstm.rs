//! One step of a long short-term memory, a block of 16 samples at a time. The formulas stand at
//! `core_tensor::ops::kernels::lstm_forward`.

use super::{dtype, neuron::sigmoid};
use crate::{
    Cpu,
    isa::{Isa, Kernel},
    lane::{LANES, Lane, Real},
    memory::{Stored, read, write},
};
use core_tensor::{DType, Launch, Result};

pub(crate) fn launch(cpu: &Cpu, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    match (kernel, dtype(&call)) {
        ("forward", DType::F32) => Some(forward::<f32>(cpu, call)),
        ("forward", DType::F64) => Some(forward::<f64>(cpu, call)),
        ("backward", DType::F32) => Some(backward::<f32>(cpu, call)),
        ("backward", DType::F64) => Some(backward::<f64>(cpu, call)),
        _ => None,
    }
}

fn forward<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    let units = call.writes[1].shape().sample_len();
    let from_input = read::<T>(call.kernel, "the input's share", call.reads[0])?;
    let from_output = read::<T>(call.kernel, "the last output's share", call.reads[1])?;
    let before = read::<T>(call.kernel, "the cell before", call.reads[2])?;
    let mut gates = write::<T>(call.kernel, "the gates", call.writes[0])?;
    let mut cell = write::<T>(call.kernel, "the cell", call.writes[1])?;
    let mut y = write::<T>(call.kernel, "the output", call.writes[2])?;
    cpu.pool().chunks2((&mut gates, 4 * units), (&mut cell, units), |block, gates, cell| {
        let (from_input, from_output) = (&from_input[block * 4 * units..], &from_output[block * 4 * units..]);
        let before = &before[block * units..];
        cpu.level().run(Cells { units, from_input, from_output, before, gates, cell });
    });
    cpu.pool().chunks(&mut y, units, |block, y| {
        let gates = &gates[(4 * block + 2) * units..][..units];
        cpu.level().run(Outputs { gates, cell: &cell[block * units..][..units], y });
    });
    Ok(())
}

/// Gates and cells of a block.
struct Cells<'a, T> {
    units: usize,
    from_input: &'a [Lane<T>],
    from_output: &'a [Lane<T>],
    before: &'a [Lane<T>],
    gates: &'a mut [Lane<T>],
    cell: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for Cells<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let n = self.units;
        for (i, gate) in self.gates.iter_mut().enumerate() {
            for l in 0..LANES {
                let sum = self.from_input[i][l] + self.from_output[i][l];
                gate[l] = if i < 3 * n { sigmoid(sum) } else { sum.tanh() };
            }
        }
        for (i, cell) in self.cell.iter_mut().enumerate() {
            let [input, forget, candidate] = [i, n + i, 3 * n + i].map(|i| &self.gates[i]);
            for l in 0..LANES {
                cell[l] = forget[l] * self.before[i][l] + input[l] * candidate[l];
            }
        }
    }
}

/// Outputs of a block, from its output gates and cells.
struct Outputs<'a, T> {
    gates: &'a [Lane<T>],
    cell: &'a [Lane<T>],
    y: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for Outputs<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        for ((y, gate), cell) in self.y.iter_mut().zip(self.gates).zip(self.cell) {
            for l in 0..LANES {
                y[l] = gate[l] * cell[l].tanh();
            }
        }
    }
}

fn backward<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    let units = call.writes[1].shape().sample_len();
    let gates = read::<T>(call.kernel, "the gates", call.reads[0])?;
    let cell = read::<T>(call.kernel, "the cell", call.reads[1])?;
    let before = read::<T>(call.kernel, "the cell before", call.reads[2])?;
    let dy = read::<T>(call.kernel, "the gradient", call.reads[3])?;
    let mut dgates = write::<T>(call.kernel, "the gates' gradient", call.writes[0])?;
    let mut dcell = write::<T>(call.kernel, "the cell's gradient", call.writes[1])?;
    cpu.pool().chunks2((&mut dgates, 4 * units), (&mut dcell, units), |block, dgates, dcell| {
        let gates = &gates[block * 4 * units..][..4 * units];
        let [cell, before, dy] = [&cell, &before, &dy].map(|lanes| &lanes[block * units..][..units]);
        cpu.level().run(Backward { gates, cell, before, dy, dgates, dcell });
    });
    Ok(())
}

struct Backward<'a, T> {
    gates: &'a [Lane<T>],
    cell: &'a [Lane<T>],
    before: &'a [Lane<T>],
    dy: &'a [Lane<T>],
    dgates: &'a mut [Lane<T>],
    dcell: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for Backward<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let n = self.cell.len();
        for i in 0..n {
            for l in 0..LANES {
                let [input, forget, output, candidate] = [0, n, 2 * n, 3 * n].map(|gate| self.gates[gate + i][l]);
                let (squashed, dy) = (self.cell[i][l].tanh(), self.dy[i][l]);
                let dcell = self.dcell[i][l] + dy * output * (T::ONE - squashed * squashed);
                self.dgates[i][l] = dcell * candidate * input * (T::ONE - input);
                self.dgates[n + i][l] = dcell * self.before[i][l] * forget * (T::ONE - forget);
                self.dgates[2 * n + i][l] = dy * squashed * output * (T::ONE - output);
                self.dgates[3 * n + i][l] = dcell * input * (T::ONE - candidate * candidate);
                self.dcell[i][l] = dcell * forget;
            }
        }
    }
}
