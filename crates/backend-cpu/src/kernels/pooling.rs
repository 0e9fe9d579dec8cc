//! Pooling, 16 samples at a time, one plane (a channel of a block) per item.
//!
//! Max pooling remembers for each output which place of its window won, as a number within the window: two bytes, where a
//! pointer into the plane would take four.

use crate::{
    Cpu,
    isa::{Isa, Kernel},
    lane::{LANES, Lane, Real},
    memory::{Stored, blocks, check_not_aliased, read, write},
    vector::Vector,
};
use core_tensor::{
    Error, Result, Shape, Tensor,
    ops::{PoolMethod, PoolPlan, Pooling},
};

/// For each number of a lane, the place in its window that won.
type Winners = [u16; LANES];

/// A prepared pooling.
pub(crate) struct Plan<T> {
    cpu: Cpu,
    method: PoolMethod,
    input: Shape,
    output: Shape,
    windows: Windows,
    /// One per output lane, for max pooling.
    winners: Vec<Winners>,
    element: std::marker::PhantomData<T>,
}

/// Where the windows of one plane lie; pairs are (vertical, horizontal).
#[derive(Clone, Copy)]
pub(crate) struct Windows {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) out_height: usize,
    pub(crate) out_width: usize,
    pub(crate) kernel: (usize, usize),
    pub(crate) stride: (usize, usize),
    pub(crate) pad: (usize, usize),
}

impl<T: Stored> Plan<T> {
    pub(crate) fn new(cpu: &Cpu, description: &Pooling) -> Result<Self> {
        let (input, output) = (description.input, description.output()?);
        let area = description.kernel.width * description.kernel.height;
        if area > usize::from(u16::MAX) {
            return Err(Error::Value {
                what: "the pooling kernel".into(),
                found: format!("{} with {area} places", description.kernel),
                expected: format!("at most {} places", u16::MAX),
            });
        }
        let windows = Windows::new(description, output);
        let remembered =
            if description.method == PoolMethod::Max { blocks(output.batch()) * output.sample_len() } else { 0 };
        Ok(Plan {
            cpu: cpu.clone(),
            method: description.method,
            input,
            output,
            windows,
            winners: vec![[0; LANES]; remembered],
            element: std::marker::PhantomData,
        })
    }

    fn check(&self, operation: &'static str, input: &Tensor, output: &Tensor) -> Result<()> {
        for (what, tensor, expected) in [("the input", input, self.input), ("the output", output, self.output)] {
            if tensor.shape() != expected {
                return Err(Error::Shape { operation, what, found: tensor.shape(), expected });
            }
        }
        check_not_aliased(operation, &[input], &[output])
    }
}

impl<T: Stored> PoolPlan for Plan<T> {
    fn forward(&mut self, x: &Tensor, y: &Tensor) -> Result<()> {
        self.check("pooling forward", x, y)?;
        let x = read::<T>("pooling forward", "the input", x)?;
        let mut y = write::<T>("pooling forward", "the output", y)?;
        let windows = self.windows;
        let (plane_in, plane_out) = (windows.height * windows.width, windows.out_height * windows.out_width);
        let (pool, level) = (self.cpu.pool(), self.cpu.level());
        match self.method {
            PoolMethod::Max => pool.chunks2((&mut y, plane_out), (&mut self.winners, plane_out), |i, y, winners| {
                level.run(MaxForward { windows, x: &x[i * plane_in..][..plane_in], y, winners });
            }),
            PoolMethod::Mean => pool.chunks(&mut y, plane_out, |i, y| {
                level.run(MeanForward { windows, x: &x[i * plane_in..][..plane_in], y });
            }),
        }
        Ok(())
    }

    fn backward(&mut self, dy: &Tensor, dx: &Tensor) -> Result<()> {
        self.check("pooling backward", dx, dy)?;
        let dy = read::<T>("pooling backward", "the gradient", dy)?;
        let mut dx = write::<T>("pooling backward", "the result", dx)?;
        let (windows, method) = (self.windows, self.method);
        let (plane_in, plane_out) = (windows.height * windows.width, windows.out_height * windows.out_width);
        self.cpu.pool().chunks(&mut dx, plane_in, |i, dx| {
            let dy = &dy[i * plane_out..][..plane_out];
            match method {
                PoolMethod::Max => {
                    let winners = &self.winners[i * plane_out..][..plane_out];
                    self.cpu.level().run(MaxBackward { windows, dy, winners, dx });
                }
                PoolMethod::Mean => self.cpu.level().run(MeanBackward { windows, dy, dx }),
            }
        });
        Ok(())
    }
}

impl Windows {
    pub(crate) fn new(description: &Pooling, output: Shape) -> Self {
        Windows {
            height: description.input.axis(2),
            width: description.input.axis(3),
            out_height: output.axis(2),
            out_width: output.axis(3),
            kernel: (description.kernel.height, description.kernel.width),
            stride: (description.stride.height, description.stride.width),
            pad: (description.pad.height, description.pad.width),
        }
    }

    /// A window of its own for each place.
    pub(crate) fn single(height: usize, width: usize) -> Self {
        let (out_height, out_width) = (height, width);
        Windows { height, width, out_height, out_width, kernel: (1, 1), stride: (1, 1), pad: (0, 0) }
    }

    /// The plane's rows in the windows of an output row, as (first, end).
    #[inline(always)]
    pub(crate) fn rows(self, row: usize) -> (usize, usize) {
        let (first, rows, _) = clip::<0>(row * self.stride.0, self.kernel.0, self.pad.0, self.height);
        (first, first + rows)
    }

    /// The window of an output, clipped to the plane. A height H and width W other than 0 are a promise that the window is that
    /// large and lies inside, so that the loops over it can be unrolled.
    #[inline(always)]
    fn window<const H: usize, const W: usize>(self, oy: usize, ox: usize) -> Clipped {
        let (y, rows, cut_y) = clip::<H>(oy * self.stride.0, self.kernel.0, self.pad.0, self.height);
        let (x, columns, cut_x) = clip::<W>(ox * self.stride.1, self.kernel.1, self.pad.1, self.width);
        let across = if W > 0 { W } else { self.kernel.1 };
        Clipped {
            output: oy * self.out_width + ox,
            first: y * self.width + x,
            width: self.width,
            rows,
            columns,
            first_place: cut_y * across + cut_x,
            across,
        }
    }

    /// Whether the window of an output needs no clipping.
    #[inline(always)]
    fn inside(self, oy: usize, ox: usize) -> bool {
        let within =
            |output, stride, kernel, pad, size| output * stride >= pad && output * stride - pad + kernel <= size;
        within(oy, self.stride.0, self.kernel.0, self.pad.0, self.height)
            && within(ox, self.stride.1, self.kernel.1, self.pad.1, self.width)
    }

    /// Zeroes a plane as far as the windows of output row `oy` reach, row by row as they are needed: a plane that is zeroed
    /// all at once has left the cache when the gradients come.
    #[inline(always)]
    fn zero_up_to<T: Real>(self, oy: usize, zeroed: &mut usize, plane: &mut [Lane<T>]) {
        let end = self.rows(oy).1 * self.width;
        if end > *zeroed {
            plane[*zeroed..end].fill([T::ZERO; LANES]);
            *zeroed = end;
        }
    }
}

/// A window clipped to the plane.
#[derive(Clone, Copy)]
struct Clipped {
    /// The output's index in its plane.
    output: usize,
    /// The first place's index in the plane.
    first: usize,
    /// From one row of the plane to the next.
    width: usize,
    rows: usize,
    columns: usize,
    /// The number of the first place in the whole window, and from one row of the window to the next.
    first_place: usize,
    across: usize,
}

impl Clipped {
    /// An entry's index in the plane.
    #[inline(always)]
    fn at(&self, row: usize, column: usize) -> usize {
        self.first + row * self.width + column
    }

    /// An entry's place in the whole window.
    #[inline(always)]
    fn place(&self, row: usize, column: usize) -> u16 {
        (self.first_place + row * self.across + column) as u16
    }
}

#[inline(always)]
fn clip<const SIZE: usize>(start: usize, kernel: usize, pad: usize, size: usize) -> (usize, usize, usize) {
    if SIZE > 0 {
        return (start - pad, SIZE, 0);
    }
    let first = start.saturating_sub(pad).min(size);
    let end = (start + kernel).saturating_sub(pad).min(size);
    (first, end - first, start.saturating_sub(pad) + pad - start)
}

struct MaxForward<'a, T> {
    windows: Windows,
    x: &'a [Lane<T>],
    y: &'a mut [Lane<T>],
    winners: &'a mut [Winners],
}

impl<T: Real> Kernel for MaxForward<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        match self.windows.kernel {
            (2, 2) => self.plane::<I, 2, 2>(),
            (3, 3) => self.plane::<I, 3, 3>(),
            _ => self.plane::<I, 0, 0>(),
        }
    }
}

impl<T: Real> MaxForward<'_, T> {
    #[inline(always)]
    fn plane<I: Isa, const H: usize, const W: usize>(mut self) {
        for oy in 0..self.windows.out_height {
            for ox in 0..self.windows.out_width {
                if self.windows.inside(oy, ox) {
                    self.window::<I>(self.windows.window::<H, W>(oy, ox));
                } else {
                    self.window::<I>(self.windows.window::<0, 0>(oy, ox));
                }
            }
        }
    }

    #[inline(always)]
    fn window<I: Isa>(&mut self, window: Clipped) {
        let mut best = [T::Vector::<I>::load(&self.x[window.at(0, 0)]), place::<I, T>(window, 0, 0)];
        for row in 0..window.rows {
            let x = &self.x[window.at(row, 0)..][..window.columns];
            for (column, x) in x.iter().enumerate() {
                // The first of equals wins; a NaN wins over everything, so that divergence shows.
                best = Vector::duel([Vector::load(x), place::<I, T>(window, row, column)], best);
            }
        }
        best[0].store(&mut self.y[window.output]);
        let mut winner = [T::ZERO; LANES];
        best[1].store(&mut winner);
        self.winners[window.output] = winner.map(T::to_place);
    }
}

/// An entry's place in its window, as a vector.
#[inline(always)]
fn place<I: Isa, T: Real>(window: Clipped, row: usize, column: usize) -> T::Vector<I> {
    Vector::splat(T::from_place(window.place(row, column)))
}

struct MaxBackward<'a, T> {
    windows: Windows,
    dy: &'a [Lane<T>],
    winners: &'a [Winners],
    dx: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for MaxBackward<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        match self.windows.kernel {
            (2, 2) => self.plane::<I, 2, 2>(),
            (3, 3) => self.plane::<I, 3, 3>(),
            _ => self.plane::<I, 0, 0>(),
        }
    }
}

impl<T: Real> MaxBackward<'_, T> {
    #[inline(always)]
    fn plane<I: Isa, const H: usize, const W: usize>(mut self) {
        let mut zeroed = 0;
        for oy in 0..self.windows.out_height {
            self.windows.zero_up_to(oy, &mut zeroed, self.dx);
            for ox in 0..self.windows.out_width {
                if self.windows.inside(oy, ox) {
                    self.window::<I>(self.windows.window::<H, W>(oy, ox));
                } else {
                    self.window::<I>(self.windows.window::<0, 0>(oy, ox));
                }
            }
        }
        self.dx[zeroed..].fill([T::ZERO; LANES]);
    }

    #[inline(always)]
    fn window<I: Isa>(&mut self, window: Clipped) {
        let dy = T::Vector::<I>::load(&self.dy[window.output]);
        let winner = T::Vector::<I>::load(&self.winners[window.output].map(T::from_place));
        for row in 0..window.rows {
            let dx = &mut self.dx[window.at(row, 0)..][..window.columns];
            for (column, dx) in dx.iter_mut().enumerate() {
                let share = dy.where_equal(winner, place::<I, T>(window, row, column));
                T::Vector::<I>::load(dx).add(share).store(dx);
            }
        }
    }
}

struct MeanForward<'a, T> {
    windows: Windows,
    x: &'a [Lane<T>],
    y: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for MeanForward<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Windows { kernel, .. } = self.windows;
        let factor = T::ONE / T::from_f64((kernel.0 * kernel.1) as f64);
        for oy in 0..self.windows.out_height {
            for ox in 0..self.windows.out_width {
                let window = self.windows.window::<0, 0>(oy, ox);
                let mut sum = [T::ZERO; LANES];
                for row in 0..window.rows {
                    for x in &self.x[window.at(row, 0)..][..window.columns] {
                        crate::lane::add(&mut sum, x);
                    }
                }
                self.y[window.output] = sum.map(|sum| sum * factor);
            }
        }
    }
}

struct MeanBackward<'a, T> {
    windows: Windows,
    dy: &'a [Lane<T>],
    dx: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for MeanBackward<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Windows { kernel, .. } = self.windows;
        let factor = T::ONE / T::from_f64((kernel.0 * kernel.1) as f64);
        let mut zeroed = 0;
        for oy in 0..self.windows.out_height {
            self.windows.zero_up_to(oy, &mut zeroed, self.dx);
            for ox in 0..self.windows.out_width {
                let window = self.windows.window::<0, 0>(oy, ox);
                let share = self.dy[window.output].map(|dy| dy * factor);
                for row in 0..window.rows {
                    for dx in &mut self.dx[window.at(row, 0)..][..window.columns] {
                        crate::lane::add(dx, &share);
                    }
                }
            }
        }
        self.dx[zeroed..].fill([T::ZERO; LANES]);
    }
}
