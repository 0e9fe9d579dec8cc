//! `cargo xtask time`: where a net's time goes, layer by layer.

use clap::{Parser, value_parser};
use crema_benches::{
    InstructionSet, NetTimes, Pass, Reference, Result, cpu, layer_times, peak_gflops, table, training,
};
use layers::Net;
use solver::{LrPolicy, MomPolicy, Sgd};
use std::{
    io::{Write, stderr, stdout},
    process::ExitCode,
};

/// Time a net layer by layer, forward and backward: milliseconds, GFLOP/s and per cent of the peak, medians.
///
/// The input is noise from memory. Operations are counted by the definition, so a layer that uses Winograd's algorithm, which
/// multiplies less, can exceed 100 %. The peak is that of multiply-adds in registers, measured just before and just after.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask time", max_term_width = 100)]
struct Flags {
    /// The net
    #[arg(value_enum, default_value_t = Reference::Lenet)]
    net: Reference,
    /// Samples in a batch [default: the net's usual one]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    batch: Option<u32>,
    /// Threads [default: all]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    threads: Option<u32>,
    /// The instruction set [default: the best that the processor has]
    #[arg(long, value_enum)]
    isa: Option<InstructionSet>,
    /// Iterations to take the median of, at least 20
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = value_parser!(u32).range(20..))]
    iterations: u32,
}

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
    let batch = flags.batch.map_or(flags.net.batch(), |batch| batch as usize);
    let mut net = Net::new(flags.net.to_string(), &cpu, training(flags.net, batch))?;
    let mut sgd = Sgd::new().lr_policy(LrPolicy::fixed(1e-4)).mom_policy(MomPolicy::fixed(0.9));
    let before = peak_gflops(&cpu);
    let times = layer_times(&mut net, &mut sgd, flags.iterations as usize)?;
    let peak = before.max(peak_gflops(&cpu));
    let mut out = stdout().lock();
    writeln!(
        out,
        "{}, batch {batch}, on {}; peak {peak:.1} GFLOP/s; median of {} iterations\n",
        flags.net,
        net.backend().describe(),
        flags.iterations
    )?;
    write!(out, "{}", report(&times, peak))?;
    let (rate, samples) = (1.0 / times.iteration, batch as f64 / times.iteration);
    writeln!(out, "\nwhole iterations: {:.3} ms, {rate:.1} it/s, {samples:.0} samples/s", times.iteration * 1e3)?;
    Ok(())
}

/// The table.
fn report(times: &NetTimes, peak: f64) -> String {
    let header =
        ["layer", "kind", "algorithm", "forward ms", "GFLOP/s", "% of peak", "backward ms", "GFLOP/s", "% of peak"];
    let row = |[layer, kind, algorithm]: [&str; 3], forward: Option<Pass>, backward: Option<Pass>| {
        let ([a, b, c], [d, e, f]) = (cells(forward, peak), cells(backward, peak));
        [layer.to_owned(), kind.to_owned(), algorithm.to_owned(), a, b, c, d, e, f]
    };
    let mut rows: Vec<[String; 9]> = Vec::new();
    for layer in &times.layers {
        rows.push(row([&layer.layer, layer.kind, &layer.algorithm], layer.forward, layer.backward));
    }
    let update = Pass { seconds: times.update, flops: 0.0 };
    rows.push(row(["update", "", ""], None, Some(update)));
    let sum = |passes: &mut dyn Iterator<Item = Pass>| {
        passes.fold(Pass { seconds: 0.0, flops: 0.0 }, |sum, pass| Pass {
            seconds: sum.seconds + pass.seconds,
            flops: sum.flops + pass.flops,
        })
    };
    let forward = sum(&mut times.layers.iter().filter_map(|layer| layer.forward));
    let backward = sum(&mut times.layers.iter().filter_map(|layer| layer.backward).chain([update]));
    rows.push(row(["total", "", ""], Some(forward), Some(backward)));
    table(header, 3, &rows)
}

/// Milliseconds, GFLOP/s and per cent of the peak.
fn cells(pass: Option<Pass>, peak: f64) -> [String; 3] {
    let Some(Pass { seconds, flops }) = pass else { return [String::new(), String::new(), String::new()] };
    let speed = flops / seconds / 1e9;
    let shown = |text: String| if flops > 0.0 { text } else { String::new() };
    [format!("{:.3}", seconds * 1e3), shown(format!("{speed:.0}")), shown(format!("{:.0}", 100.0 * speed / peak))]
}
