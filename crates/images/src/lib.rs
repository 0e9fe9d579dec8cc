//! Pictures into networks: [`Preparation`] makes numbers of a picture, [`Classifier`] asks a trained net what it shows, and
//! [`to_hdf5`] turns folders or lists of pictures into a data set.
//!
//! Mocha has a classifier for one network (`tools/image-classifier.jl`) and none of the rest; Caffe has `convert_imageset` and
//! `classifier.py`. Here all three share one description of the preparation, so that a net is asked with the numbers that it was
//! trained on.

mod classifier;
mod data_set;
mod error;
mod preparation;

pub use classifier::{Classifier, Guess};
pub use data_set::{DataSet, Source, to_hdf5};
pub use error::{Error, Result};
pub use preparation::{Channels, Preparation, open};
