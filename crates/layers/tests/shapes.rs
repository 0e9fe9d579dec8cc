//! Shape inference against counting by hand, and what does not fit.

#![allow(clippy::unwrap_used, clippy::panic)] // clippy.toml allows them in test functions, not in their helpers

use layers::{SingleLayer, prelude::*};
use proptest::prelude::*;

fn top(layer: impl Into<LayerRef>, bottom: &[usize]) -> Result<Vec<usize>, String> {
    let bottoms = [Shape::new(bottom).unwrap()];
    let single = SingleLayer::new(&backend_cpu::Cpu::with_threads(1).unwrap(), DType::F32, layer, &bottoms)
        .map_err(|error| error.to_string())?;
    Ok(single.tops()[0].data.shape().sizes().to_vec())
}

/// Positions at which the kernel lies within the padded input.
fn count_down(input: usize, kernel: usize, stride: usize, pad: usize) -> usize {
    (0..=input + 2 * pad).step_by(stride).filter(|start| start + kernel <= input + 2 * pad).count()
}

/// Positions until the padded input is covered, but none that starts behind the input.
fn count_up(input: usize, kernel: usize, stride: usize, pad: usize) -> usize {
    let mut count = 1;
    while (count - 1) * stride + kernel < input + 2 * pad {
        count += 1;
    }
    if (count - 1) * stride >= input + pad { count - 1 } else { count }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn images(
        (n, c, h, w) in (1usize..4, 1usize..4, 1usize..12, 1usize..12),
        kernel in (1usize..6, 1usize..6),
        stride in (1usize..4, 1usize..4),
        pad in (0usize..3, 0usize..3),
    ) {
        let bottom = [n, c, h, w];
        let conv = Convolution::new("conv", 5, kernel).stride(stride).pad(pad).bottom("x").top("y");
        let fits = kernel.0 <= w + 2 * pad.0 && kernel.1 <= h + 2 * pad.1;
        let counts = |count: fn(usize, usize, usize, usize) -> usize| {
            (count(h, kernel.1, stride.1, pad.1), count(w, kernel.0, stride.0, pad.0))
        };
        match top(conv, &bottom) {
            Ok(sizes) => {
                let (h, w) = counts(count_down);
                prop_assert!(fits);
                prop_assert_eq!(sizes, vec![n, 5, h, w]);
            }
            Err(error) => {
                prop_assert!(!fits, "{}", error);
                prop_assert!(error.contains("layer `conv` (Convolution): the kernel's"), "{}", error);
            }
        }
        let pool = Pooling::max("pool", kernel).stride(stride).pad(pad).bottom("x").top("y");
        let fits = fits && pad.0 < kernel.0 && pad.1 < kernel.1;
        match top(pool, &bottom) {
            Ok(sizes) => {
                let (h, w) = counts(count_up);
                prop_assert!(fits);
                prop_assert_eq!(sizes, vec![n, c, h, w]);
            }
            Err(error) => prop_assert!(!fits, "{}", error),
        }
    }

    #[test]
    fn channels(size in 1usize..12, kernel in 1usize..6, stride in 1usize..4, before in 0usize..3, after in 0usize..3) {
        let pool = ChannelPooling::max("pool", kernel).stride(stride).pad(before, after).bottom("x").top("y");
        let fits = kernel <= size + before + after && before.max(after) < kernel;
        // Until the padded axis is covered, but none that starts behind the last element.
        let mut count = 1;
        while (count - 1) * stride + kernel < size + before + after && count * stride < size + before {
            count += 1;
        }
        match top(pool, &[2, size, 3]) {
            Ok(sizes) => prop_assert!(fits && sizes == [2, count, 3], "{:?} and {}", sizes, count),
            Err(error) => prop_assert!(!fits, "{}", error),
        }
    }

    #[test]
    fn inner_product_flattens(sizes in prop::collection::vec(1usize..5, 1..6), outputs in 1usize..9) {
        let ip = InnerProduct::new("ip", outputs).bottom("x").top("y");
        prop_assert_eq!(top(ip, &sizes).unwrap(), vec![sizes[0], outputs]);
        let softmax = Softmax::new("softmax").axis(sizes.len() - 1).bottom("x").top("y");
        match top(softmax, &sizes) {
            Ok(shape) => prop_assert_eq!(shape, sizes),
            Err(error) => prop_assert!(sizes.len() == 1 && error.contains("axis 0 is the batch"), "{}", error),
        }
    }
}

/// Builds a net from one layer on data `x` of this shape with labels `label`, and compares a part of the error.
fn fails(layer: impl Into<LayerRef>, data: &[usize], labels: &[usize], part: &str) {
    let source = MemoryData::new("data", data[0]).zeros("x", data).zeros("label", labels);
    let built = Net::new("net", &backend_cpu::Cpu::new().unwrap(), layers![source, layer])
        .map(|mut net| net.forward().map(|_| ()));
    let text = match built {
        Ok(run) => run.unwrap_err().to_string(),
        Err(error) => error.to_string(),
    };
    assert!(text.contains(part), "`{text}` does not contain `{part}`");
}

#[test]
fn what_does_not_fit_is_told() {
    let conv = |n_filter| Convolution::new("c", n_filter, (3, 3)).bottom("x").top("y");
    let image = [2, 3, 8, 8];
    fails(
        conv(4),
        &[2, 8],
        &[2, 1],
        "layer `c` (Convolution): the bottom blob's shape is 2x8; expected a non-empty image",
    );
    fails(
        conv(4).n_group(2),
        &image,
        &[2, 1],
        "the number of input channels is 3; expected a positive multiple of the 2",
    );
    fails(conv(0), &image, &[2, 1], "the number of filters is 0");
    fails(conv(1).stride((0, 1)), &image, &[2, 1], "the stride's width is 0; expected at least 1");
    fails(InnerProduct::new("ip", 0).bottom("x").top("y"), &image, &[2, 1], "layer `ip` (InnerProduct)");
    let loss = |axis, weight| SoftmaxLoss::new("loss").axis(axis).weight(weight).bottoms(["x", "label"]);
    fails(loss(1, 1.0), &[2, 3], &[2, 2], "the shape of the label blob is 2x2; expected 2x1");
    fails(loss(0, 1.0), &[2, 3], &[2, 1], "the class axis is 0 for a bottom of shape 2x3; expected from 1 to 1");
    fails(loss(1, -1.0), &[2, 3], &[2, 1], "the loss weight is -1");
    let accuracy = Accuracy::new("acc").axis(2).bottoms(["x", "label"]);
    fails(accuracy, &[2, 3], &[2, 1], "layer `acc` (Accuracy): the class axis is 2");
    let top = |k| Accuracy::new("acc").top_k(k).bottoms(["x", "label"]);
    fails(top(0), &[2, 3], &[2, 1], "top_k is 0; expected from 1 to 3, the number of classes");
    fails(top(4), &[2, 3], &[2, 1], "top_k is 4; expected from 1 to 3");
    let lrn = || Lrn::new("norm").bottom("x").top("y");
    fails(lrn().kernel(0), &image, &[2, 1], "layer `norm` (LRN): the normalization's kernel is 0; expected at least 1");
    fails(lrn().shift(0.0), &image, &[2, 1], "the normalization's shift is 0; expected a number above 0");
    fails(lrn().scale(f64::NAN), &image, &[2, 1], "the normalization's scale is NaN");
    fails(lrn().axis(4), &image, &[2, 1], "channel axis is 4 for a bottom of shape 2x3x8x8; expected from 1 to 3");
    fails(lrn().mode(LrnMode::WithinChannel), &[2, 8], &[2, 1], "bottom's shape is 2x8; expected an image blob");
    fails(lrn().mode(LrnMode::WithinChannel).axis(2), &image, &[2, 1], "axis is 2; expected 1 for windows within");
    let dilated = |dilation: (usize, usize)| conv(1).dilation(dilation);
    fails(dilated((0, 1)), &image, &[2, 1], "the dilation is (width 0, height 1); expected at least 1 on both");
    fails(dilated((4, 1)), &image, &[2, 1], "the kernel's width is 9; expected at most 8");
    let deconv = || Deconvolution::new("d", 2, (3, 3)).bottom("x").top("y");
    fails(deconv(), &[2, 8], &[2, 1], "layer `d` (Deconvolution): the bottom blob's shape is 2x8");
    fails(
        deconv().n_group(2),
        &image,
        &[2, 1],
        "the number of input channels is 3; expected a positive multiple of the 2",
    );
    fails(
        deconv().pad((5, 1)),
        &image,
        &[2, 1],
        "the pad's width is 5; expected less than half of 10, the width of the",
    );
    fails(deconv().stride((1, 0)), &image, &[2, 1], "the stride's height is 0; expected at least 1");
    let reduction = |axis| Reduction::new("r", ReductionOperation::Sum).axis(axis).bottom("x").top("y");
    fails(reduction(4), &image, &[2, 1], "layer `r` (Reduction): the axis is 4 for a bottom of shape 2x3x8x8");
    fails(reduction(1).coefficient(f64::NAN), &image, &[2, 1], "the coefficient is NaN; expected a finite number");
    fails(Embed::new("e", 0, 3).bottom("x").top("y"), &image, &[2, 1], "layer `e` (Embed): input_dim is 0");
    let power = Power::new("p").power(f64::INFINITY).bottom("x").top("y");
    fails(power, &image, &[2, 1], "layer `p` (Power): the power is inf; expected a finite number");
    let sum = ElementWise::new("sum", ElementWiseOperation::Add).bottoms(["x", "label"]).top("y");
    fails(sum, &[2, 3], &[2, 1], "layer `sum` (ElementWise): the shape of the second bottom is 2x1; expected 2x3");
    let reshape = Reshape::new("r", [4, 47]).bottom("x").top("y");
    fails(
        reshape,
        &image,
        &[2, 1],
        "layer `r` (Reshape): the shape of a sample is [4, 47] with 188 elements; expected 192 elements",
    );
    let flatten = |from, to| Flatten::new("f").axis(from).end_axis(to).bottom("x").top("y");
    for (from, to) in [(0, 1), (2, 1), (1, 4)] {
        let text = format!("axes to be joined is {from} to {to} for a bottom of shape 2x3x8x8; expected within 1 to 3");
        fails(flatten(from, to), &image, &[2, 1], &text);
    }
    let concat = |axis| Concat::new("c").axis(axis).bottoms(["x", "label"]).top("y");
    fails(
        concat(2),
        &[2, 3],
        &[2, 1],
        "layer `c` (Concat): the axis is 2 for a bottom of shape 2x3; expected at most 1",
    );
    fails(concat(0), &[2, 3], &[2, 1], "the shape of bottom 1 is 2x1; expected that of bottom 0, 2x3, but for axis 0");
    let slice = |axis| Slice::new("s").axis(axis).bottom("x").tops(["a", "b"]);
    fails(slice(2), &[2, 3], &[2, 1], "layer `s` (Slice): the axis is 2 for a bottom of shape 2x3; expected at most 1");
    fails(
        slice(1),
        &[2, 3],
        &[2, 1],
        "the size to be cut is 3, that is axis 1 of the bottom of shape 2x3; expected a mul",
    );
    fails(slice(1).points([1, 2]), &[2, 3], &[2, 1], "the list of points is [1, 2] for 2 tops; expected 1 points");
    fails(
        slice(1).points([3]),
        &[2, 3],
        &[2, 1],
        "points is [3] for axis 1 of the bottom of shape 2x3; expected rising",
    );
    let argmax = Argmax::new("a").axis(0).bottom("x").top("y");
    fails(argmax, &[2, 3], &[2, 1], "layer `a` (Argmax): the class axis is 0 for a bottom of shape 2x3");
    let onehot = |classes, bottom: &str| Index2Onehot::new("o", classes).bottom(bottom).top("y");
    fails(onehot(0, "label"), &[2, 3], &[2, 1], "layer `o` (Index2Onehot): the number of classes is 0");
    fails(
        onehot(3, "x"),
        &[2, 3],
        &[2, 1],
        "the size of axis 1 of the bottom of shape 2x3 is 3; expected 1, the place",
    );
    let pool = |kernel| ChannelPooling::max("p", kernel).bottom("x").top("y");
    fails(
        pool(0),
        &image,
        &[2, 1],
        "layer `p` (ChannelPooling): the channel pooling's kernel is 0; expected at least 1",
    );
    fails(
        pool(4),
        &image,
        &[2, 1],
        "the channel pooling's kernel is 4; expected at most 3, which is axis 1 with its pads",
    );
    fails(pool(1).stride(0), &image, &[2, 1], "the channel pooling's stride is 0");
    fails(pool(2).pad(0, 2), &image, &[2, 1], "the channel pooling's pad is (0, 2); expected less than the kernel 2");
    fails(pool(2).axis(4), &image, &[2, 1], "the channel pooling's axis is 4 for a bottom of shape 2x3x8x8");
    let crop = |size: (usize, usize)| Crop::new("crop", size).bottom("x").top("y");
    fails(
        crop((9, 8)),
        &image,
        &[2, 1],
        "layer `crop` (Crop): the crop size is (width 9, height 8); expected at least",
    );
    fails(crop((0, 8)), &image, &[2, 1], "the crop size is (width 0, height 8)");
    fails(crop((1, 1)), &[2, 3], &[2, 1], "the bottom's shape is 2x3; expected an image blob");
    let tied = TiedInnerProduct::new("t", "enc").bottom("x").top("y");
    fails(
        tied,
        &[2, 3],
        &[2, 1],
        "the owner of the parameter `weight` is `enc`; expected the param_key or name of a layer",
    );
    let square = SquareLoss::new("l").bottoms(["x", "label"]);
    fails(
        square.clone(),
        &[2, 3],
        &[2, 1],
        "layer `l` (SquareLoss): the shape of the second bottom is 2x1; expected 2x3",
    );
    fails(square.weight(f64::NAN), &[2, 3], &[2, 3], "the loss weight is NaN; expected a number from 0 up");
    let std = InnerProduct::new("ip", 1).weight_init(Initializer::Gaussian { mean: 0.0, std: -1.0 });
    fails(std.bottom("x").top("y"), &image, &[2, 1], "the initializer's standard deviation of the Gaussian");
    let two = InnerProduct::new("ip", 1).bottoms(["x", "label"]).tops(["y", "z"]);
    fails(two, &image, &[2, 1], "is 1; expected 192 as for the first bottom");
}

#[test]
fn a_bad_index_is_named() {
    for bad in [-1.0, 0.5, 4.0, f64::NAN] {
        let text = ndarray::array![[0.0, 3.0], [1.0, bad]];
        let layers =
            layers![MemoryData::new("data", 2).array("text", text), Embed::new("words", 4, 3).bottom("text").top("y"),];
        let mut net = Net::new("net", &backend_cpu::Cpu::new().unwrap(), layers).unwrap();
        let text = net.forward().unwrap_err().to_string();
        let expected =
            format!("an index of sample 1 of the batch is {bad}; expected a whole number from 0 to 3, a row of");
        assert!(text.contains("layer `words` (Embed)") && text.contains(&expected), "{text}");
    }
}

#[test]
fn transposed_convolution_undoes_the_shape() {
    for (kernel, stride, pad, dilation) in [((3, 2), (2, 3), (1, 0), (1, 2)), ((4, 4), (2, 2), (1, 1), (1, 1))] {
        let conv = Convolution::new("c", 2, kernel).stride(stride).pad(pad).dilation(dilation).bottom("x").top("y");
        let deconv = Deconvolution::new("d", 3, kernel).stride(stride).pad(pad).dilation(dilation).bottom("x").top("y");
        let large = top(deconv, &[2, 2, 4, 5]).unwrap();
        assert_eq!(top(conv, &large).unwrap(), [2, 2, 4, 5]);
    }
}
