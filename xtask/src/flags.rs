//! The flags of all chores in one place; their help is the reference.

use clap::{Args, Parser, Subcommand};
use std::{ffi::OsString, path::PathBuf};

/// Crema's chores.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask")]
pub(crate) struct Flags {
    /// What to do.
    #[command(subcommand)]
    pub(crate) chore: Chore,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Chore {
    /// Gets the MNIST digits and writes them as HDF5
    FetchMnist(Fetch),
    /// Gets Fashion-MNIST, as many images of clothes, and writes them as HDF5
    FetchFashionMnist(Fetch),
    /// Compiles kernels/*.cu to the PTX that backend-cuda embeds
    Kernels(Kernels),
    /// Proves on a machine with an NVIDIA card what needs one: tests, LeNet's accuracy and speed, compute-sanitizer
    GpuCheck(GpuCheck),
    /// Checks the house rules that are named in ARCHITECTURE.md
    Tidy,
    /// Compares parameters and solver history of two snapshots bit for bit
    SameSnapshots(SameSnapshots),
    /// Times a net layer by layer, forward and backward; `time --help` lists nets and flags
    #[command(disable_help_flag = true)]
    Time(Passed),
    /// Compares the speed with PyTorch's and onnxruntime's; `compare --help` has the flags
    #[command(disable_help_flag = true)]
    Compare(Passed),
}

/// Flags of `fetch-mnist` and `fetch-fashion-mnist`.
#[derive(Debug, Default, Args)]
pub(crate) struct Fetch {
    /// The folder for train.hdf5, test.hdf5, train.txt and test.txt [default: data, or data/fashion for Fashion-MNIST]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Takes the four IDX files, packed with gzip or not, from this folder instead of downloading them
    #[arg(long, value_name = "DIR")]
    pub(crate) from: Option<PathBuf>,
    /// Only verifies what is there
    #[arg(long, conflicts_with_all = ["from", "force"])]
    pub(crate) check: bool,
    /// Replaces what is there
    #[arg(long)]
    pub(crate) force: bool,
}

/// Flags of `kernels`.
#[derive(Debug, Default, Args)]
pub(crate) struct Kernels {
    /// Writes nothing, but compares: with the sources' hashes, and with what the compiler makes of them if it is installed
    #[arg(long)]
    pub(crate) verify: bool,
    /// Fetches NVIDIA's compilers with pip, as far as they are needed, into target/cuda
    #[arg(long)]
    pub(crate) install: bool,
    /// Assembles the PTX for cards from Turing to Blackwell and reports registers and spills
    #[arg(long)]
    pub(crate) assemble: bool,
}

/// Flags of `gpu-check`.
#[derive(Debug, Args)]
pub(crate) struct GpuCheck {
    /// Folder with MNIST's train.txt and test.txt [default: data if it has them, otherwise a sample, which proves no accuracy]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Iterations of LeNet
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub(crate) max_iter: u64,
    /// Takes this test program instead of building it
    #[arg(long, value_name = "FILE")]
    pub(crate) tests: Option<PathBuf>,
    /// Takes this lenet-example instead of building it
    #[arg(long, value_name = "FILE")]
    pub(crate) lenet: Option<PathBuf>,
    /// Only builds the two programs and says where they are, for a machine without a compiler
    #[arg(long)]
    pub(crate) build_only: bool,
}

/// Flags of `same-snapshots`.
#[derive(Debug, Args)]
pub(crate) struct SameSnapshots {
    /// A snapshot
    pub(crate) first: PathBuf,
    /// Another one
    pub(crate) second: PathBuf,
}

/// Flags that a program of the benches package reads itself; they are documented there, once.
#[derive(Debug, Args)]
pub(crate) struct Passed {
    /// What the program is given
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) arguments: Vec<OsString>,
}
