//! Shape inference of layers that move data, against counting by hand.

#![allow(clippy::unwrap_used, clippy::panic)] // clippy.toml allows them in test functions, not in their helpers

use layers::{SingleLayer, prelude::*};
use proptest::prelude::*;

/// The tops' shapes for bottoms of these shapes.
fn tops(layer: impl Into<LayerRef>, bottoms: &[Vec<usize>]) -> Result<Vec<Vec<usize>>, String> {
    let bottoms: Vec<Shape> = bottoms.iter().map(|sizes| Shape::new(sizes).unwrap()).collect();
    let single = SingleLayer::new(&backend_cpu::Cpu::with_threads(1).unwrap(), DType::F32, layer, &bottoms);
    let single = single.map_err(|error| error.to_string())?;
    Ok(single.tops().iter().map(|top| top.data.shape().sizes().to_vec()).collect())
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1usize..5, 1..6)
}

fn image() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1usize..7, 4)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reshape(bottom in sizes(), sample in prop::collection::vec(1usize..5, 0..4)) {
        let layer = Reshape::new("r", sample.clone()).bottom("x").top("y");
        let fits = bottom[1..].iter().product::<usize>() == sample.iter().product::<usize>();
        match tops(layer, std::slice::from_ref(&bottom)) {
            Ok(shapes) => {
                prop_assert!(fits);
                let expected: Vec<usize> = [bottom[0]].into_iter().chain(sample).collect();
                prop_assert_eq!(&shapes[0], &expected);
            }
            Err(error) => prop_assert!(!fits && error.starts_with("layer `r` (Reshape): "), "{}", error),
        }
    }

    #[test]
    fn flatten(bottom in sizes(), from in 0usize..6, to in 0usize..6) {
        let layer = Flatten::new("f").axis(from).end_axis(to).bottom("x").top("y");
        let fits = (1..=to).contains(&from) && to < bottom.len();
        match tops(layer, std::slice::from_ref(&bottom)) {
            Ok(shapes) => {
                prop_assert!(fits);
                let joined = bottom[from..=to].iter().product();
                let expected = [&bottom[..from], &[joined], &bottom[to + 1..]].concat();
                prop_assert_eq!(&shapes[0], &expected);
            }
            Err(error) => prop_assert!(!fits && error.starts_with("layer `f` (Flatten): "), "{}", error),
        }
    }

    #[test]
    fn concat_then_slice(
        bottom in sizes(),
        along in prop::collection::vec(1usize..5, 2..5),
        axis in 0usize..6,
        (odd_one, odd_axis) in (0usize..8, 0usize..6),
    ) {
        let with = |size: usize| {
            let mut sizes = bottom.clone();
            if axis < sizes.len() {
                sizes[axis] = size;
            }
            sizes
        };
        let mut bottoms: Vec<Vec<usize>> = along.iter().map(|&size| with(size)).collect();
        let (odd_one, odd_axis) = (odd_one.min(bottoms.len()), odd_axis.min(bottom.len() - 1));
        let mut fits = axis < bottom.len();
        // One that differs in another axis, now and then.
        if odd_one < bottoms.len() && odd_axis != axis {
            bottoms[odd_one][odd_axis] += 1;
            fits = false;
        }
        let names = |what: &str| (0..along.len()).map(|i| format!("{what}{i}")).collect::<Vec<_>>();
        let concat = Concat::new("c").axis(axis).bottoms(names("x")).top("y");
        let whole = with(along.iter().sum());
        match tops(concat, &bottoms) {
            Ok(shapes) => {
                prop_assert!(fits);
                prop_assert_eq!(&shapes[0], &whole);
            }
            Err(error) => prop_assert!(!fits && error.starts_with("layer `c` (Concat): "), "{}", error),
        }
        if !fits {
            return Ok(());
        }
        // Cut where it was joined, it falls into the same shapes.
        let points: Vec<usize> = (1..along.len()).map(|i| along[..i].iter().sum()).collect();
        let slice = Slice::new("s").axis(axis).points(points).bottom("y").tops(names("z"));
        prop_assert_eq!(tops(slice, std::slice::from_ref(&whole)).unwrap(), bottoms);
        // In equal parts, if there are such.
        let equal = Slice::new("s").axis(axis).bottom("y").tops(names("z"));
        match tops(equal, std::slice::from_ref(&whole)) {
            Ok(shapes) => prop_assert_eq!(shapes, vec![with(whole[axis] / along.len()); along.len()]),
            Err(error) => prop_assert!(!whole[axis].is_multiple_of(along.len()), "{}", error),
        }
    }

    #[test]
    fn crop(bottom in image(), (width, height) in (1usize..7, 1usize..7)) {
        let layer = Crop::new("crop", (width, height)).bottom("x").top("y");
        let fits = height <= bottom[2] && width <= bottom[3];
        match tops(layer, std::slice::from_ref(&bottom)) {
            Ok(shapes) => {
                prop_assert!(fits);
                prop_assert_eq!(&shapes[0], &vec![bottom[0], bottom[1], height, width]);
            }
            Err(error) => prop_assert!(!fits && error.starts_with("layer `crop` (Crop): "), "{}", error),
        }
    }

    #[test]
    fn classes(bottom in sizes(), axis in 0usize..6, classes in 1usize..5) {
        let fits = (1..bottom.len()).contains(&axis);
        let with = |size: usize| [&bottom[..axis], &[size], &bottom[axis + 1..]].concat();
        match tops(Argmax::new("a").axis(axis).bottom("x").top("y"), std::slice::from_ref(&bottom)) {
            Ok(shapes) => {
                prop_assert!(fits);
                prop_assert_eq!(&shapes[0], &with(1));
                let onehot = Index2Onehot::new("o", classes).axis(axis).bottom("x").top("y");
                prop_assert_eq!(tops(onehot, &shapes).unwrap(), vec![with(classes)]);
            }
            Err(error) => prop_assert!(!fits && error.starts_with("layer `a` (Argmax): "), "{}", error),
        }
    }

    #[test]
    fn same_shape(bottom in image()) {
        let bottoms = [bottom.clone(), bottom.clone()];
        let same: [LayerRef; 7] = [
            Activation::new("l", Neuron::Tanh).bottom("x").top("y").into(),
            Lrn::new("l").bottom("x").top("y").into(),
            Lrn::new("l").mode(LrnMode::WithinChannel).kernel(3).bottom("x").top("y").into(),
            Power::new("l").scale(2.0).bottom("x").top("y").into(),
            Dropout::new("l", 0.3).bottom("x").top("y").into(),
            Softmax::new("l").bottom("x").top("y").into(),
            Identity::new("l").bottom("x").top("y").into(),
        ];
        for layer in same {
            prop_assert_eq!(tops(layer, &bottoms[..1]).unwrap(), vec![bottom.clone()]);
        }
        let split = Split::new("l").bottom("x").tops(["y", "z", "w"]);
        prop_assert_eq!(tops(split, &bottoms[..1]).unwrap(), vec![bottom.clone(); 3]);
        let mask = RandomMask::new("l", 0.3).bottoms(["x", "z"]).tops(["y", "w"]);
        prop_assert_eq!(tops(mask, &bottoms).unwrap(), bottoms.to_vec());
        let sum = ElementWise::new("l", ElementWiseOperation::Add).bottoms(["x", "z"]).top("y");
        prop_assert_eq!(tops(sum, &bottoms).unwrap(), vec![bottom.clone()]);
    }
}
