//! Convolution by matrix products ("im2col"), a chunk of images at a time.
//!
//! Caffe multiplies image by image, which for small images leaves the card idle. Here the patches of as many images as the
//! workspace holds become one matrix, and a chunk takes one product per group; what the layout costs, moving the channels of
//! the product to their place in the blob, is done by the pass that adds bias and neuron anyway. `convolution.cu` describes the
//! matrices. A batched product (one small product per image in one call) was rejected: its filter gradient would need a sum
//! over images, which is either a pass over N partial gradients or N products one after the other.

use super::{count, inner_product::AffineOperands, neuron};
use crate::{
    Cuda,
    blas::{Matrix, Sizes},
    driver::{Address, backend_error},
    launch::{Entry, Grid, Kind, Parameter, Signature},
    memory::{check_not_aliased, lock},
};
use core_tensor::{
    DType, Result, Shape, Tensor,
    ops::{AffineBackward, AffineForward, AffinePlan, Convolution, Neuron, kernels},
};

const PATCHES: Entry<(Address, Address, Geometry)> = Entry::new("convolution_patches");
const PIXELS: Entry<(Address, Address, u32, Geometry)> = Entry::new("convolution_pixels");
const OUTPUT: Entry<Output> = Entry::new("convolution_output");
const GRADIENT_ROWS: Entry<(Address, Address, u32, u32, u32)> = Entry::new("convolution_gradient_rows");
const BIAS_GRADIENT: Entry<(Address, Address, u32, u32, u32, u32)> = Entry::new("convolution_bias_gradient");
pub(super) const SIGNATURES: &[Signature] = &[
    PATCHES.signature(),
    PIXELS.signature(),
    OUTPUT.signature(),
    GRADIENT_ROWS.signature(),
    BIAS_GRADIENT.signature(),
];

/// Rows, bias, y; images, filters, positions; the neuron.
type Output = (Address, Address, Address, u32, u32, u32, u32, f64);

/// Bytes of patches that a chunk may take, unless one image takes more.
const WORKSPACE: usize = 256 << 20;

/// Sizes of a chunk of images; `Geometry` in `kernels/convolution.cu`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
struct Geometry {
    images: u32,
    channels: u32,
    height: u32,
    width: u32,
    out_height: u32,
    out_width: u32,
    kernel_height: u32,
    kernel_width: u32,
    stride_height: u32,
    stride_width: u32,
    pad_height: u32,
    pad_width: u32,
    dilation_height: u32,
    dilation_width: u32,
}

impl Parameter for Geometry {
    const KIND: Kind = Kind::Structure(size_of::<Self>());
}

/// A prepared convolution.
pub(crate) struct Plan {
    cuda: Cuda,
    dtype: DType,
    input: Shape,
    output: Shape,
    filter: Shape,
    groups: usize,
    neuron: Neuron,
    /// Of a whole chunk.
    geometry: Geometry,
}

/// A chunk of images, and where its operands lie.
struct Chunk {
    first: usize,
    geometry: Geometry,
    /// `[channel, tap][image, position]`
    patches: Address,
    /// `[filter][image, position]`
    rows: Address,
}

impl Plan {
    pub(crate) fn new(cuda: &Cuda, description: &Convolution) -> Result<Self> {
        let (input, output, filter) = (description.input, description.output()?, description.filter()?);
        let (kernel, stride, pad) = (description.kernel, description.stride, description.pad);
        let mut plan = Plan {
            cuda: cuda.clone(),
            dtype: description.dtype,
            input,
            output,
            filter,
            groups: description.groups,
            neuron: description.neuron,
            geometry: Geometry {
                images: 1,
                channels: count(input.axis(1))?,
                height: count(input.axis(2))?,
                width: count(input.axis(3))?,
                out_height: count(output.axis(2))?,
                out_width: count(output.axis(3))?,
                kernel_height: count(kernel.height)?,
                kernel_width: count(kernel.width)?,
                stride_height: count(stride.height)?,
                stride_width: count(stride.width)?,
                pad_height: count(pad.height)?,
                pad_width: count(pad.width)?,
                dilation_height: count(description.dilation.height)?,
                dilation_width: count(description.dilation.width)?,
            },
        };
        let per_image = plan.patch_rows() * plan.positions();
        count(per_image)?;
        let images = (WORKSPACE / (per_image * plan.dtype.size())).clamp(1, input.batch());
        plan.geometry.images = count(images)?;
        let elements = images * (per_image + plan.filter.batch() * plan.positions());
        cuda.0.scratch.reserve(cuda.memory(), elements * plan.dtype.size())?;
        Ok(plan)
    }

    /// Pixels of an output plane.
    fn positions(&self) -> usize {
        self.output.axis(2) * self.output.axis(3)
    }

    /// Channels times taps.
    fn patch_rows(&self) -> usize {
        self.groups * self.filter.sample_len()
    }

    /// Bytes from the first of a blob's images to the one with this index.
    fn image(&self, shape: Shape, index: usize) -> usize {
        index * shape.sample_len() * self.dtype.size()
    }

    /// Calls `body` for each chunk. The workspace is locked meanwhile, so that no other plan's kernels come in between.
    fn for_each_chunk(&self, mut body: impl FnMut(&Chunk) -> Result<()>) -> Result<()> {
        let scratch = self.cuda.0.scratch.lock();
        let scratch = scratch.as_ref().ok_or_else(|| backend_error("a convolution lost its workspace"))?;
        let most = self.geometry.images as usize;
        for first in (0..self.input.batch()).step_by(most) {
            let images = most.min(self.input.batch() - first);
            let bytes = self.patch_rows() * images * self.positions() * self.dtype.size();
            let geometry = Geometry { images: count(images)?, ..self.geometry };
            let patches = scratch.address();
            body(&Chunk { first, geometry, patches, rows: patches.offset(bytes) })?;
        }
        Ok(())
    }

    /// Turns the chunk's images into patches.
    fn make_patches(&self, chunk: &Chunk, x: Address) -> Result<()> {
        let x = x.offset(self.image(self.input, chunk.first));
        let columns = self.columns(chunk);
        let grid = Grid::rows_of(count(self.patch_rows())?, count(columns)?);
        PATCHES.launch(&self.cuda, self.dtype, grid, (x, chunk.patches, chunk.geometry))
    }

    /// Columns of a chunk's matrices: images times positions.
    fn columns(&self, chunk: &Chunk) -> usize {
        chunk.geometry.images as usize * self.positions()
    }

    /// Moves the gradient of the chunk's outputs to rows.
    fn make_rows(&self, chunk: &Chunk, dy: Address) -> Result<()> {
        let dy = dy.offset(self.image(self.output, chunk.first));
        let (filters, positions) = (count(self.filter.batch())?, count(self.positions())?);
        let grid = Grid::over(&self.cuda, count(self.filter.batch() * self.columns(chunk))?);
        let parameters = (dy, chunk.rows, chunk.geometry.images, filters, positions);
        GRADIENT_ROWS.launch(&self.cuda, self.dtype, grid, parameters)
    }

    /// The gradient of the chunk's images from those rows.
    fn gather_pixels(&self, chunk: &Chunk, filter: Address, dx: Address) -> Result<()> {
        let (columns, depth) = (self.columns(chunk), self.filter.sample_len());
        let rows = Matrix { address: chunk.rows, columns, transposed: false };
        let filter = Matrix { address: filter, columns: depth, transposed: true };
        let sizes = Sizes { rows: depth, columns, depth: self.filter.batch() / self.groups };
        self.products(sizes, filter, rows, chunk.patches, false)?;
        let dx = dx.offset(self.image(self.input, chunk.first));
        let n = count(chunk.geometry.images as usize * self.input.sample_len())?;
        PIXELS.launch(&self.cuda, self.dtype, Grid::over(&self.cuda, n), (chunk.patches, dx, n, chunk.geometry))
    }

    /// One product for each group: each matrix falls into as many bands, one after the other in memory, as there are groups.
    fn products(&self, sizes: Sizes, a: Matrix, b: Matrix, c: Address, add: bool) -> Result<()> {
        let blas = lock(&self.cuda.0.blas);
        let band = |address: Address, rows, columns, group| address.offset(group * rows * columns * self.dtype.size());
        for group in 0..self.groups {
            let a = Matrix { address: band(a.address, sizes.rows, sizes.depth, group), ..a };
            let b = Matrix { address: band(b.address, sizes.depth, sizes.columns, group), ..b };
            blas.product(self.dtype, sizes, a, b, band(c, sizes.rows, sizes.columns, group), add)?;
        }
        Ok(())
    }
}

impl AffinePlan for Plan {
    fn forward(&mut self, call: AffineForward<'_>) -> Result<()> {
        const NAME: &str = "convolution forward";
        check_not_aliased(NAME, &[call.x, call.weight, call.bias.unwrap_or(call.weight)], &[call.y])?;
        let operands = AffineOperands { cuda: &self.cuda, operation: NAME, dtype: self.dtype };
        let filters = self.filter.batch();
        let x = operands.place("the input", call.x, self.input)?;
        let filter = operands.place("the filter", call.weight, self.filter)?;
        let bias = operands.bias("the bias", call.bias, filters)?;
        let y = operands.place("the output", call.y, self.output)?;
        let (code, coefficient) = neuron::encode(self.neuron)?;
        self.for_each_chunk(|chunk| {
            self.make_patches(chunk, x)?;
            let (columns, depth) = (self.columns(chunk), self.filter.sample_len());
            let a = Matrix { address: filter, columns: depth, transposed: false };
            let b = Matrix { address: chunk.patches, columns, transposed: false };
            self.products(Sizes { rows: filters / self.groups, columns, depth }, a, b, chunk.rows, false)?;
            let y = y.offset(self.image(self.output, chunk.first));
            let (images, positions) = (chunk.geometry.images, count(self.positions())?);
            let grid = Grid::over(&self.cuda, count(filters * columns)?);
            let parameters = (chunk.rows, bias, y, images, count(filters)?, positions, code, coefficient);
            OUTPUT.launch(&self.cuda, self.dtype, grid, parameters)
        })
    }

    fn backward(&mut self, call: AffineBackward<'_>) -> Result<()> {
        const NAME: &str = "convolution backward";
        let operands = AffineOperands { cuda: &self.cuda, operation: NAME, dtype: self.dtype };
        let (filters, depth) = (self.filter.batch(), self.filter.sample_len());
        let x = operands.place("the input", call.x, self.input)?;
        let filter = operands.place("the filter", call.weight, self.filter)?;
        let dy = operands.place("the gradient", call.dy, self.output)?;
        let reads = [call.x, call.weight, call.dy];
        let targets =
            [call.dx, call.dweight.map(|gradient| gradient.target), call.dbias.map(|gradient| gradient.target)];
        for target in targets.into_iter().flatten() {
            check_not_aliased(NAME, &reads, &[target])?;
        }
        let place = |what, tensor, shape| operands.place(what, tensor, shape);
        let dx = call.dx.map(|dx| place("the input's gradient", dx, self.input)).transpose()?;
        let dfilter =
            call.dweight.map(|gradient| place("the filter's gradient", gradient.target, self.filter)).transpose()?;
        let dbias = operands.bias("the bias's gradient", call.dbias.map(|gradient| gradient.target), filters)?;

        kernels::neuron_backward(&self.cuda, self.neuron, call.y, call.dy)?;
        let positions = count(self.positions())?;
        if let Some(gradient) = call.dbias {
            let (images, rows) = (count(self.input.batch())?, count(filters)?);
            let parameters = (dy, dbias, images, rows, positions, u32::from(gradient.add));
            BIAS_GRADIENT.launch(&self.cuda, self.dtype, Grid::block_each(rows), parameters)?;
        }
        if dx.is_none() && dfilter.is_none() {
            return Ok(());
        }
        self.for_each_chunk(|chunk| {
            self.make_rows(chunk, dy)?;
            if let Some(dfilter) = dfilter {
                let columns = self.columns(chunk);
                let rows = Matrix { address: chunk.rows, columns, transposed: false };
                self.make_patches(chunk, x)?;
                let patches = Matrix { address: chunk.patches, columns, transposed: true };
                let add = chunk.first > 0 || call.dweight.is_some_and(|gradient| gradient.add);
                let sizes = Sizes { rows: filters / self.groups, columns: depth, depth: columns };
                self.products(sizes, rows, patches, dfilter, add)?;
            }
            if let Some(dx) = dx {
                self.gather_pixels(chunk, filter, dx)?;
            }
            Ok(())
        })
    }

    fn transposed(&mut self, weight: &Tensor, dy: &Tensor, dx: &Tensor) -> Result<()> {
        const NAME: &str = "transposed convolution";
        check_not_aliased(NAME, &[weight, dy], &[dx])?;
        let operands = AffineOperands { cuda: &self.cuda, operation: NAME, dtype: self.dtype };
        let filter = operands.place("the filter", weight, self.filter)?;
        let dy = operands.place("the output's side", dy, self.output)?;
        let dx = operands.place("the input's side", dx, self.input)?;
        self.for_each_chunk(|chunk| {
            self.make_rows(chunk, dy)?;
            self.gather_pixels(chunk, filter, dx)
        })
    }

    fn algorithm(&self) -> &'static str {
        "im2col + cuBLAS"
    }
}
