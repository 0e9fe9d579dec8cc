//! All that describing and running a net takes: `use layers::prelude::*`.

pub use crate::{
    Accuracy, Activation, Algorithm, Argmax, BatchNorm, Bias, BinaryCrossEntropyLoss, ChannelPooling, Concat,
    Constraint, Convolution, Crop, DType, Deconvolution, Dropout, ElementWise, ElementWiseOperation, Embed, Flatten,
    GaussianKLLoss, HingeLoss, HostArray, Identity, Index2Onehot, Initializer, InnerProduct, LayerList, LayerRef,
    LossNormalization, Lrn, LrnMode, Lstm, MemoryData, MemoryDataState, MultinomialLogisticLoss, Net, Neuron, PRelu,
    PoolMethod, Pooling, Power, RandomMask, Reduction, ReductionOperation, Regularizer, Reshape, Scale, Shape,
    SigmoidCrossEntropyLoss, Size2, Slice, SoftlabelSoftmaxLoss, Softmax, SoftmaxLoss, Split, SquareLoss,
    TiedInnerProduct, WeightNormalization, Wired, layers,
};
