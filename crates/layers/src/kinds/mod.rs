//! One file for each kind of layer. A new one is declared here and listed in `registry.rs`.

mod accuracy;
mod activation;
mod affine;
mod convolution;
mod dropout;
mod element_wise;
mod host_array;
mod inner_product;
mod labels;
mod lrn;
mod memory_data;
mod pooling;
mod power;
mod random_mask;
mod softmax;
mod softmax_loss;

pub use accuracy::Accuracy;
pub use activation::Activation;
pub use convolution::Convolution;
pub use dropout::Dropout;
pub use element_wise::ElementWise;
pub use host_array::HostArray;
pub use inner_product::InnerProduct;
pub use lrn::Lrn;
pub use memory_data::{MemoryData, MemoryDataState};
pub use pooling::Pooling;
pub use power::Power;
pub use random_mask::RandomMask;
pub use softmax::Softmax;
pub use softmax_loss::SoftmaxLoss;
