//! All that describing and running a net takes: `use layers::prelude::*`.

pub use crate::{
    Accuracy, Activation, Algorithm, Argmax, BatchNorm, Bias, BinaryCrossEntropyLoss, ChannelPooling, Concat,
    Constraint, Convolution, Crop, DType, Deconvolution, Dropout, ElementWise, ElementWiseOperation, Embed, Flatten,
    GaussianKLLoss, HingeLoss, HostArray, Identity, Index2Onehot, Initializer, InnerProduct, LayerList, LayerRef, Lrn,
    LrnMode, Lstm, MemoryData, MemoryDataState, Net, Neuron, PRelu, PoolMethod, Pooling, Power, RandomMask, Reduction,
    ReductionOperation, Regularizer, Reshape, Scale, Shape, SigmoidCrossEntropyLoss, Size2, Slice, Softmax,
    SoftmaxLoss, Split, SquareLoss, TiedInnerProduct, Wired, layers,
};
