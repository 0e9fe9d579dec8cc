//! Cutting a window out of images, one channel of a block at a time: rows of whole lanes are moved.

use super::dtype;
use crate::{
    Cpu,
    lane::{LANES, Lane},
    memory::{Stored, read, write},
};
use core_tensor::{DType, Launch, Result, Shape};

pub(crate) fn launch(cpu: &Cpu, kernel: &str, call: Launch<'_>) -> Option<Result<()>> {
    match (kernel, dtype(&call)) {
        ("forward", DType::F32) => Some(forward::<f32>(cpu, call)),
        ("forward", DType::F64) => Some(forward::<f64>(cpu, call)),
        ("backward", DType::F32) => Some(backward::<f32>(cpu, call)),
        ("backward", DType::F64) => Some(backward::<f64>(cpu, call)),
        _ => None,
    }
}

fn forward<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    let window = Window::new(&call, call.reads[0].shape(), call.writes[0].shape());
    let x = read::<T>(call.kernel, "the images", call.reads[0])?;
    let mut y = write::<T>(call.kernel, "the window", call.writes[0])?;
    cpu.pool().chunks(&mut y, window.inner_plane(), |i, y| {
        let x = &x[i * window.outer_plane()..][..window.outer_plane()];
        for (row, y) in y.chunks_exact_mut(window.width).enumerate() {
            window.move_row(&x[window.start(row)..][..window.width], y);
        }
    });
    Ok(())
}

fn backward<T: Stored>(cpu: &Cpu, call: Launch<'_>) -> Result<()> {
    let window = Window::new(&call, call.writes[0].shape(), call.reads[0].shape());
    let dy = read::<T>(call.kernel, "the gradient", call.reads[0])?;
    let mut dx = write::<T>(call.kernel, "the result", call.writes[0])?;
    cpu.pool().chunks(&mut dx, window.outer_plane(), |i, dx| {
        dx.fill([T::ZERO; LANES]);
        let dy = &dy[i * window.inner_plane()..][..window.inner_plane()];
        for (row, dy) in dy.chunks_exact(window.width).enumerate() {
            window.move_row(dy, &mut dx[window.start(row)..][..window.width]);
        }
    });
    Ok(())
}

struct Window {
    top: usize,
    left: usize,
    mirror: bool,
    outer_height: usize,
    outer_width: usize,
    height: usize,
    width: usize,
}

impl Window {
    fn new(call: &Launch<'_>, outer: Shape, inner: Shape) -> Self {
        let [top, left, mirror] = std::array::from_fn(|i| call.sizes[i]);
        Window {
            top,
            left,
            mirror: mirror != 0,
            outer_height: outer.axis(2),
            outer_width: outer.axis(3),
            height: inner.axis(2),
            width: inner.axis(3),
        }
    }

    fn outer_plane(&self) -> usize {
        self.outer_height * self.outer_width
    }

    fn inner_plane(&self) -> usize {
        self.height * self.width
    }

    /// Where a row of the window begins in the image.
    fn start(&self, row: usize) -> usize {
        (self.top + row) * self.outer_width + self.left
    }

    /// Copies a row, mirrored if the window is.
    fn move_row<T: Copy>(&self, from: &[Lane<T>], to: &mut [Lane<T>]) {
        if self.mirror {
            to.iter_mut().zip(from.iter().rev()).for_each(|(to, from)| *to = *from);
        } else {
            to.copy_from_slice(from);
        }
    }
}
