//! The flags of all chores in one place; their help is the reference.

use clap::{Args, Parser, Subcommand};
use images::Channels;
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
    /// Writes pictures, in a folder for each class or named in a list, as a data set for `Hdf5Data`
    #[command(name = "images-to-hdf5")]
    ImagesToHdf5(ImagesToHdf5),
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

/// Flags of `images-to-hdf5`.
#[derive(Debug, Args)]
pub(crate) struct ImagesToHdf5 {
    /// A folder with a folder of pictures for each class, or a CSV file with a line `picture,label` for each picture, relative to
    /// it, labels from 0 on
    pub(crate) source: PathBuf,
    /// Width and height that pictures are resized to, without regard to their proportions
    #[arg(long, value_name = "WxH", value_parser = size)]
    pub(crate) size: (u32, u32),
    /// Width and height of the centre that is cut out after that [default: all of it]
    #[arg(long, value_name = "WxH", value_parser = size)]
    pub(crate) crop: Option<(u32, u32)>,
    /// The channels and their order: gray, rgb or bgr (Caffe's)
    #[arg(long, default_value = "rgb", value_parser = channels)]
    pub(crate) channels: Channels,
    /// What is subtracted, of pixels from 0 to 255: a number for each channel, or one for all [default: nothing]
    #[arg(long, value_name = "M,M,M", value_delimiter = ',', allow_negative_numbers = true)]
    pub(crate) mean: Vec<f32>,
    /// What all numbers are multiplied by after that; 0.00390625 makes 0 to 1 of them
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    pub(crate) scale: f32,
    /// The folder for NAME.txt, the list for `Hdf5Data`, and NAME-0.hdf5, NAME-1.hdf5, ... with 10,000 pictures each
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub(crate) out: PathBuf,
    /// What the files are called [default: the source's name]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The same seed puts the same pictures in the same order
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Replaces a data set of this name
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

/// `256x256`: width and height.
fn size(text: &str) -> Result<(u32, u32), String> {
    let sides = text.split_once('x').and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    sides.ok_or_else(|| "expected width and height in pixels, e.g. 256x256".into())
}

fn channels(text: &str) -> Result<Channels, String> {
    match text {
        "gray" => Ok(Channels::Gray),
        "rgb" => Ok(Channels::Rgb),
        "bgr" => Ok(Channels::Bgr),
        _ => Err("expected gray, rgb or bgr".into()),
    }
}
