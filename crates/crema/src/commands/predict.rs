//! `crema predict`: what pictures show. They are taken as they are: nothing guesses which way round black and white are.

use crate::{
    cli::PredictArgs,
    config::Config,
    error::{Error, Result},
};
use images::{Classifier, Guess};
use serde_json::{Value, json};
use std::{fs, path::Path};

pub(crate) fn run(args: &PredictArgs) -> Result<()> {
    let config = Config::read(&args.config)?;
    let section = config.predict()?;
    let (path, parameters) = config.weights(args.weights.weights.as_deref())?;
    let mut chosen = None;
    let backend = config.backend(&args.backend, |line| chosen = Some(line.to_owned()))?;
    let preparation = section.preparation.clone();
    let classifier =
        Classifier::new(&backend, &config.common, &section.input, &section.logits, &parameters, preparation);
    let wrong = |e| {
        let message =
            format!("cannot predict with {} as section [predict] of {} says", path.display(), args.config.display());
        Error::because(message, e)
    };
    let mut classifier = classifier.map_err(wrong)?;
    if let Some(path) = &section.classes {
        let names = fs::read_to_string(path).map_err(|e| Error::file("read the class names in", path, e))?;
        let named = classifier.classes(names.lines());
        classifier = named.map_err(|e| Error::because(format!("{} does not fit the net", path.display()), e))?;
    }
    if !args.json {
        chosen.iter().try_for_each(|line| terminal::say(line))?;
    }
    for picture in &args.pictures {
        let guesses = classifier.classify(&[images::open(picture)?], args.best.into())?.concat();
        let line = if args.json { object(picture, &guesses).to_string() } else { line(picture, &guesses) };
        terminal::say(&line)?;
    }
    Ok(())
}

/// `seven.png: 7 99.8 %, 2 0.1 %, 3 0.0 %`.
fn line(picture: &Path, guesses: &[Guess]) -> String {
    let said = |guess: &Guess| format!("{} {:.1} %", guess.class, 100.0 * guess.probability);
    format!("{}: {}", picture.display(), guesses.iter().map(said).collect::<Vec<_>>().join(", "))
}

/// `{"picture": "seven.png", "classes": [{"class": "7", "probability": 0.998}, ...]}`.
fn object(picture: &Path, guesses: &[Guess]) -> Value {
    let said = |guess: &Guess| json!({ "class": guess.class, "probability": guess.probability });
    json!({ "picture": picture.display().to_string(), "classes": guesses.iter().map(said).collect::<Vec<_>>() })
}
