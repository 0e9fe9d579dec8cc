//! The program as a user runs it: training, prediction, curve, and what it says when something is wrong.
#![cfg(unix)] // some texts end with what the operating system says
#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot go on shall panic

mod program;

use core_tensor::Shape;
use io_hdf5::{Array, Numbers, write_arrays};
use program::Program;

/// Trains a little, once for all that look at the result.
fn trained() -> Program {
    let program = Program::new().args(["--max-iter", "300", "--test-every", "100", "--display-every", "20"]);
    let output = program.run();
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{}", output.stdout);
    let lines = |text: &str| output.stdout.lines().filter(|line| line.contains(text)).count();
    assert_eq!(lines("embedded sample"), 1, "{}", output.stdout);
    assert_eq!(lines(" :: TRAIN obj-val = "), 15, "{}", output.stdout);
    assert_eq!(lines("## Performance on Validation Set"), 4, "{}", output.stdout);
    for line in output.stdout.lines() {
        assert!(is_log_line(line), "not a log line: {line:?}");
    }
    program
}

/// `23-Nov 11:56:13:INFO: ...`
fn is_log_line(line: &str) -> bool {
    let pattern = "00-aaa 00:00:00:aaaa: ";
    let fits = |(c, p): (char, char)| match p {
        '0' => c.is_ascii_digit(),
        'a' => c.is_ascii_alphabetic(),
        _ => c == p,
    };
    line.len() >= pattern.len() - 1 && line.chars().zip(pattern.chars()).all(fits)
}

#[test]
fn train_predict_and_draw() {
    let program = trained();

    let output = program.run_with(&["predict", "--index", "3"]);
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""));
    assert!(output.stdout.contains("snapshot-000300.hdf5"), "{}", output.stdout);
    let number = |label: &str| {
        let line = output.stdout.lines().find(|line| line.starts_with(label)).unwrap();
        line.rsplit(' ').next().unwrap().parse::<usize>().unwrap()
    };
    assert_eq!(number("Predicted digit:"), number("Correct label:"), "{}", output.stdout);
    let probabilities: Vec<f64> = output
        .stdout
        .lines()
        .skip_while(|line| *line != "Label probability vector:")
        .skip(1)
        .map(|line| line.split_whitespace().nth(1).unwrap().parse().unwrap())
        .collect();
    assert_eq!(probabilities.len(), 10);
    assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-6);

    recognizes_pictures(&program);
    refuses_pictures(&program);

    let output = program.run_with(&["curve"]);
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{}", output.stdout);
    let picture = image::open(program.folder().join("snapshots/learning-curve.png")).unwrap();
    assert_eq!((picture.width(), picture.height()), (1600, 1540));
    let svg = std::fs::read_to_string(program.folder().join("snapshots/learning-curve.svg")).unwrap();
    for text in ["MNIST Learning Curve", "Iterations", "Objective Value", "Raw", "Low Pass", "Validation Accuracy"] {
        assert!(svg.contains(text), "no {text:?} in the SVG");
    }
}

/// Digits drawn by a program: large, coloured, dark on light and light on dark.
fn recognizes_pictures(program: &Program) {
    use image::{Rgb, RgbImage};
    // A seven and a one as line segments, in the unit square.
    let seven = [((0.25, 0.2), (0.75, 0.2)), ((0.75, 0.2), (0.45, 0.85))];
    let one = [((0.52, 0.15), (0.48, 0.85)), ((0.52, 0.15), (0.5, 0.5))];
    let papers = [(Rgb([250, 248, 240]), Rgb([20, 30, 90])), (Rgb([10, 10, 10]), Rgb([240, 250, 200]))];
    for (digit, segments) in [("7", seven), ("1", one)] {
        for (i, &(paper, ink)) in papers.iter().enumerate() {
            let mut picture = RgbImage::from_pixel(300, 420, paper);
            for (x, y, pixel) in picture.enumerate_pixels_mut() {
                let point = (f64::from(x) / 300.0, f64::from(y) / 420.0);
                if segments.iter().any(|&(a, b)| distance(point, a, b) < 0.045) {
                    *pixel = ink;
                }
            }
            let path = program.folder().join(format!("{digit}-{i}.png"));
            picture.save(&path).unwrap();
            let output = program.run_with(&["predict", "--image", path.to_str().unwrap()]);
            assert_eq!(output.code, Some(0), "{}", output.stderr);
            let found = output.stdout.lines().find(|line| line.starts_with("Predicted digit:")).unwrap();
            assert!(found.ends_with(digit), "{}: {}", path.display(), output.stdout);
        }
    }
}

fn refuses_pictures(program: &Program) {
    std::fs::write(program.folder().join("text.png"), "no picture").unwrap();
    image::GrayImage::new(40, 30).save(program.folder().join("blank.png")).unwrap();
    for (name, expected) in [
        (
            "nowhere.png",
            "error: cannot read the image nowhere.png\n  because: No such file or directory (os error 2)\n",
        ),
        (
            "text.png",
            "error: text.png is no image that can be read, e.g. a PNG\n  because: Format error decoding Png: Invalid PNG \
             signature.\n",
        ),
        (
            "blank.png",
            "error: the image blank.png is blank: all of its 40x30 pixels are about equally bright; it should show one \
             digit\n",
        ),
    ] {
        let output = program.run_with(&["predict", "--image", name]);
        assert_eq!((output.code, output.stderr.as_str()), (Some(1), expected));
    }
}

/// From a point to a line segment.
fn distance(p: (f64, f64), a: (f64, f64), b: (f64, f64)) -> f64 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let t = (((p.0 - a.0) * dx + (p.1 - a.1) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
    (p.0 - a.0 - t * dx).hypot(p.1 - a.1 - t * dy)
}

#[test]
fn broken_pipe_ends_quietly_and_keeps_the_work() {
    let program = Program::new().args(["--max-iter", "100000", "--display-every", "1"]);
    let mut running = program.start();
    running.wait_for("000003 :: TRAIN");
    let output = running.stop_reading();
    assert_eq!((output.code, output.stderr.as_str()), (Some(141), ""));
    let names = std::fs::read_dir(program.folder().join("snapshots")).unwrap();
    let names: Vec<String> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.iter().any(|name| name.starts_with("snapshot-") && name.ends_with(".hdf5")), "{names:?}");
}

#[test]
fn two_data_sets_are_not_mixed() {
    let program = Program::new();
    assert_eq!(program.run_with(&["--max-iter", "1"]).code, Some(0));
    let pixels = vec![0.5; 100 * 28 * 28];
    let arrays = |images: &[usize], labels: &[usize]| {
        let (images, labels) = (Shape::new(images).unwrap(), Shape::new(labels).unwrap());
        [
            Array { name: "data", shape: images, values: Numbers::F32(&pixels[..images.len()]) },
            Array { name: "label", shape: labels, values: Numbers::F32(&[1.0; 100][..labels.len()]) },
        ]
    };
    let folder = program.folder().join("other");
    std::fs::create_dir(&folder).unwrap();
    for name in ["train", "test"] {
        write_arrays(folder.join(name).with_extension("hdf5"), &arrays(&[100, 1, 28, 28], &[100, 1]), &[]).unwrap();
        std::fs::write(folder.join(name).with_extension("txt"), format!("{name}.hdf5")).unwrap();
    }
    let output = program.run_with(&["--data", "other", "--max-iter", "2"]);
    assert_eq!(output.code, Some(1));
    assert_eq!(
        output.stderr,
        "error: cannot go on from snapshots; give another --out, or the --data that it was trained on\n  because: snapshot \
         snapshots/snapshot-000001.hdf5: the state of the net's layers does not fit: layer `train-data` (Hdf5Data): the \
         saved position in the data is one among 5000 samples; expected a position among 100, the samples of this data \
         set; to take over its parameters alone, use `load_weights`; to start from scratch, choose another place\n"
    );
}

#[test]
fn mistakes_are_told_on_stderr_with_exit_code_1() {
    let program = Program::new();
    std::fs::write(program.folder().join("a-file"), "").unwrap();
    for (args, expected) in [
        (
            &["--data", "nowhere"][..],
            "error: the folder nowhere does not exist, so there is no train.txt; `cargo xtask fetch-mnist --out nowhere` \
             gets MNIST, and without --data the embedded sample is used\n",
        ),
        (&["--out", "a-file"], "error: --out names the file a-file; it must be a folder, which is made if need be\n"),
        (
            &["predict"],
            "error: there is no snapshot in snapshots; train first, or name another place with --snapshot\n",
        ),
        (
            &["curve", "--out", "elsewhere"],
            "error: there is no statistics file elsewhere/statistics.hdf5; train first, or name another folder with --out \
             or another file with --file\n",
        ),
    ] {
        let output = program.run_with(args);
        assert_eq!((output.code, output.stderr.as_str()), (Some(1), expected), "{args:?}");
    }
    for args in [&["--batch-size", "0"][..], &["predict", "--index", "-1"], &["--backend", "tpu"], &["fly"]] {
        let output = program.run_with(args);
        assert_eq!(output.code, Some(2), "{args:?}");
        assert!(output.stderr.starts_with("error: "), "{args:?}: {}", output.stderr);
    }
}

/// With a card this trains on it; without one, `cuda` is an error that says what is missing, and `auto` says why it is the CPU.
#[test]
fn cuda_computes_or_says_what_is_missing() {
    let program = Program::new();
    let with = |backend| program.run_with(&["--backend", backend, "--max-iter", "1", "--out", backend]);
    let (cuda, auto) = (with("cuda"), with("auto"));
    assert_eq!((auto.code, auto.stderr.as_str()), (Some(0), ""), "{}", auto.stdout);
    if cuda.code == Some(0) {
        assert!(cuda.stdout.contains("CUDA device 0"), "{}", cuda.stdout);
        assert!(auto.stdout.contains("Computing on CUDA device 0"), "{}", auto.stdout);
    } else {
        assert_eq!((cuda.code, cuda.stderr.lines().count()), (Some(1), 1), "{}", cuda.stderr);
        assert!(cuda.stderr.starts_with("error: backend `cuda`: "), "{}", cuda.stderr);
        assert!(auto.stdout.contains("Computing on CPU"), "{}", auto.stdout);
        let reason = cuda.stderr.trim_start_matches("error: ").trim_end();
        assert!(auto.stdout.contains(&format!("since CUDA does not work: {reason}")), "{}", auto.stdout);
    }
    let predicted = program.run_with(&["predict", "--snapshot", "auto", "--backend", "auto"]);
    assert_eq!((predicted.code, predicted.stderr.as_str()), (Some(0), ""));
    assert!(predicted.stdout.contains("Computed on:      C"), "{}", predicted.stdout);
}

#[test]
fn other_programs_read_json() {
    let program = Program::new().args(["--max-iter", "40", "--display-every", "20", "--test-every", "40", "--json"]);
    let output = program.run();
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{}", output.stdout);
    let objects: Vec<serde_json::Value> = output
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect();
    let statistics: Vec<_> = objects.iter().filter(|object| object["event"] == "statistics").collect();
    let iterations: Vec<_> = statistics.iter().map(|object| object["iteration"].as_u64().unwrap()).collect();
    assert_eq!(iterations, [0, 20, 40]);
    assert!(statistics[1]["obj_val"].as_f64().unwrap() > 0.0 && statistics[1].get("test-accuracy-accuracy").is_none());
    assert!((0.0..=1.0).contains(&statistics[2]["test-accuracy-accuracy"].as_f64().unwrap()));
    let log = |text: &str| objects.iter().any(|o| o["event"] == "log" && o["text"].as_str().unwrap().contains(text));
    assert!(log("embedded sample") && log("000040 :: TRAIN obj-val"), "{}", output.stdout);
}

#[test]
fn quiet_means_quiet() {
    let output = Program::new().args(["--max-iter", "5", "--quiet"]).run();
    assert_eq!((output.code, output.stdout.as_str(), output.stderr.as_str()), (Some(0), "", ""));
}
