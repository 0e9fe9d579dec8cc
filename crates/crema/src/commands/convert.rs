//! `crema convert`: weights from one format to another, or with their net to ONNX.

use crate::{
    cli::{ConvertArgs, Which},
    config::Config,
    error::{Error, Result},
    weights::{self, ending},
};
use backend_cpu::Cpu;
use core_tensor::Backend;
use exchange::onnx;
use layers::Net;
use solver::NamedArray;
use std::{path::Path, sync::Arc};

pub(crate) fn run(args: &ConvertArgs) -> Result<()> {
    let (path, arrays) = weights::read(&args.from)?;
    if ending(&args.to) == "onnx" {
        let model = onnx::encode(&net(args, &path, &arrays)?).map_err(|e| Error::file("make", &args.to, e))?;
        weights::write_bytes(&args.to, &model)?;
    } else {
        if args.config.is_some() {
            return Err(Error::Message(format!("--config is for .onnx; {} holds weights alone", args.to.display())));
        }
        weights::write(&args.to, &arrays)?;
    }
    let text = format!("wrote {} with {} arrays of {}", args.to.display(), arrays.len(), path.display());
    Ok(terminal::say(&text)?)
}

/// The test net with these weights: it has no loss, and is what was measured.
fn net(args: &ConvertArgs, from: &Path, arrays: &[NamedArray]) -> Result<Net> {
    let config = args.config.as_ref().ok_or_else(|| {
        Error::Message("an ONNX model is a net with its weights; name the file that describes it with --config".into())
    })?;
    let backend: Arc<dyn Backend> = Arc::new(Cpu::new()?);
    let mut net = Config::read(config)?.net(Which::Test, &backend)?;
    weights::fill(&mut net, arrays, from)?;
    Ok(net)
}
