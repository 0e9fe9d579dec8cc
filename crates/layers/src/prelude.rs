//! All that describing and running a net takes: `use layers::prelude::*`.

pub use crate::{
    Accuracy, Activation, Algorithm, Argmax, BatchNorm, Bias, BinaryAccuracy, BinaryCrossEntropyLoss, ChannelPooling,
    Concat, Constraint, Convolution, Crop, DType, Deconvolution, Dropout, ElementWise, ElementWiseOperation, Embed,
    Flatten, GaussianKLLoss, HingeLoss, HostArray, Identity, Index2Onehot, Initializer, InnerProduct, LayerList,
    LayerRef, LossNormalization, Lrn, LrnMode, Lstm, MemoryData, MemoryDataState, MemoryOutput, MemoryOutputState,
    MultinomialLogisticLoss, Net, Neuron, PRelu, PoolMethod, Pooling, Power, RandomMask, RandomNormal, Reduction,
    ReductionOperation, Regularizer, Reshape, Scale, Shape, SigmoidCrossEntropyLoss, Size2, Slice,
    SoftlabelSoftmaxLoss, Softmax, SoftmaxLoss, Split, SquareLoss, TiedInnerProduct, Transformer, WassersteinLoss,
    WeightNormalization, Wired, layers,
};
