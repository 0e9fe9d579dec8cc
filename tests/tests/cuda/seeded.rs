//! Every mistake of `tests/seeded/bugs.json` in a kernel that ships is found: by the checker, or because a layer computes something
//! else than on the CPU. So a mistake of that sort in a new kernel would be found as well.

use crate::{fake::with_libraries, parity::compare};
use backend_cpu::Cpu;
use backend_cuda::{Cuda, Options};
use core_tensor::{Backend, DType};
use fake_cuda::{Control, Libraries};
use layers::Registry;
use std::{collections::BTreeSet, fs, path::Path, sync::Arc};

/// What finds a mistake where the checker has nothing to say.
const VALUES: &str = "values";

/// A mistake's name, the kind of layer whose examples run into it, and what finds it.
const CASES: &[(&str, &str, &str)] = &[
    ("missing_barrier_between_sums", "Accuracy", "Race"),
    ("sum_over_unwritten_places", "Accuracy", "Uninitialised"),
    ("window_that_ends_too_late", "ChannelPooling", "OutOfBounds"),
    ("height_and_width_swapped", "Convolution", VALUES),
    ("padding_without_guard", "Convolution", "OutOfBounds"),
    ("scattered_gradient", "Convolution", "Race"),
    ("stride_ignored_on_the_way_back", "Convolution", VALUES),
    ("mirror_forgotten_on_the_way_back", "Crop", VALUES),
    ("gradient_added_to_what_was_there", "Crop", VALUES),
    ("four_at_a_time_without_a_rest", "Dropout", "Race"),
    ("random_words_by_thread", "Dropout", VALUES),
    ("missing_tail_guard", "ElementWise", "OutOfBounds"),
    ("one_too_many", "ElementWise", "OutOfBounds"),
    ("operands_in_the_wrong_order", "ElementWise", VALUES),
    ("bias_of_another_output", "InnerProduct", "OutOfBounds"),
    ("last_sample_forgotten", "InnerProduct", VALUES),
    ("grid_stride_of_one_block", "LRN", "Race"),
    ("window_not_mirrored_on_the_way_back", "LRN", VALUES),
    ("slope_of_another_neuron", "Activation", VALUES),
    ("every_thread_writes_the_result", "SquareLoss", "Race"),
    ("sum_in_single_precision", "SquareLoss", VALUES),
    ("window_beyond_the_border", "Pooling", "OutOfBounds"),
    ("winner_of_another_window", "Pooling", VALUES),
    ("stride_of_the_other_blob", "Concat", "OutOfBounds"),
    ("two_at_a_time", "Concat", "Misaligned"),
    ("class_stride_of_one", "Softmax", VALUES),
    ("largest_of_a_lane_only", "Softmax", VALUES),
    ("shuffle_without_all_lanes", "Softmax", "DivergentWarp"),
    ("label_of_another_position", "SoftmaxLoss", "OutOfBounds"),
    ("missing_barrier_in_a_sum", "SoftmaxLoss", "Race"),
    ("sum_that_not_all_threads_enter", "SoftmaxLoss", "DivergentBarrier"),
    ("missing_barrier_in_a_square", "TiedInnerProduct", "Race"),
    ("square_beyond_the_matrix", "TiedInnerProduct", "OutOfBounds"),
    ("square_not_turned", "TiedInnerProduct", "Uninitialised"),
];

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/seeded"))
}

#[test]
fn every_mistake_is_found() {
    with_libraries("seeded::every_mistake_is_found", &Libraries::new(), &[], || {
        let control = Control::open().unwrap();
        let mut wrong = Vec::new();
        for &(name, kind, expected) in CASES {
            control.reset().unwrap();
            control.replace_kernels(&fs::read_to_string(folder().join(name).with_extension("ptx")).unwrap()).unwrap();
            let found = what_finds_it(&control, kind);
            println!("{name} in {kind}: {found}");
            // Who does not wait may also come before the first write.
            if found != expected && (expected, found.as_str()) != ("Race", "Uninitialised") {
                wrong.push(format!("{name} in {kind}: expected {expected}, found {found}"));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    });
}

/// The fault that the checker finds first while the layer's examples run, or [`VALUES`], or nothing.
fn what_finds_it(control: &Control, kind: &str) -> String {
    let cpu: Arc<dyn Backend> = Arc::new(Cpu::new().unwrap());
    let cuda = Cuda::with_options(0, Options { exact_memory: true, ..Options::default() }).unwrap();
    let examples = Registry::standard().examples();
    let of_this_kind: Vec<_> = examples.iter().filter(|example| example.layer.layer().kind() == kind).collect();
    assert!(!of_this_kind.is_empty(), "there is no layer `{kind}`");
    let backend: Arc<dyn Backend> = Arc::new(cuda);
    let tries =
        [DType::F32, DType::F64].into_iter().flat_map(|dtype| of_this_kind.iter().map(move |example| (dtype, example)));
    let mut failures = tries.filter_map(|(dtype, example)| compare(&backend, &cpu, example, 1, dtype).err());
    let failure = failures.next();
    drop(backend);
    // "launch 3: Race: kernel ..."
    let messages = control.messages().unwrap();
    match (messages.first(), failure) {
        (Some(message), _) => message.split(": ").nth(1).unwrap_or(message).into(),
        (None, Some(_)) => VALUES.into(),
        (None, None) => "nothing".into(),
    }
}

#[test]
fn every_mistake_has_a_case() {
    let list: Vec<serde_json::Value> = serde_json::from_slice(&fs::read(folder().join("bugs.json")).unwrap()).unwrap();
    let listed: BTreeSet<&str> = list.iter().map(|bug| bug["name"].as_str().unwrap()).collect();
    let tried: BTreeSet<&str> = CASES.iter().map(|case| case.0).collect();
    assert_eq!(listed, tried);
    assert!(tried.len() >= 20, "{}", tried.len());
}
