//! `lenet-example serve` over real HTTP: right digits for PNGs and numbers, errors as JSON, mistakes told at the start.
#![cfg(unix)] // signals
#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot go on shall panic

mod program;

use digits::{Digits, Part};
use image::{GrayImage, ImageFormat, Luma, imageops};
use program::Program;
use serde_json::Value;
use std::{
    io::{Cursor, Read, Write},
    net::{SocketAddr, TcpStream},
};

const DRAW: &str = "Draw a digit:  http://";

/// Status and JSON of an answer.
fn post(address: SocketAddr, path: &str, body: &[u8]) -> (u16, Value) {
    let head = format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\n\r\n", body.len());
    let (status, answer) = exchange(address, &[head.as_bytes(), body].concat());
    (status, serde_json::from_str(&answer).unwrap_or_else(|e| panic!("{e}: {answer}")))
}

fn exchange(address: SocketAddr, request: &[u8]) -> (u16, String) {
    let mut connection = TcpStream::connect(address).unwrap();
    // A body that is too large is answered before it is read to its end.
    let _ = connection.write_all(request);
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn png(image: &GrayImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

#[test]
fn digits_are_recognized_and_mistakes_explained() {
    let program = Program::new().args(["serve", "--port", "0"]);
    let trained = program.run_with(&["--max-iter", "300", "--test-every", "300", "--quiet"]);
    assert_eq!((trained.code, trained.stderr.as_str()), (Some(0), ""));
    let mut running = program.start();
    let line = running.wait_for(DRAW);
    let address: SocketAddr = line.trim().trim_start_matches(DRAW).trim_end_matches('/').parse().unwrap();
    assert!(address.ip().is_loopback());

    recognizes(address);
    explains(address);

    let get = |path: &str| exchange(address, format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes());
    let (status, page) = get("/");
    assert_eq!(status, 200);
    // The page loads nothing from elsewhere, and all that it names is there.
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("//cdn"), "{page}");
    for name in ["/draw.js", "/draw.css", "/style.css"] {
        assert!(page.contains(name), "{name}");
        assert_eq!(get(name).0, 200, "{name}");
    }
    assert_eq!(get("/x").0, 404);

    let taken = program.run_with(&["serve", "--port", &address.port().to_string()]);
    let expected = format!(
        "error: cannot serve on {address}: another program has this port; give another one, or 0 for any that is free\n  because: "
    );
    assert!(taken.code == Some(1) && taken.stderr.starts_with(&expected), "{}", taken.stderr);
    program::kill(&running, "TERM");
    running.wait();
}

/// Embedded digits, drawn large, off the middle and dark on light, and as MNIST has them.
fn recognizes(address: SocketAddr) {
    let digits = Digits::embedded(Part::Test).unwrap();
    let (mut right_drawn, mut right_numbers, n) = (0, 0, 50);
    for i in 0..n {
        let digit = digits.image(i);
        let small = GrayImage::from_fn(28, 28, |x, y| Luma([(digit[[0, y as usize, x as usize]] * 256.0) as u8]));
        let large = imageops::resize(&small, 140, 140, imageops::FilterType::Triangle);
        let drawn = GrayImage::from_fn(400, 300, |x, y| {
            let ink = if (200..340).contains(&x) && (20..160).contains(&y) { large[(x - 200, y - 20)][0] } else { 0 };
            Luma([255 - ink])
        });
        let label = u64::from(digits.label(i));
        let (status, found) = post(address, "/predict", &png(&drawn));
        assert_eq!(status, 200, "{found}");
        assert_eq!(found.as_object().unwrap().len(), 2, "{found}");
        right_drawn += u64::from(found["digit"] == label);
        let numbers = serde_json::to_vec(&digit.iter().collect::<Vec<_>>()).unwrap();
        let (status, found) = post(address, "/predict", &numbers);
        assert_eq!(status, 200, "{found}");
        let probabilities: Vec<f64> = serde_json::from_value(found["probabilities"].clone()).unwrap();
        assert!(probabilities.len() == 10 && (probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-5);
        right_numbers += u64::from(found["digit"] == label);
    }
    // 300 iterations on the sample reach about 95 %.
    assert!(right_drawn * 100 >= 88 * n as u64, "{right_drawn} of {n} drawn digits");
    assert!(right_numbers * 100 >= 88 * n as u64, "{right_numbers} of {n} arrays");

    let (_, found) = post(address, "/predict?activations", &serde_json::to_vec(&vec![0.5; 784]).unwrap());
    assert_eq!(found["input"].as_array().unwrap().len(), 784);
    for (blob, shape, of) in [("conv1", [20, 24, 24], 0), ("conv2", [50, 8, 8], 1)] {
        let maps = &found["activations"][of];
        assert_eq!((maps["blob"].as_str(), &maps["shape"]), (Some(blob), &serde_json::json!(shape)));
        let values: Vec<i8> = serde_json::from_value(maps["values"].clone()).unwrap();
        assert_eq!(values.len(), shape.iter().product::<usize>());
        assert!(values.iter().any(|&value| value.unsigned_abs() == 127), "{blob} is not scaled");
    }
}

fn explains(address: SocketAddr) {
    let blank = png(&GrayImage::new(40, 30));
    let huge = png(&GrayImage::new(3000, 10));
    let too_much = vec![b'1'; (1 << 20) + 1];
    let numbers = |values: &[f32]| serde_json::to_vec(values).unwrap();
    for (body, status, message) in [
        (&b"hello"[..], 400, "the body is neither PNG nor numbers"),
        (b"", 400, "the body is neither PNG nor numbers"),
        (&numbers(&[0.5; 783]), 400, "the array has 783 numbers; expected a PNG, or a JSON array of 784 numbers"),
        (&numbers(&[0.0, 255.0]), 400, "number 1, counted from 0, is 255; expected"),
        (b"[-0.1]", 400, "number 0, counted from 0, is -0.1; expected"),
        (b"[null]", 400, "the body is neither PNG nor numbers"),
        (&blank, 400, "the picture is blank: all of its 40x30 pixels"),
        (&huge, 400, "the body is no PNG of at most 2048x2048 pixels"),
        (&blank[..40], 400, "the body is no PNG of at most 2048x2048 pixels"),
        (&too_much, 413, "the body is too large; expected at most 1048576 bytes"),
    ] {
        let (found, answer) = post(address, "/predict", body);
        let text = answer["error"].as_str().unwrap();
        assert!(found == status && text.starts_with(message), "{found}: {text}");
    }
    assert_eq!(post(address, "/other", b"").0, 404);
}

#[test]
fn a_wrong_snapshot_is_told_before_anything_is_served() {
    let program = Program::new();
    std::fs::create_dir(program.folder().join("empty")).unwrap();
    let output = program.run_with(&["serve", "--port", "0", "--snapshot", "empty"]);
    let expected = "error: there is no snapshot in empty; train first, or name another place with --snapshot\n";
    assert_eq!((output.code, output.stderr.as_str(), output.stdout.as_str()), (Some(1), expected, ""));
    std::fs::write(program.folder().join("text.hdf5"), "no snapshot").unwrap();
    let output = program.run_with(&["serve", "--port", "0", "--snapshot", "text.hdf5"]);
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.starts_with("error: ") && output.stderr.contains("text.hdf5"), "{}", output.stderr);
}
