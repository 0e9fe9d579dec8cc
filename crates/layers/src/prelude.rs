//! All that describing and running a net takes: `use layers::prelude::*`.

pub use crate::{
    Accuracy, Activation, Algorithm, BatchNorm, Bias, Constraint, Convolution, DType, Deconvolution, Dropout,
    ElementWise, ElementWiseOperation, Embed, HostArray, Initializer, InnerProduct, LayerList, LayerRef, Lrn, LrnMode,
    Lstm, MemoryData, MemoryDataState, Net, Neuron, PRelu, PoolMethod, Pooling, Power, RandomMask, Reduction,
    ReductionOperation, Regularizer, Scale, Shape, Size2, Softmax, SoftmaxLoss, Wired, layers,
};
