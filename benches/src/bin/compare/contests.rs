//! What is compared with what: the one list of contests.

use clap::ValueEnum;
use crema_benches::{InstructionSet, Reference};

/// One kind of work and who does it.
#[derive(Debug)]
pub(crate) struct Contest {
    /// For `--only`.
    pub(crate) name: &'static str,
    /// For people.
    pub(crate) title: &'static str,
    pub(crate) net: Reference,
    pub(crate) batch: usize,
    pub(crate) work: Work,
    /// What everybody is restricted to.
    pub(crate) isa: Option<InstructionSet>,
    /// The first is the one that the others are compared with.
    pub(crate) contenders: Vec<Contender>,
}

/// The kind of work, and what its speed is given in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Iterations per second.
    Training,
    /// Microseconds per call.
    Latency,
    /// Images per second.
    Throughput,
}

/// Who does the work.
#[derive(Debug)]
pub(crate) struct Contender {
    pub(crate) name: String,
    pub(crate) program: Program,
    pub(crate) threads: usize,
    /// Whether the first contender's ratio is to the best of these.
    pub(crate) is_peer: bool,
    /// Whether another process keeps a core busy meanwhile.
    pub(crate) beside_busy: bool,
}

/// What is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    Crema,
    /// PyTorch with this mode of `train.py`, or with `infer.py`.
    PyTorch(&'static str),
    OnnxRuntime,
}

impl Contest {
    /// Whether it trains on MNIST from files.
    pub(crate) fn needs_data(&self) -> bool {
        self.work == Work::Training && matches!(self.net, Reference::Lenet | Reference::Mlp)
    }
}

const EAGER: Program = Program::PyTorch("eager");
const CHANNELS_LAST: Program = Program::PyTorch("channels_last");
const COMPILE: Program = Program::PyTorch("compile");

/// All contests, with so many threads where nothing else is said.
pub(crate) fn contests(threads: usize) -> Vec<Contest> {
    let training = |name, title, net: Reference, isa, peers: &[Program]| {
        let contenders = [Program::Crema].iter().chain(peers).map(|&program| contender(program, threads)).collect();
        Contest { name, title, net, batch: net.batch(), work: Work::Training, isa, contenders }
    };
    let all: &[Program] = &[EAGER, CHANNELS_LAST, COMPILE];
    // Memory formats are about images.
    let flat: &[Program] = &[EAGER, COMPILE];
    // torch.compile's code generator takes its instruction set from elsewhere.
    let (restricted, restricted_flat): (&[Program], &[Program]) = (&[EAGER, CHANNELS_LAST], &[EAGER]);
    let avx2 = Some(InstructionSet::Avx2);
    vec![
        training("lenet", "LeNet training, batch 64, MNIST", Reference::Lenet, None, all),
        training("mlp", "784-1200-1200-10 training, batch 100, MNIST", Reference::Mlp, None, flat),
        training("cifar10-full", "CIFAR-10 'full' training, batch 100", Reference::Cifar10Full, None, all),
        training("conv3x3-64", "3x3 convolutions, 64 channels, batch 32", Reference::Conv64, None, all),
        training("conv3x3-128", "3x3 convolutions, 128 channels, batch 32", Reference::Conv128, None, all),
        training("conv3x3-256", "3x3 convolutions, 256 channels, batch 32", Reference::Conv256, None, all),
        inference("latency", "LeNet inference, batch 1", 1, Work::Latency, threads),
        inference("throughput", "LeNet inference, batch 100", 100, Work::Throughput, threads),
        training("avx2-lenet", "AVX2 only: LeNet training", Reference::Lenet, avx2, restricted),
        training("avx2-mlp", "AVX2 only: 784-1200-1200-10 training", Reference::Mlp, avx2, restricted_flat),
        training("avx2-cifar10-full", "AVX2 only: CIFAR-10 'full' training", Reference::Cifar10Full, avx2, restricted),
        training("avx2-conv3x3-64", "AVX2 only: 3x3 convolutions, 64 channels", Reference::Conv64, avx2, restricted),
        training("avx2-conv3x3-128", "AVX2 only: 3x3 convolutions, 128 channels", Reference::Conv128, avx2, restricted),
        training("avx2-conv3x3-256", "AVX2 only: 3x3 convolutions, 256 channels", Reference::Conv256, avx2, restricted),
        scaling(threads),
        beside_busy(threads),
    ]
}

fn inference(name: &'static str, title: &'static str, batch: usize, work: Work, threads: usize) -> Contest {
    let mut contenders = vec![contender(Program::Crema, threads), contender(Program::OnnxRuntime, threads)];
    if threads > 1 {
        contenders.push(contender(Program::OnnxRuntime, 1));
    }
    contenders.push(contender(CHANNELS_LAST, threads));
    Contest { name, title, net: Reference::Lenet, batch, work, isa: None, contenders }
}

/// What a second thread, or a third, is good for.
fn scaling(threads: usize) -> Contest {
    let contenders = vec![
        contender(Program::Crema, threads),
        contender(Program::Crema, 1),
        Contender { is_peer: false, ..contender(CHANNELS_LAST, threads) },
        Contender { is_peer: false, ..contender(CHANNELS_LAST, 1) },
    ];
    let (net, title) = (Reference::Lenet, "Scaling: LeNet training, all threads against one");
    Contest { name: "threads", title, net, batch: net.batch(), work: Work::Training, isa: None, contenders }
}

/// Whether a neighbour makes several threads slower than one.
fn beside_busy(threads: usize) -> Contest {
    let busy = |program, threads, is_peer| {
        let quiet = contender(program, threads);
        Contender { name: format!("{} beside a busy process", quiet.name), is_peer, beside_busy: true, ..quiet }
    };
    let contenders = vec![
        busy(Program::Crema, threads, false),
        contender(Program::Crema, 1),
        busy(Program::Crema, 1, false),
        busy(CHANNELS_LAST, threads, false),
    ];
    let (net, title) = (Reference::Lenet, "Neighbours: LeNet training beside a busy process");
    Contest { name: "busy", title, net, batch: net.batch(), work: Work::Training, isa: None, contenders }
}

fn contender(program: Program, threads: usize) -> Contender {
    let name = match program {
        Program::Crema => "Crema".into(),
        Program::PyTorch("compile") => "PyTorch compile + channels_last".into(),
        Program::PyTorch(mode) => format!("PyTorch {mode}"),
        Program::OnnxRuntime => "onnxruntime".into(),
    };
    Contender { name, program, threads, is_peer: true, beside_busy: false }
}

/// The name of a value on the command line.
pub(crate) fn value_name(value: impl ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_contest_has_a_name_of_its_own_and_a_peer() {
        for threads in [1, 2, 8] {
            let contests = contests(threads);
            let names: HashSet<&str> = contests.iter().map(|contest| contest.name).collect();
            assert_eq!(names.len(), contests.len());
            for contest in &contests {
                assert_eq!(contest.contenders[0].program, Program::Crema, "{}", contest.name);
                assert!(contest.contenders[1..].iter().any(|contender| contender.is_peer), "{}", contest.name);
            }
        }
    }
}
