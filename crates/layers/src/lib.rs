//! Layers, and the net that joins them by the names of their blobs.
//!
//! A *description* ([`Layer`]) is plain data: it can be cloned, compared, printed and written as JSON, and knows no backend,
//! no element type and no state. Building a [`Net`] turns each description into a *state* ([`LayerState`]) that owns buffers
//! and plans. The split is Mocha's (`src/layers.jl`); Caffe mixes the two in one class and cannot print or compare a net.
//!
//! # The kinds of layers
//!
//! | Kind | What it does |
//! |---|---|
//! | [`Accuracy`] | counts predictions that are right, or have the right class among their first few |
//! | [`Activation`] | applies a neuron |
//! | [`Argmax`] | finds the index of the largest value |
//! | [`BatchNorm`] | brings each channel to mean 0 and variance 1 over the batch |
//! | [`Bias`] | adds a number that it learns to each channel |
//! | [`BinaryAccuracy`] | counts right yes-or-no predictions |
//! | [`BinaryCrossEntropyLoss`] | the loss of independent probabilities |
//! | [`ChannelPooling`] | takes the largest or the mean value of windows along an axis |
//! | [`Concat`] | joins blobs along an axis |
//! | [`Convolution`] | convolves images with filters that it learns |
//! | [`Crop`] | cuts windows out of images, from the centre or at random |
//! | [`Deconvolution`] | enlarges images: the transposed convolution, with filters that it learns |
//! | [`Dropout`] | zeroes random elements in training, against overfitting |
//! | [`ElementWise`] | adds, subtracts, multiplies or divides two blobs |
//! | [`Embed`] | replaces indices by rows of a table that it learns |
//! | [`Flatten`] | makes one axis of several |
//! | [`GaussianKLLoss`] | the loss on a variational autoencoder's code |
//! | [`HingeLoss`] | the loss of binary classifiers with a margin |
//! | [`Identity`] | gives blobs other names |
//! | [`Index2Onehot`] | turns class indices into one-hot vectors |
//! | [`InnerProduct`] | multiplies by a matrix that it learns |
//! | [`LRN`] | divides by the size of neighbouring values |
//! | [`LSTM`] | reads sequences step by step, with a memory that learns what to keep |
//! | [`MemoryData`] | delivers batches from arrays in memory |
//! | [`MemoryOutput`] | keeps what passes, for the program |
//! | [`MultinomialLogisticLoss`] | the loss of classifiers that give probabilities |
//! | [`Pooling`] | takes the largest or the mean value of windows of images, or of whole images |
//! | [`Power`] | scales, shifts and raises to a power |
//! | [`PReLU`] | lets positive numbers through and multiplies others by a slope that it learns |
//! | [`RandomMask`] | zeroes random elements in training, to learn from damaged data |
//! | [`RandomNormal`] | delivers noise |
//! | [`Reduction`] | adds up all axes from one on |
//! | [`Reshape`] | gives samples another shape |
//! | [`Scale`] | multiplies each channel by a number that it learns |
//! | [`SigmoidCrossEntropyLoss`] | the loss of independent probabilities given as logits |
//! | [`Slice`] | cuts a blob into several along an axis |
//! | [`SoftlabelSoftmaxLoss`] | the loss of classifiers that learn from distributions |
//! | [`Softmax`] | turns logits into probabilities |
//! | [`SoftmaxLoss`] | the loss of classifiers |
//! | [`Split`] | gives a blob several names |
//! | [`SquareLoss`] | the loss of regression |
//! | [`TiedInnerProduct`] | multiplies by the transposed matrix of another layer |
//! | [`WassersteinLoss`] | the loss between distributions over places |
//!
//! [`LSTM`]: Lstm
//! [`LRN`]: Lrn
//! [`PReLU`]: PRelu
//!
//! Adding a layer: one file in `kinds/` with examples for the gradient sweep, and one word in the list in `registry.rs`.

mod error;
mod example;
mod gradient_check;
mod init;
mod kinds;
mod layer;
mod names;
mod net;
mod param;
pub mod prelude;
mod registry;
mod setup;
mod single;
mod topology;

pub use error::{Error, Result};
pub use example::{Example, ExampleBottom, Examples};
pub use gradient_check::{GradientCheck, GradientReport};
pub use kinds::{
    Accuracy, Activation, Argmax, BatchNorm, Bias, BinaryAccuracy, BinaryCrossEntropyLoss, ChannelPooling, Concat,
    Convolution, Crop, Deconvolution, Dropout, ElementWise, Embed, Flatten, GaussianKLLoss, HingeLoss, HostArray,
    Identity, Index2Onehot, InnerProduct, LossNormalization, Lrn, Lstm, MemoryData, MemoryDataState, MemoryOutput,
    MemoryOutputState, MultinomialLogisticLoss, PRelu, Pooling, Power, RandomMask, RandomNormal, Reduction, Reshape,
    Scale, SigmoidCrossEntropyLoss, Slice, SoftlabelSoftmaxLoss, Softmax, SoftmaxLoss, Split, SquareLoss,
    TiedInnerProduct, Transformer, WassersteinLoss, WeightNormalization,
};
pub use layer::{
    Arity, Count, DataSource, Describe, Layer, LayerList, LayerRef, LayerState, Pass, Statistic, Wired, Wiring,
};
pub use net::{Epoch, Net, NetBuilder, Summary, SummaryRow};
pub use param::{Constraint, Initializer, Param, ParamSpec, Regularizer};
pub use registry::Registry;
pub use setup::{Blob, Setup};
pub use single::SingleLayer;

pub use core_tensor::{
    DType, Shape, Size2,
    ops::{Algorithm, ElementWiseOperation, LrnMode, Neuron, PoolMethod, ReductionOperation},
};
