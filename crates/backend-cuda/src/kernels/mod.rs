//! One file per kernel family, named like its `.cu`; the counterpart of `backend-cpu/src/kernels/`. Each declares the kernels of
//! its PTX and launches them. Adding a family: one file here, one `.cu`, and one entry in [`FAMILIES`].

mod accuracy;
mod argmax;
mod batch_norm;
mod channel;
mod channel_pooling;
mod constraint;
pub(crate) mod convolution;
mod crop;
mod dropout;
mod elementwise;
mod embed;
mod fill;
pub(crate) mod inner_product;
mod logistic_loss;
mod lrn;
mod lstm;
mod neuron;
mod norm;
mod pair_loss;
pub(crate) mod pooling;
mod power;
mod prelu;
mod range;
mod reduction;
mod softlabel_loss;
mod softmax;
mod softmax_loss;
mod transpose;
mod update;

use crate::{
    Cuda, NAME,
    driver::Address,
    launch::{Kind, Parameter, Signature},
    memory,
};
use core_tensor::{DType, Error, Launch, Result, Shape};

/// Runs the kernel with this name in a family, or says `None` if there is none.
type Named = fn(&Cuda, &str, Launch<'_>) -> Option<Result<()>>;

/// A family of kernels.
pub(crate) struct Family {
    pub(crate) name: &'static str,
    /// What `cargo xtask kernels` made of its source.
    pub(crate) ptx: &'static str,
    /// The kernels that its launchers expect there.
    pub(crate) signatures: &'static [Signature],
    /// Finds named kernels; plans have none.
    pub(crate) launch: Option<Named>,
}

macro_rules! family {
    ($name:ident, $launch:expr) => {
        Family {
            name: stringify!($name),
            ptx: include_str!(concat!("../../ptx/", stringify!($name), ".ptx")),
            signatures: $name::SIGNATURES,
            launch: $launch,
        }
    };
}

/// All families.
pub(crate) const FAMILIES: &[Family] = &[
    family!(accuracy, Some(accuracy::launch)),
    family!(argmax, Some(argmax::launch)),
    family!(channel, Some(channel::launch)),
    family!(channel_pooling, Some(channel_pooling::launch)),
    family!(batch_norm, Some(batch_norm::launch)),
    family!(constraint, Some(constraint::launch)),
    family!(convolution, None),
    family!(crop, Some(crop::launch)),
    family!(dropout, Some(dropout::launch)),
    family!(elementwise, Some(elementwise::launch)),
    family!(embed, Some(embed::launch)),
    family!(fill, Some(fill::launch)),
    family!(inner_product, None),
    family!(logistic_loss, Some(logistic_loss::launch)),
    family!(lrn, Some(lrn::launch)),
    family!(lstm, Some(lstm::launch)),
    family!(neuron, Some(neuron::launch)),
    family!(norm, Some(norm::launch)),
    family!(pair_loss, Some(pair_loss::launch)),
    family!(pooling, None),
    family!(power, Some(power::launch)),
    family!(prelu, Some(prelu::launch)),
    family!(range, Some(range::launch)),
    family!(softlabel_loss, Some(softlabel_loss::launch)),
    family!(reduction, Some(reduction::launch)),
    family!(softmax, Some(softmax::launch)),
    family!(softmax_loss, Some(softmax_loss::launch)),
    family!(transpose, Some(transpose::launch)),
    family!(update, Some(update::launch)),
];

pub(crate) fn launch(cuda: &Cuda, call: Launch<'_>) -> Result<()> {
    memory::check_not_aliased(call.kernel, call.reads, call.writes)?;
    let found = call.kernel.split_once('.').and_then(|(family, kernel)| {
        let launch = FAMILIES.iter().find(|known| known.name == family)?.launch?;
        launch(cuda, kernel, call)
    });
    found.unwrap_or_else(|| Err(Error::UnknownKernel { backend: NAME.into(), kernel: call.kernel.into() }))
}

/// The operands of a named kernel.
struct Operands<'a> {
    cuda: &'a Cuda,
    call: Launch<'a>,
    /// The element type, that of the first result.
    dtype: DType,
}

impl<'a> Operands<'a> {
    fn new(cuda: &'a Cuda, call: Launch<'a>) -> Self {
        let dtype = call.writes.iter().chain(call.reads).next().map_or(DType::F32, |tensor| tensor.dtype());
        Operands { cuda, call, dtype }
    }

    /// The place of the i-th tensor that is read.
    fn read(&self, i: usize, what: &'static str) -> Result<Address> {
        memory::address(self.cuda, self.call.kernel, what, self.call.reads[i], self.dtype)
    }

    /// The place of the i-th tensor that is written.
    fn write(&self, i: usize, what: &'static str) -> Result<Address> {
        memory::address(self.cuda, self.call.kernel, what, self.call.writes[i], self.dtype)
    }

    /// Elements of the first result.
    fn len(&self) -> Result<u32> {
        count(self.call.writes[0].shape().len())
    }
}

/// A size as kernels count. Tensors are small enough (see `Memory::storage`); products of their sizes may not be.
fn count(size: usize) -> Result<u32> {
    let fits = u32::try_from(size).ok().filter(|&size| size <= i32::MAX as u32);
    fits.ok_or_else(|| Error::Value {
        what: "a size in a CUDA kernel".into(),
        found: size.to_string(),
        expected: format!("at most {}; use a smaller batch", i32::MAX),
    })
}

/// How a blob is seen by a kernel that works along one axis; `AxisView` in `kernels/common.cuh`.
#[derive(Clone, Copy)]
#[repr(C)]
struct AxisView {
    outer: u32,
    axis: u32,
    inner: u32,
}

impl Parameter for AxisView {
    const KIND: Kind = Kind::Structure(size_of::<Self>());
}

impl AxisView {
    fn new(shape: Shape, axis: usize) -> Result<Self> {
        let (outer, axis, inner) = shape.around(axis);
        Ok(AxisView { outer: count(outer)?, axis: count(axis)?, inner: count(inner)? })
    }

    /// Positions along the other axes: with them a class is chosen.
    fn positions(self) -> u32 {
        self.outer * self.inner
    }

    /// Positions of the first `samples` samples of `batch`.
    fn counted(self, samples: usize, batch: usize) -> Result<u32> {
        Ok(self.positions() / count(batch)?.max(1) * count(samples.min(batch))?)
    }
}
