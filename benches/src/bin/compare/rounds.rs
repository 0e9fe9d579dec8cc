//! Runs a contest: every contender in turn, round after round, each turn in a process of its own.

use crate::{
    Flags,
    contests::{Contender, Contest, Program, Work, value_name},
    cores::Cores,
    load::Load,
    python::Python,
    results::{Outcome, Repetition},
};
use crema_benches::{InstructionSet, Result, cpu, flops, inference, peak_gflops, training};
use layers::Net;
use serde::Deserialize;
use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write, stderr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// A line that a contender prints.
#[derive(Debug, Deserialize)]
struct Line {
    iterations: f64,
    seconds: f64,
    peak_rss_mb: Option<f64>,
}

/// How often a turn is taken in which processors shared a core, before it counts as it is.
const TURNS: usize = 8;

/// Runs all rounds of a contest; `folder` is for exported nets and for what the contenders log.
pub(crate) fn run(contest: &Contest, python: &Python, flags: &Flags, folder: &Path) -> Result<Outcome> {
    let repetitions = vec![Vec::new(); contest.contenders.len()];
    let mut outcome = Outcome { flops: work(contest)?, repetitions, ..Outcome::default() };
    let turns = Turns { contest, python, flags, folder };
    turns.export()?;
    let mut cores = Cores::new()?;
    measure_peaks(contest, &mut outcome)?;
    for round in 1..=flags.rounds {
        for (contender, found) in contest.contenders.iter().zip(&mut outcome.repetitions) {
            let turn = turns.take_whole(contender, &mut cores)?;
            let rates: Vec<String> = turn.iter().map(|repetition| format!("{:.1}", repetition.rate)).collect();
            let Contender { name, threads, .. } = contender;
            let place = format!("{}, round {round} of {}: {name}, threads {threads}", contest.name, flags.rounds);
            writeln!(stderr(), "{place}: {} per second", rates.join(", "))?;
            found.extend(turn);
        }
        measure_peaks(contest, &mut outcome)?;
    }
    Ok(outcome)
}

/// Floating point operations of one iteration or call.
fn work(contest: &Contest) -> Result<f64> {
    let Contest { net, batch, .. } = *contest;
    let layers = if contest.work == Work::Training { training(net, batch) } else { inference(net, batch) };
    let net = Net::new("work", &cpu(Some(1), None)?, layers)?;
    let mut total = 0.0;
    for layer in &net.layers().0 {
        let (forward, backward) = flops(&net, &layer.layer().wiring().name)?;
        total += if contest.work == Work::Training { forward + backward } else { forward };
    }
    Ok(total)
}

/// The peak for each number of threads that takes part.
fn measure_peaks(contest: &Contest, outcome: &mut Outcome) -> Result<()> {
    for contender in &contest.contenders {
        let peak = peak_gflops(&cpu(Some(contender.threads), contest.isa)?);
        let best = outcome.peaks.entry(contender.threads).or_insert(peak);
        *best = best.max(peak);
    }
    Ok(())
}

struct Turns<'a> {
    contest: &'a Contest,
    python: &'a Python,
    flags: &'a Flags,
    folder: &'a Path,
}

impl Turns<'_> {
    /// One contender's turn, taken again while the processors share a core.
    fn take_whole(&self, contender: &Contender, cores: &mut Cores) -> Result<Vec<Repetition>> {
        let place = format!("{}: {}", self.contest.name, contender.name);
        let mut turns = 1;
        loop {
            let were_whole = cores.wait();
            let turn = self.take(contender)?;
            if were_whole && cores.are_whole() {
                return Ok(turn);
            }
            if turns == TURNS {
                writeln!(stderr(), "{place} had no turn without shared cores; the last one counts")?;
                return Ok(turn);
            }
            turns += 1;
            writeln!(stderr(), "{place} takes a turn again, processors shared a core")?;
        }
    }

    /// One contender's turn.
    fn take(&self, contender: &Contender) -> Result<Vec<Repetition>> {
        let busy = contender.beside_busy.then(Busy::start).transpose()?;
        let mut command = self.command(contender)?;
        let program = command.get_program().to_string_lossy().into_owned();
        let start = command.stdout(Stdio::piped()).stderr(File::create(self.log())?).spawn();
        let mut child = start.map_err(|error| format!("{program}: {error}"))?;
        let mut ours = vec![std::process::id(), child.id()];
        ours.extend(busy.as_ref().map(|busy| busy.0.id()));
        let mut repetitions = Vec::new();
        let mut before: Option<Load> = None;
        let Some(output) = child.stdout.take() else { return Err(format!("{program} has no output").into()) };
        for line in BufReader::new(output).lines() {
            let line = line?;
            let Line { iterations, seconds, peak_rss_mb } =
                serde_json::from_str(&line).map_err(|error| format!("{program} printed `{line}`: {error}"))?;
            let now = Load::now(&ours);
            let others = before.zip(now).map(|(before, now)| now.others_since(&before));
            before = now;
            repetitions.push(Repetition { rate: iterations / seconds, peak_rss_mb, others });
        }
        // The warm-up, which is there to tell when the first repetition has begun.
        repetitions.drain(..1.min(repetitions.len()));
        if !child.wait()?.success() {
            return Err(
                format!("{} failed in contest {}:\n{}", contender.name, self.contest.name, self.log_end()).into()
            );
        }
        Ok(repetitions)
    }

    fn command(&self, contender: &Contender) -> Result<Command> {
        let Contest { net, batch, work, isa, .. } = self.contest;
        let is_training = *work == Work::Training;
        let mut command = match contender.program {
            Program::Crema => {
                let mut command = Command::new(workload()?);
                command.arg(if is_training { "train" } else { "infer" });
                isa.iter().for_each(|&isa| {
                    command.args(["--isa", &value_name(isa)]);
                });
                command
            }
            Program::PyTorch(mode) if is_training => {
                let mut command = self.python.script("train.py");
                command.args(["--mode", mode]);
                command
            }
            Program::PyTorch(_) => {
                let mut command = self.python.script("infer.py");
                command.args(["--engine", "pytorch"]);
                command
            }
            Program::OnnxRuntime => {
                let mut command = self.python.script("infer.py");
                command.args(["--engine", "onnxruntime", "--onnx"]).arg(self.onnx());
                command
            }
        };
        if *isa == Some(InstructionSet::Avx2) {
            command.envs([("ONEDNN_MAX_CPU_ISA", "AVX2"), ("ATEN_CPU_CAPABILITY", "avx2")]);
        }
        if self.contest.needs_data() {
            command.arg("--data").arg(&self.flags.data);
        }
        let number = |name: &str, value: &dyn std::fmt::Display| [format!("--{name}"), value.to_string()];
        command.args(number("batch", batch)).args(number("threads", &contender.threads));
        command.args(number("repetitions", &self.flags.repetitions)).args(number("seconds", &self.flags.seconds));
        command.arg(net.to_string());
        Ok(command)
    }

    /// Writes the net for onnxruntime, if it takes part.
    fn export(&self) -> Result<()> {
        if !self.contest.contenders.iter().any(|contender| contender.program == Program::OnnxRuntime) {
            return Ok(());
        }
        let mut command = self.python.script("infer.py");
        command.args(["--engine", "export", "--threads", "1", "--batch", &self.contest.batch.to_string(), "--onnx"]);
        let status =
            command.arg(self.onnx()).arg(self.contest.net.to_string()).stderr(File::create(self.log())?).status()?;
        if status.success() { Ok(()) } else { Err(format!("the export to ONNX failed:\n{}", self.log_end()).into()) }
    }

    fn onnx(&self) -> PathBuf {
        self.folder.join(self.contest.name).with_extension("onnx")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log.txt")
    }

    /// The last lines that the process logged.
    fn log_end(&self) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }
}

/// A process that keeps a core busy as long as this value lives.
struct Busy(Child);

impl Busy {
    fn start() -> Result<Self> {
        Ok(Busy(Command::new(workload()?).arg("busy").spawn()?))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        // It may have been ended from outside; either way it is gone afterwards.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The Crema side, which is built beside this program.
fn workload() -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(format!("workload{}", std::env::consts::EXE_SUFFIX));
    if path.is_file() {
        return Ok(path);
    }
    Err(format!("there is no {}; `cargo build --release -p crema-benches --bins` makes it", path.display()).into())
}
