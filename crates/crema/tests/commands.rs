//! The program as a user runs it: each command, and what it prints.
#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot go on shall panic

mod program;

use digits::{Digits, Part};
use program::Folder;
use std::fs;

/// Trains a little, once for all that look at the result.
fn trained() -> Folder {
    let folder = Folder::new();
    let log = folder.succeed(&["train", "lenet.toml", "--max-iter", "200"]);
    assert_eq!(log.matches(" :: TRAIN obj-val = ").count(), 2, "{log}");
    folder
}

/// The number behind a text.
fn number_behind(text: &str, start: &str) -> f64 {
    let rest = text.split(start).nth(1).unwrap_or_else(|| panic!("{text:?} lacks {start:?}"));
    rest.split(['%', ' ', ',', '}']).next().unwrap().parse().unwrap()
}

#[test]
fn a_trained_net_is_tested_and_used_and_converted() {
    let folder = trained();

    let text = folder.succeed(&["test", "lenet.toml"]);
    assert!(text.starts_with("snapshots/snapshot-000200.hdf5 on MNIST-test:\n"), "{text}");
    let accuracy = number_behind(&text, "Accuracy (avg over 1000) = ");
    assert!((85.0..100.0).contains(&accuracy), "{text}");
    let json = folder.succeed(&["test", "lenet.toml", "--weights", "snapshots/snapshot-000200.hdf5", "--json"]);
    assert!((number_behind(&json, "\"test-accuracy-accuracy\":") - accuracy / 100.0).abs() < 1e-6, "{json}");

    let digits = Digits::embedded(Part::Test).unwrap();
    let (mut right, names) = (0, ["a.png", "b.png", "c.png", "d.png", "e.png"]);
    for (i, name) in names.iter().enumerate() {
        let image = digits.image(i).mapv(|pixel| (pixel * 256.0) as u8);
        image::GrayImage::from_raw(28, 28, image.into_iter().collect())
            .unwrap()
            .save(folder.path().join(name))
            .unwrap();
    }
    let text = folder.succeed(&[&["predict", "lenet.toml", "--best", "1"], names.as_slice()].concat());
    assert_eq!(text.lines().count(), names.len());
    for (i, (line, name)) in text.lines().zip(names).enumerate() {
        right += usize::from(line.starts_with(&format!("{name}: {} ", digits.label(i))) && line.ends_with(" %"));
    }
    assert!(right >= 4, "{text}");
    folder.edit("logits = \"ip2\"", "logits = \"ip2\"\nclasses = \"classes.txt\"");
    folder.write("classes.txt", "nought\none\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n");
    let json = folder.succeed(&["predict", "lenet.toml", "--json", "--best", "10", "a.png"]);
    assert!(json.starts_with("{\"classes\":[{\"class\":\"") && json.contains("\"nought\""), "{json}");

    // Around the formats: the arrays stay what they are, so the net measures the same.
    folder.succeed(&["convert", "snapshots", "w.safetensors"]);
    folder.succeed(&["convert", "w.safetensors", "w.npz"]);
    let said = folder.succeed(&["convert", "w.npz", "w.hdf5"]);
    assert_eq!(said, "wrote w.hdf5 with 8 arrays of w.npz\n");
    let measured = folder.succeed(&["test", "lenet.toml", "--weights", "w.hdf5"]);
    assert_eq!(number_behind(&measured, "Accuracy (avg over 1000) = "), accuracy);
    folder.succeed(&["convert", "w.hdf5", "lenet.onnx", "--config", "lenet.toml"]);
    let model = fs::read(folder.path().join("lenet.onnx")).unwrap();
    let holds = |name: &[u8]| model.windows(name.len()).any(|window| window == name);
    assert!(model.len() > 1_700_000 && holds(b"Conv") && holds(b"ip2"), "{} bytes", model.len());
    folder.fail(&["convert", "w.hdf5", "lenet.onnx"], &["name the file that describes it with --config"]);
    folder.fail(
        &["convert", "w.hdf5", "w.txt"],
        &["w.txt does not end in .hdf5, .h5, .safetensors or .npz, nor in .onnx"],
    );
    folder.fail(&["convert", "data/train.hdf5", "w.npz"], &["data/train.hdf5", "this has no parameters"]);

    // The same command goes on, and knows when there is nothing left to do.
    let log = folder.succeed(&["train", "lenet.toml", "--max-iter", "200"]);
    assert!(log.contains("Nothing to do: the newest snapshot in snapshots has 200 iterations already"), "{log}");
    let log = folder.succeed(&["train", "lenet.toml", "--max-iter", "210", "--json"]);
    assert!(log.lines().all(|line| line.starts_with('{')), "{log}");
    assert!(folder.path().join("snapshots/snapshot-000210.hdf5").is_file());
}

#[test]
fn nets_are_drawn() {
    let folder = Folder::new();
    assert_eq!(folder.succeed(&["draw", "lenet.toml"]), "wrote network.svg\n");
    let svg = fs::read_to_string(folder.path().join("network.svg")).unwrap();
    assert!(svg.contains("<svg") && svg.contains("conv1") && svg.contains("loss"), "{svg}");
    folder.succeed(&["draw", "lenet.toml", "--net", "test", "--out", "test.dot"]);
    let dot = fs::read_to_string(folder.path().join("test.dot")).unwrap();
    assert!(dot.starts_with("digraph \"MNIST-test\"") && dot.contains("\"ip2\" -> \"test-accuracy\""), "{dot}");
    folder.fail(&["draw", "lenet.toml", "--out", "net.png"], &["--out net.png ends neither in .svg nor in .dot"]);
}

#[test]
fn the_documents_example_trains() {
    let folder = Folder::new();
    let document = include_str!("../../../docs/crema.md");
    folder.write("perceptron.toml", document.split("```toml\n").nth(1).unwrap().split("```").next().unwrap());
    let log = folder.succeed(&["train", "perceptron.toml", "--max-iter", "100"]);
    assert!(log.contains("000100 :: TRAIN obj-val = ") && log.contains("## Performance on Validation Set"), "{log}");
}

#[test]
fn json_says_the_same_as_toml() {
    let folder = Folder::new();
    let json = toml::from_str::<serde_json::Value>(program::LENET).unwrap();
    folder.write("lenet.json", json.to_string());
    folder.succeed(&["train", "lenet.toml", "--max-iter", "3", "--out", "a"]);
    folder.succeed(&["train", "lenet.json", "--max-iter", "3", "--out", "b"]);
    let bytes = |out: &str| fs::read(folder.path().join(out).join("snapshot-000003.hdf5")).unwrap();
    assert!(bytes("a") == bytes("b"));
}

#[test]
fn every_setting_is_used() {
    let folder = Folder::new();
    let breaks = "[coffee_breaks]
summary = { every = { iters = 2 }, quantities = [\"momentum\", { loss_of = \"loss\" }] }
validation = { every = { iters = 2 }, title = \"Unseen Digits\" }
early_stopping = { every = { iters = 2 }, patience = 1, min_gain = 1.0, goal = { key = \"test-accuracy-accuracy\", higher_better = true } }
snapshot = { every = { iters = 2 }, keep = { last = 1 } }
statistics = { every_n_iter = 1, if_exists = \"refuse\" }
";
    let text = program::LENET.replace("max_iter = 10000", "max_iter = 8\niter_size = 2\nclip_gradients = 1.0");
    let (head, tail) = (text.split("[coffee_breaks]").next().unwrap(), text.split("# For `crema").nth(1).unwrap());
    let text = format!("{head}{breaks}\n# For `crema{tail}").replace("seed = 12345678", "seed = 7\ndtype = \"f64\"");
    folder.write("lenet.toml", text);
    let log = folder.succeed(&["train", "lenet.toml"]);
    assert!(log.contains("TRAIN momentum 0.9000 | loss = "), "{log}");
    assert!(log.contains("## Performance on Unseen Digits after 2 iterations"), "{log}");
    assert!(log.contains("Early stopping: test-accuracy-accuracy was best"), "{log}");
    let mut files: Vec<_> =
        fs::read_dir(folder.path().join("snapshots")).unwrap().map(|file| file.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["snapshot-000002.hdf5", "statistics.hdf5"]);
    let weights = io_hdf5::read_weights(folder.path().join("snapshots/snapshot-000002.hdf5")).unwrap();
    assert!(weights.iter().all(|weight| matches!(weight.values, solver::Values::F64(_))));
    fs::remove_file(folder.path().join("snapshots/snapshot-000002.hdf5")).unwrap();
    folder.fail(&["train", "lenet.toml"], &["the statistics file exists"]);
}

#[test]
fn help_completions_and_man_pages() {
    let folder = Folder::new();
    let help = folder.succeed(&["--help"]);
    for command in ["train", "test", "predict", "draw", "convert", "completions", "man"] {
        assert!(help.contains(&format!("\n  {command} ")), "{help}");
    }
    assert!(folder.succeed(&["train", "--help"]).contains("--max-iter <N>"));
    assert!(folder.succeed(&["completions", "bash"]).contains("complete -F _crema"));
    folder.succeed(&["man", "."]);
    assert!(fs::read_to_string(folder.path().join("crema.1")).unwrap().contains(".TH crema 1"));
    assert!(fs::read_to_string(folder.path().join("crema-train.1")).unwrap().contains("max\\-iter"));
    folder.fail(&["man", "nowhere"], &["cannot write the man pages into nowhere"]);
    assert_eq!(folder.run(&["train", "lenet.toml", "--threads", "0"]).code, Some(2));
}
