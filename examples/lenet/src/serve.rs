//! Serves a page to draw digits on: probabilities and activations follow the pen. `POST /predict` does the same for programs.
//!
//! A body is a PNG of any digit, which is brought into MNIST's form first, or a JSON array of 784 numbers, which is taken as it is.
//! `/predict?activations` adds what the page shows besides. Everything is computed here, not in the browser: the page shows this
//! net on this backend.

use crate::{
    cli::ServeArgs,
    error::{Error, Result},
    image_input::{self, SIDE},
    recognizer::{self, Activations, Recognizer},
};
use ndarray::Array3;
use page::{Limits, Method, Request, Response, STYLE, Server};
use serde_json::json;
use std::{
    net::SocketAddr,
    sync::{Mutex, PoisonError},
};

const PIXELS: usize = (SIDE * SIDE) as usize;
const PNG_SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Runs `lenet-example serve`, until the process is ended.
pub(crate) fn run(args: &ServeArgs) -> Result<()> {
    let recognizer = Recognizer::load(&args.snapshot, args.backend, args.threads)?;
    let snapshot = recognizer.snapshot.display().to_string();
    let computes_on = recognizer.backend().describe();
    let recognizer = Mutex::new(recognizer);
    let address = SocketAddr::new(args.address, args.port);
    let server = Server::start(address, Limits::default(), move |request| answer(&request, &recognizer))?;
    let address = server.address();
    terminal::say(&format!(
        "Snapshot:      {snapshot}\nComputes on:   {computes_on}\nDraw a digit:  http://{address}/"
    ))?;
    if !address.ip().is_loopback() {
        terminal::say("Everyone who reaches this address can use it; there is no password.")?;
    }
    server.wait();
    Ok(())
}

fn answer(request: &Request, recognizer: &Mutex<Recognizer>) -> Response {
    match (request.method, request.path.as_str()) {
        (Method::Get, "/") => Response::text("text/html; charset=utf-8", include_str!("../assets/draw.html")),
        (Method::Get, "/draw.js") => {
            Response::text("text/javascript; charset=utf-8", include_str!("../assets/draw.js"))
        }
        (Method::Get, "/draw.css") => Response::text("text/css; charset=utf-8", include_str!("../assets/draw.css")),
        (Method::Get, "/style.css") => Response::text("text/css; charset=utf-8", STYLE),
        (Method::Post, "/predict") => match image(&request.body) {
            Ok(image) => {
                // A request that has panicked leaves a net that the next image fills anew.
                let mut recognizer = recognizer.lock().unwrap_or_else(PoisonError::into_inner);
                predict(image, request.query == "activations", &mut recognizer).unwrap_or_else(|error| failed(&error))
            }
            Err(message) => Response::error(400, message),
        },
        _ => Response::not_found(request, "GET / and POST /predict"),
    }
}

/// The image of a body, of shape (1, 28, 28), byte/256; what is wrong with it otherwise.
fn image(body: &[u8]) -> Result<Array3<f32>, String> {
    if body.starts_with(PNG_SIGNATURE) {
        return image_input::read_png(body);
    }
    let expected = format!("expected a PNG, or a JSON array of {PIXELS} numbers from 0 (paper) to 1 (ink), row by row");
    let numbers: Vec<f32> = serde_json::from_slice(body)
        .map_err(|error| format!("the body is neither PNG nor numbers ({error}); {expected}"))?;
    if let Some(at) = numbers.iter().position(|number| !(0.0..=1.0).contains(number)) {
        return Err(format!("number {at}, counted from 0, is {}; {expected}", numbers[at]));
    }
    let found = numbers.len();
    let side = SIDE as usize;
    Array3::from_shape_vec((1, side, side), numbers).map_err(|_| format!("the array has {found} numbers; {expected}"))
}

/// `{"digit": 7, "probabilities": [...]}`, and with activations also `"input"`, the image in MNIST's form, and `"activations"`, a
/// list of `{"blob": "conv1", "shape": [20, 24, 24], "values": [...]}`. These are scaled to -127 to 127, each blob by its largest.
fn predict(image: Array3<f32>, with_activations: bool, recognizer: &mut Recognizer) -> Result<Response> {
    let pixels: Vec<f32> = image.iter().copied().collect();
    let probabilities = recognizer.probabilities(image)?;
    let digit = recognizer::most_probable(&probabilities);
    let mut found = json!({ "digit": digit, "probabilities": probabilities });
    if with_activations {
        let scaled =
            |Activations { blob, shape, values }| json!({ "blob": blob, "shape": shape, "values": to_bytes(&values) });
        found["input"] = to_bytes(&pixels).into();
        found["activations"] = recognizer.activations()?.into_iter().map(scaled).collect();
    }
    Ok(Response::json(&found))
}

/// Numbers from -127 to 127, in proportion; zeros if all are zero.
fn to_bytes(values: &[f32]) -> Vec<i8> {
    let largest = values.iter().fold(f32::MIN_POSITIVE, |largest, value| largest.max(value.abs()));
    values.iter().map(|value| (value / largest * 127.0).round() as i8).collect()
}

fn failed(error: &Error) -> Response {
    log::error!("{error}");
    Response::error(500, error.to_string())
}
