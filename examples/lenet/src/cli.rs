//! The command line: every flag with its default, in one place.

use clap::{Args, Parser, Subcommand, ValueEnum, value_parser};
use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};
use terminal::TerminalFlags;

/// Train LeNet on MNIST, recognize digits with it, draw its learning curve, and draw digits for it.
///
/// Without a subcommand it trains. With no data at hand it uses a sample of MNIST that is embedded in the program; `cargo xtask
/// fetch-mnist` gets the full set.
#[derive(Debug, Parser)]
#[command(name = "lenet-example", version, args_conflicts_with_subcommands = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) train: TrainArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train, or go on training from the newest snapshot (the default)
    Train(TrainArgs),
    /// Recognize one digit with a trained net
    Predict(PredictArgs),
    /// Draw the learning curve, also while training runs
    Curve(CurveArgs),
    /// Serve a page to draw digits on, which shows what the net makes of them
    Serve(ServeArgs),
}

#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    /// Folder with train.txt and test.txt [default: data if it has a train.txt, otherwise the embedded sample]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Folder for snapshots and statistics; training resumes from the newest snapshot in it
    #[arg(long, value_name = "DIR", default_value = "snapshots")]
    pub(crate) out: PathBuf,
    /// Stop after this many iterations, counted from the very start
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = value_parser!(u64).range(1..))]
    pub(crate) max_iter: u64,
    /// Images per iteration
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = count)]
    pub(crate) batch_size: usize,
    /// Seed of the first weights and of the order of images
    #[arg(long, value_name = "N", default_value_t = 12_345_678)]
    pub(crate) seed: u64,
    /// Threads of the CPU; the result does not depend on it [default: all]
    #[arg(long, value_name = "N", value_parser = count)]
    pub(crate) threads: Option<usize>,
    /// Report the objective every N iterations
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = value_parser!(u64).range(1..))]
    pub(crate) display_every: u64,
    /// Write a snapshot every N iterations, besides the one at the end
    #[arg(long, value_name = "N", default_value_t = 5000, value_parser = value_parser!(u64).range(1..))]
    pub(crate) snapshot_every: u64,
    /// Measure the accuracy on the test set every N iterations
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = value_parser!(u64).range(1..))]
    pub(crate) test_every: u64,
    /// Where to compute
    #[arg(long, value_enum, default_value_t = BackendName::Cpu)]
    pub(crate) backend: BackendName,
    /// Serve a page with curves, filters and buttons [default address: 127.0.0.1:8080]
    #[arg(long, value_name = "IP:PORT", num_args = 0..=1, default_missing_value = "127.0.0.1:8080")]
    pub(crate) dashboard: Option<SocketAddr>,
    #[command(flatten)]
    pub(crate) terminal: TerminalFlags,
}

#[derive(Debug, Args)]
pub(crate) struct PredictArgs {
    /// A snapshot, or a folder of which the newest is taken
    #[arg(long, value_name = "FILE|DIR", default_value = "snapshots")]
    pub(crate) snapshot: PathBuf,
    /// Take image N of the test set
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) index: usize,
    /// Take a picture of one digit: PNG of any size, dark on light or light on dark
    #[arg(long, value_name = "FILE.png", conflicts_with = "index")]
    pub(crate) image: Option<PathBuf>,
    /// Folder with test.txt [default: data if it has a test.txt, otherwise the embedded sample]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Threads of the CPU [default: all]
    #[arg(long, value_name = "N", value_parser = count)]
    pub(crate) threads: Option<usize>,
    /// Where to compute
    #[arg(long, value_enum, default_value_t = BackendName::Cpu)]
    pub(crate) backend: BackendName,
}

#[derive(Debug, Args)]
pub(crate) struct CurveArgs {
    /// The folder that training writes to
    #[arg(long, value_name = "DIR", default_value = "snapshots")]
    pub(crate) out: PathBuf,
    /// The statistics file, in that folder unless a path says otherwise
    #[arg(long, value_name = "FILE", default_value = "statistics.hdf5")]
    pub(crate) file: PathBuf,
    /// Write NAME.svg and NAME.png, in that folder unless a path says otherwise
    #[arg(long, value_name = "NAME", default_value = "learning-curve")]
    pub(crate) save: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// A snapshot, or a folder of which the newest is taken
    #[arg(long, value_name = "FILE|DIR", default_value = "snapshots")]
    pub(crate) snapshot: PathBuf,
    /// The port; 0 takes any that is free
    #[arg(long, value_name = "N", default_value_t = 8080)]
    pub(crate) port: u16,
    /// The address; 127.0.0.1 is open to this machine alone, 0.0.0.0 to everyone in its networks
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    pub(crate) address: IpAddr,
    /// Threads of the CPU [default: all]
    #[arg(long, value_name = "N", value_parser = count)]
    pub(crate) threads: Option<usize>,
    /// Where to compute
    #[arg(long, value_enum, default_value_t = BackendName::Cpu)]
    pub(crate) backend: BackendName,
}

/// The backends that this program is built with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BackendName {
    /// All cores, or --threads of them
    Cpu,
    /// The first NVIDIA graphics card; an error if it cannot be used
    Cuda,
    /// CUDA where it works, otherwise the CPU; the log says which, and why
    Auto,
}

impl CurveArgs {
    pub(crate) fn statistics_file(&self) -> PathBuf {
        self.beside(self.file.clone())
    }

    /// Where the picture of this format goes.
    pub(crate) fn picture(&self, extension: &str) -> PathBuf {
        // `Path::with_extension` would cut `run.1` short.
        let mut name = self.save.clone().into_os_string();
        name.push(".");
        name.push(extension);
        self.beside(name.into())
    }

    /// A bare name lies in the output folder.
    fn beside(&self, path: PathBuf) -> PathBuf {
        if path.components().count() == 1 { self.out.join(path) } else { path }
    }
}

/// A positive number.
fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("it must be at least 1".into()),
        Ok(number) => Ok(number),
        Err(_) => Err("it must be a whole number, at least 1".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn training_needs_no_subcommand() {
        let cli = Cli::parse_from(["lenet-example", "--max-iter", "7"]);
        assert!(cli.command.is_none() && cli.train.max_iter == 7);
        let cli = Cli::parse_from(["lenet-example", "train", "--max-iter", "7"]);
        assert!(matches!(cli.command, Some(Command::Train(args)) if args.max_iter == 7));
        assert!(Cli::try_parse_from(["lenet-example", "--max-iter", "7", "curve"]).is_err());
        assert!(Cli::try_parse_from(["lenet-example", "--batch-size", "0"]).is_err());
    }

    #[test]
    fn bare_names_lie_in_the_output_folder() {
        let args = |save: &str| CurveArgs { out: "run".into(), file: "s.hdf5".into(), save: save.into() };
        assert_eq!(args("curve.1").picture("svg"), PathBuf::from("run/curve.1.svg"));
        assert_eq!(args("./curve").picture("png"), PathBuf::from("./curve.png"));
        assert_eq!(args("x").statistics_file(), PathBuf::from("run/s.hdf5"));
    }
}
