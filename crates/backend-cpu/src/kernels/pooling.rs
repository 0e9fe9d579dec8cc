//! Pooling, 16 samples at a time, one plane (a channel of a block) per item.
//!
//! Max pooling remembers for each output which place of its window won, as a number within the window: two bytes, where a
//! pointer into the plane would take four.

use crate::{
    Cpu,
    isa::{Isa, Kernel},
    lane::{LANES, Lane, Real},
    memory::{Stored, blocks, check_not_aliased, read, write},
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
        let (first, end, _) = clip::<0>(row * self.stride.0, self.kernel.0, self.pad.0, self.height);
        (first, end)
    }

    /// The window of an output, clipped to the plane. A height H and width W other than 0 are promises that all windows are
    /// that large and lie inside, so that the loops over them can be unrolled.
    #[inline(always)]
    fn window<const H: usize, const W: usize>(self, oy: usize, ox: usize) -> Clipped {
        let (y0, y1, cut_y) = clip::<H>(oy * self.stride.0, self.kernel.0, self.pad.0, self.height);
        let (x0, x1, cut_x) = clip::<W>(ox * self.stride.1, self.kernel.1, self.pad.1, self.width);
        Clipped { output: oy * self.out_width + ox, rows: (y0, y1), columns: (x0, x1), cut: (cut_y, cut_x) }
    }

    /// Whether no window needs clipping.
    fn all_inside(self) -> bool {
        self.pad == (0, 0)
            && (self.out_height - 1) * self.stride.0 + self.kernel.0 <= self.height
            && (self.out_width - 1) * self.stride.1 + self.kernel.1 <= self.width
    }

    /// Whether the windows tile the plane: then gradients are stored, not added.
    fn tile_exactly(self) -> bool {
        self.pad == (0, 0)
            && self.kernel == self.stride
            && self.out_height * self.kernel.0 == self.height
            && self.out_width * self.kernel.1 == self.width
    }
}

/// A window clipped to the plane.
#[derive(Clone, Copy)]
struct Clipped {
    /// The output's index in its plane.
    output: usize,
    rows: (usize, usize),
    columns: (usize, usize),
    /// Rows and columns of the window before the plane's border.
    cut: (usize, usize),
}

#[inline(always)]
fn clip<const SIZE: usize>(start: usize, kernel: usize, pad: usize, size: usize) -> (usize, usize, usize) {
    if SIZE > 0 {
        return (start, start + SIZE, 0);
    }
    let first = start.saturating_sub(pad);
    (first.min(size), (start + kernel).saturating_sub(pad).min(size), first + pad - start)
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
            (2, 2) if self.windows.all_inside() => self.pool::<2, 2>(),
            (3, 3) if self.windows.all_inside() => self.pool::<3, 3>(),
            _ => self.pool::<0, 0>(),
        }
    }
}

impl<T: Real> MaxForward<'_, T> {
    #[inline(always)]
    fn pool<const H: usize, const W: usize>(self) {
        let Windows { width, kernel, .. } = self.windows;
        let across = if W > 0 { W } else { kernel.1 };
        for oy in 0..self.windows.out_height {
            for ox in 0..self.windows.out_width {
                let window = self.windows.window::<H, W>(oy, ox);
                let output = window.output;
                let mut best = self.x[window.rows.0 * width + window.columns.0];
                let mut winner = [(window.cut.0 * across + window.cut.1) as u32; LANES];
                for row in window.rows.0..window.rows.1 {
                    let place_in_row = (row - window.rows.0 + window.cut.0) * across + window.cut.1;
                    let x = &self.x[row * width + window.columns.0..row * width + window.columns.1];
                    for (column, x) in x.iter().enumerate() {
                        let place = (place_in_row + column) as u32;
                        // The first of equals wins; a NaN wins over everything, so that divergence shows.
                        let wins = wins(x, &best);
                        best = select(&wins, x, &best);
                        winner = select(&wins, &[place; LANES], &winner);
                    }
                }
                self.y[output] = best;
                self.winners[output] = winner.map(|place| place as u16);
            }
        }
    }
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
            (2, 2) if self.windows.all_inside() => self.pool::<2, 2>(),
            (3, 3) if self.windows.all_inside() => self.pool::<3, 3>(),
            _ => self.pool::<0, 0>(),
        }
    }
}

impl<T: Real> MaxBackward<'_, T> {
    #[inline(always)]
    fn pool<const H: usize, const W: usize>(self) {
        let Windows { width, kernel, .. } = self.windows;
        let across = if W > 0 { W } else { kernel.1 };
        let store = self.windows.tile_exactly();
        if !store {
            self.dx.fill([T::ZERO; LANES]);
        }
        for oy in 0..self.windows.out_height {
            for ox in 0..self.windows.out_width {
                let window = self.windows.window::<H, W>(oy, ox);
                let output = window.output;
                let dy = self.dy[output];
                let winner = self.winners[output].map(u32::from);
                for row in window.rows.0..window.rows.1 {
                    let place_in_row = (row - window.rows.0 + window.cut.0) * across + window.cut.1;
                    let dx = &mut self.dx[row * width + window.columns.0..row * width + window.columns.1];
                    for (column, dx) in dx.iter_mut().enumerate() {
                        let place = (place_in_row + column) as u32;
                        let won = select(&equal(&winner, place), &dy, &[T::ZERO; LANES]);
                        if store {
                            *dx = won;
                        } else {
                            crate::lane::add(dx, &won);
                        }
                    }
                }
            }
        }
    }
}

// Compare and select as separate loops over whole lanes: in one loop with an `if` the compiler makes sixteen branches.

#[inline(always)]
fn wins<T: Real>(x: &Lane<T>, best: &Lane<T>) -> [bool; LANES] {
    let mut mask = [false; LANES];
    for l in 0..LANES {
        mask[l] = (x[l] > best[l]) | x[l].is_nan();
    }
    mask
}

#[inline(always)]
fn equal(winner: &[u32; LANES], place: u32) -> [bool; LANES] {
    let mut mask = [false; LANES];
    for l in 0..LANES {
        mask[l] = winner[l] == place;
    }
    mask
}

#[inline(always)]
fn select<V: Copy>(mask: &[bool; LANES], yes: &[V; LANES], no: &[V; LANES]) -> [V; LANES] {
    let mut chosen = *no;
    for l in 0..LANES {
        chosen[l] = if mask[l] { yes[l] } else { no[l] };
    }
    chosen
}

struct MeanForward<'a, T> {
    windows: Windows,
    x: &'a [Lane<T>],
    y: &'a mut [Lane<T>],
}

impl<T: Real> Kernel for MeanForward<'_, T> {
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Windows { width, kernel, .. } = self.windows;
        let factor = T::ONE / T::from_f64((kernel.0 * kernel.1) as f64);
        for oy in 0..self.windows.out_height {
            for ox in 0..self.windows.out_width {
                let window = self.windows.window::<0, 0>(oy, ox);
                let output = window.output;
                let mut sum = [T::ZERO; LANES];
                for row in window.rows.0..window.rows.1 {
                    for x in &self.x[row * width + window.columns.0..row * width + window.columns.1] {
                        crate::lane::add(&mut sum, x);
                    }
                }
                self.y[output] = sum.map(|sum| sum * factor);
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
        let Windows { width, kernel, .. } = self.windows;
        let factor = T::ONE / T::from_f64((kernel.0 * kernel.1) as f64);
        self.dx.fill([T::ZERO; LANES]);
        for oy in 0..self.windows.out_height {
            for ox in 0..self.windows.out_width {
                let window = self.windows.window::<0, 0>(oy, ox);
                let output = window.output;
                let share = self.dy[output].map(|dy| dy * factor);
                for row in window.rows.0..window.rows.1 {
                    for dx in &mut self.dx[row * width + window.columns.0..row * width + window.columns.1] {
                        crate::lane::add(dx, &share);
                    }
                }
            }
        }
    }
}
