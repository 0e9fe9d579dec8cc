//! `crema draw`. The net is built, since its shapes come from its data.

use crate::{
    cli::DrawArgs,
    config::Config,
    error::{Error, Result},
    weights::{ending, write_bytes},
};
use backend_cpu::Cpu;
use core_tensor::Backend;
use layers::Net;
use picture::network;
use std::sync::Arc;

pub(crate) fn run(args: &DrawArgs) -> Result<()> {
    let draw: fn(&Net) -> Result<String> = match ending(&args.out) {
        "svg" => |net| Ok(network::svg(net)?),
        "dot" => |net| Ok(network::dot(net)),
        _ => return Err(Error::Message(format!("--out {} ends neither in .svg nor in .dot", args.out.display()))),
    };
    let backend: Arc<dyn Backend> = Arc::new(Cpu::new()?);
    let net = Config::read(&args.config)?.net(args.net, &backend)?;
    write_bytes(&args.out, draw(&net)?.as_bytes())?;
    Ok(terminal::say(&format!("wrote {}", args.out.display()))?)
}
