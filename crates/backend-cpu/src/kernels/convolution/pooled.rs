//! Convolution with the max pooling that follows it, as one operation.
//!
//! With windows of 2x2 places at a stride of 2 a tile of outputs is pooled while it is in registers. The activation before
//! pooling, four times the size of what is kept, is never stored, nor is its gradient: the backward pass reads the pooled
//! gradient and puts it where the winners are. Other windows straddle tiles and are left to the pooling kernel.

use crate::vector::{Mask, Vector};
use core_tensor::{
    Shape, Size2,
    ops::{Convolution, PoolMethod, Pooling},
};

/// For each place of a 2x2 window, row by row, the samples whose maximum stands there.
pub(super) type Winners = [Mask; 4];

/// Whether the pooling is one that a convolution can do by itself.
pub(super) fn fits(convolution: &Convolution, pooling: &Pooling, output: Shape) -> bool {
    let (two, none) = (Size2 { width: 2, height: 2 }, Size2 { width: 0, height: 0 });
    pooling.method == PoolMethod::Max
        && (pooling.kernel, pooling.stride, pooling.pad) == (two, two, none)
        && pooling.dtype == convolution.dtype
        && pooling.input == output
        && output.axis(2).is_multiple_of(2)
        && output.axis(3).is_multiple_of(2)
}

/// The largest of a window's four numbers, and who won: the first of equals, and a NaN over everything.
#[inline(always)]
pub(super) fn largest<V: Vector<f32>>(window: [V; 4]) -> (V, Winners) {
    let second = window[1].beats(window[0]);
    let best = V::select(second, window[1], window[0]);
    let third = window[2].beats(best);
    let best = V::select(third, window[2], best);
    let fourth = window[3].beats(best);
    let best = V::select(fourth, window[3], best);
    let third = third & !fourth;
    let second = second & !(third | fourth);
    (best, [!(second | third | fourth), second, third, fourth])
}
