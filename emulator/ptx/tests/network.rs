//! The kernels of a convolutional network as NVRTC compiles them, against references, in several orders of threads under the checker.

mod device;

use device::{Device, ORDERS, noise};
use ptx::Argument::{F32, I32, U64};

const PTX: &str = include_str!("cu/network.ptx");

fn each_order(test: impl Fn(Device)) {
    for order in ORDERS {
        test(Device::new("network.ptx", PTX, order));
    }
}

/// The largest difference; NaN counts as infinite.
fn difference(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let error = |(a, b): (&f32, &f64)| if a.is_nan() { f64::INFINITY } else { (f64::from(*a) - b).abs() };
    found.iter().zip(expected).map(error).fold(0.0, f64::max)
}

/// A convolution's shape that shares no number: channels, height, width, filter, pad, stride, dilation.
struct Shape {
    channels: usize,
    size: [usize; 2],
    filter: [usize; 2],
    pad: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
}

const SHAPE: Shape =
    Shape { channels: 3, size: [17, 19], filter: [5, 3], pad: [2, 1], stride: [2, 1], dilation: [1, 2] };

impl Shape {
    fn output(&self) -> [usize; 2] {
        [0, 1].map(|a| {
            (self.size[a] + 2 * self.pad[a] - self.dilation[a] * (self.filter[a] - 1) - 1) / self.stride[a] + 1
        })
    }

    /// Calls with a place in the columns and the image's pixel, if there is one.
    fn each(&self, mut f: impl FnMut(usize, Option<usize>)) {
        let [out_h, out_w] = self.output();
        let mut column = 0;
        for c in 0..self.channels {
            for i in 0..self.filter[0] {
                for j in 0..self.filter[1] {
                    for y in 0..out_h {
                        for x in 0..out_w {
                            let h = (y * self.stride[0] + i * self.dilation[0]).checked_sub(self.pad[0]);
                            let w = (x * self.stride[1] + j * self.dilation[1]).checked_sub(self.pad[1]);
                            let inside = |(h, w): &(usize, usize)| *h < self.size[0] && *w < self.size[1];
                            let pixel = h.zip(w).filter(inside);
                            f(column, pixel.map(|(h, w)| (c * self.size[0] + h) * self.size[1] + w));
                            column += 1;
                        }
                    }
                }
            }
        }
    }

    fn arguments(&self, n: usize, from: u64, to: u64) -> Vec<ptx::Argument> {
        let pairs = [self.size, self.filter, self.pad, self.stride, self.dilation, self.output()];
        let numbers = pairs.iter().flatten().map(|n| I32(*n as i32));
        [I32(n as i32), U64(from)].into_iter().chain(numbers).chain([U64(to)]).collect()
    }
}

#[test]
fn im2col_and_col2im() {
    let shape = SHAPE;
    let [out_h, out_w] = shape.output();
    let image = noise(shape.channels * shape.size[0] * shape.size[1], 1);
    let mut columns = Vec::new();
    shape.each(|_, pixel| columns.push(pixel.map_or(0.0, |pixel| f64::from(image[pixel]))));
    let mut back = vec![0.0_f64; image.len()];
    shape.each(|column, pixel| {
        if let Some(pixel) = pixel {
            back[pixel] += columns[column];
        }
    });
    each_order(|mut device| {
        let (im, col) = (device.floats(&image), device.fresh(4 * columns.len()));
        let n = shape.channels * out_h * out_w;
        device.run("im2col_f32", n.div_ceil(64) as u32, 64, 0, &shape.arguments(n, im, col));
        assert_eq!(difference(&device.read_floats(col, columns.len()), &columns), 0.0);
        let im = device.fresh(4 * image.len());
        device.run("col2im_f32", 3, 96, 0, &shape.arguments(image.len(), col, im));
        assert!(difference(&device.read_floats(im, image.len()), &back) < 4e-6);
    });
}

#[test]
fn max_pooling() {
    let (planes, [height, width], [out_h, out_w]) = (6, [11, 13], [5, 6]);
    let x = noise(planes * height * width, 2);
    let (mut best, mut at) = (Vec::new(), Vec::new());
    for (plane, y, z) in (0..planes).flat_map(|p| (0..out_h).flat_map(move |y| (0..out_w).map(move |z| (p, y, z)))) {
        let window = (0..9).map(|k| (2 * y + k / 3) * width + 2 * z + k % 3);
        let largest =
            window.max_by(|a, b| x[plane * height * width + a].total_cmp(&x[plane * height * width + b])).unwrap();
        at.push(largest as i32);
        best.push(f64::from(x[plane * height * width + largest]));
    }
    let dy = noise(best.len(), 3);
    let mut dx = vec![0.0; x.len()];
    for (output, pixel) in at.iter().enumerate() {
        dx[output / (out_h * out_w) * height * width + *pixel as usize] += f64::from(dy[output]);
    }
    let shape = [3, height as i32, width as i32, out_h as i32, out_w as i32, 3, 3, 2, 2, 0, 0].map(I32);
    each_order(|mut device| {
        let n = best.len();
        let (from, to, mask) = (device.floats(&x), device.fresh(4 * n), device.fresh(4 * n));
        let arguments = [&[I32(n as i32), U64(from)][..], &shape, &[U64(to), U64(mask)]].concat();
        device.run("maxpool_fwd_f32", 2, 64, 0, &arguments);
        assert_eq!(difference(&device.read_floats(to, n), &best), 0.0);
        assert_eq!(device.read_ints(mask, n), at);
        let (dout, din) = (device.floats(&dy), device.fresh(4 * x.len()));
        let arguments = [&[I32(x.len() as i32), U64(dout), U64(mask)][..], &shape, &[U64(din)]].concat();
        device.run("maxpool_bwd_f32", 7, 128, 0, &arguments);
        assert!(difference(&device.read_floats(din, x.len()), &dx) < 1e-6);
    });
}

#[test]
fn softmax_and_its_loss() {
    for (rows, columns, threads) in [(5, 10, 32), (3, 300, 128)] {
        let x = noise(rows * columns, 4);
        let labels: Vec<i32> = (0..rows).map(|row| (7 * row % columns) as i32).collect();
        let mut y = Vec::new();
        for row in x.chunks(columns) {
            let sum: f64 = row.iter().map(|x| f64::from(*x).exp()).sum();
            y.extend(row.iter().map(|x| f64::from(*x).exp() / sum));
        }
        let loss: f64 = labels.iter().enumerate().map(|(row, label)| -y[row * columns + *label as usize].ln()).sum();
        let dx = y
            .iter()
            .enumerate()
            .map(|(i, p)| 0.5 * (p - f64::from(u8::from(labels[i / columns] == (i % columns) as i32))));
        let dx: Vec<f64> = dx.collect();
        each_order(|mut device| {
            let (from, prob, label) = (device.floats(&x), device.fresh(4 * x.len()), device.ints(&labels));
            let size = [I32(rows as i32), I32(columns as i32)];
            device.run(
                "softmax_fwd_f32",
                2,
                threads,
                4 * threads as usize,
                &[&size[..], &[U64(from), U64(prob)]].concat(),
            );
            assert!(difference(&device.read_floats(prob, x.len()), &y) < 1e-7);
            let sum = device.floats(&[0.0]);
            device.run("nll_sum_f32", 2, 64, 0, &[&size[..], &[U64(prob), U64(label), U64(sum)]].concat());
            assert!(difference(&device.read_floats(sum, 1), &[loss]) < 1e-5 * loss);
            let gradient = device.fresh(4 * x.len());
            let arguments = [I32(x.len() as i32), size[1], U64(prob), U64(label), F32(0.5), U64(gradient)];
            device.run("softmax_loss_bwd_f32", 1, 256, 0, &arguments);
            assert!(difference(&device.read_floats(gradient, x.len()), &dx) < 1e-7);
        });
    }
}

#[test]
fn relu_bias_and_update() {
    let (samples, channels, spatial) = (4, 5, 9);
    let n = samples * channels * spatial;
    let (x, b, dy) = (noise(n, 5), noise(channels, 6), noise(n, 7));
    let of = |i: usize| (i / spatial) % channels;
    let mut db = vec![0.0; channels];
    (0..n).for_each(|i| db[of(i)] += f64::from(dy[i]));
    each_order(|mut device| {
        let count = I32(n as i32);
        let (from, to) = (device.floats(&x), device.fresh(4 * n));
        device.run("relu_fwd_f32", 3, 64, 0, &[count, U64(from), U64(to)]);
        let relu: Vec<f32> = x.iter().map(|x| x.max(0.0)).collect();
        assert_eq!(device.read_floats(to, n), relu);
        let (gradient, dx) = (device.floats(&dy), device.fresh(4 * n));
        device.run("relu_bwd_f32", 1, 64, 0, &[count, U64(to), U64(gradient), U64(dx)]);
        let masked: Vec<f32> = (0..n).map(|i| if x[i] > 0.0 { dy[i] } else { 0.0 }).collect();
        assert_eq!(device.read_floats(dx, n), masked);

        let shape = [I32(channels as i32), I32(spatial as i32)];
        let bias = device.floats(&b);
        device.run("bias_add_f32", 2, 32, 0, &[&[count][..], &shape, &[U64(bias), U64(from)]].concat());
        let sums: Vec<f32> = (0..n).map(|i| x[i] + b[of(i)]).collect();
        assert_eq!(device.read_floats(from, n), sums);
        let total = device.fresh(4 * channels);
        let arguments = [&[I32(samples as i32)][..], &shape, &[U64(gradient), U64(total)]].concat();
        device.run("bias_grad_f32", channels as u32, 64, 0, &arguments);
        assert!(difference(&device.read_floats(total, channels), &db) < 2e-6);

        let (velocity, weights) = (device.floats(&noise(n, 8)), device.floats(&noise(n, 9)));
        device.run(
            "sgd_f32",
            1,
            96,
            0,
            &[count, F32(0.1), F32(0.9), F32(0.01), U64(gradient), U64(velocity), U64(weights)],
        );
        let (v, w) = (noise(n, 8), noise(n, 9));
        // The compiler fuses each multiplication with the addition around it.
        let step: Vec<f32> = (0..n).map(|i| 0.9_f32.mul_add(v[i], 0.1 * 0.01_f32.mul_add(w[i], dy[i]))).collect();
        let step64 = step.iter().map(|step| f64::from(*step)).collect::<Vec<_>>();
        assert!(difference(&device.read_floats(velocity, n), &step64) < 2e-7);
        let moved: Vec<f64> = (0..n).map(|i| f64::from(w[i]) - step64[i]).collect();
        assert!(difference(&device.read_floats(weights, n), &moved) < 3e-7);
    });
}
