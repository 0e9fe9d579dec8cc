//! The command line: every flag with its default, in one place.

use crate::backend::BackendName;
use clap::{Args, Parser, Subcommand, ValueEnum, value_parser};
use clap_complete::Shell;
use std::path::PathBuf;
use terminal::TerminalFlags;

/// Train, test, use, draw and convert networks that are described in a TOML or JSON file.
///
/// docs/crema.md describes the file; examples/lenet.toml is one.
#[derive(Debug, Parser)]
#[command(name = "crema", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train, or go on training from the newest snapshot
    Train(TrainArgs),
    /// Measure a trained net on the test data: exactly one epoch
    Test(TestArgs),
    /// Say what pictures show
    Predict(PredictArgs),
    /// Draw a net: SVG, or DOT for GraphViz
    Draw(DrawArgs),
    /// Turn weights into another format, or a net with its weights into an ONNX model
    Convert(ConvertArgs),
    /// Write completions for a shell to stdout
    Completions(CompletionsArgs),
    /// Write the man pages, one for each command, into a folder
    Man(ManArgs),
}

#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    /// The file that describes network and solver: .toml or .json
    pub(crate) config: PathBuf,
    /// Stop after this many iterations, counted from the very start [default: the file's]
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    pub(crate) max_iter: Option<u64>,
    /// Folder for snapshots and statistics; training resumes from the newest snapshot in it [default: the file's]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Seed of the first weights and of the order of samples [default: the file's]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    #[command(flatten)]
    pub(crate) backend: BackendArgs,
    #[command(flatten)]
    pub(crate) terminal: TerminalFlags,
}

#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// The file that describes the network: .toml or .json
    pub(crate) config: PathBuf,
    #[command(flatten)]
    pub(crate) weights: WeightsArgs,
    #[command(flatten)]
    pub(crate) backend: BackendArgs,
    /// Write one JSON object with the statistics
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PredictArgs {
    /// The file that describes the network, with a section `predict`: .toml or .json
    pub(crate) config: PathBuf,
    /// The pictures: PNG or JPEG
    #[arg(required = true)]
    pub(crate) pictures: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) weights: WeightsArgs,
    /// How many classes to name for each picture
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = value_parser!(u16).range(1..))]
    pub(crate) best: u16,
    #[command(flatten)]
    pub(crate) backend: BackendArgs,
    /// Write one JSON object a picture
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DrawArgs {
    /// The file that describes the network: .toml or .json
    pub(crate) config: PathBuf,
    /// Where to draw to; the name ends in .svg or .dot
    #[arg(long, value_name = "FILE", default_value = "network.svg")]
    pub(crate) out: PathBuf,
    /// Which of the nets
    #[arg(long, value_enum, default_value_t = Which::Train)]
    pub(crate) net: Which,
}

#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    /// Weights: a snapshot or an export of Caffe or Mocha (.hdf5, .h5), .safetensors, .npz, or a folder of which the newest
    /// snapshot is taken
    pub(crate) from: PathBuf,
    /// The new file: .hdf5, .h5, .safetensors, .npz or .onnx
    pub(crate) to: PathBuf,
    /// The file that describes the network; for .onnx, which becomes its test net
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The folder, which must exist
    pub(crate) folder: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct WeightsArgs {
    /// Weights: a snapshot, any file that `crema convert` reads, or a folder of which the newest snapshot is taken [default: the
    /// folder that training writes to]
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) weights: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct BackendArgs {
    /// Where to compute [default: as the file says, otherwise cpu]
    #[arg(long, value_enum)]
    pub(crate) backend: Option<BackendName>,
    /// Threads of the CPU; the result does not depend on it [default: all]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,
}

/// The nets that a file describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Which {
    /// The one that is trained
    Train,
    /// The one that validates
    Test,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
