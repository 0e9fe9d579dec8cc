//! All that describing and running a net takes: `use layers::prelude::*`.

pub use crate::{
    Accuracy, Activation, Algorithm, BatchNorm, Bias, Constraint, Convolution, DType, Dropout, ElementWise,
    ElementWiseOperation, HostArray, Initializer, InnerProduct, LayerList, LayerRef, Lrn, LrnMode, MemoryData,
    MemoryDataState, Net, Neuron, PRelu, PoolMethod, Pooling, Power, RandomMask, Regularizer, Scale, Shape, Size2,
    Softmax, SoftmaxLoss, Wired, layers,
};
