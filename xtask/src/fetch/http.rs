//! Downloads one file, with timeouts and a bar.

use super::unpack::read_at_most;
use crate::{
    error::{Error, Result},
    say,
};
use std::time::Duration;
use ureq::Agent;

/// How long a server may take to be found and to answer the call.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a server may keep silent; a slow download that goes on is not cut off.
pub(crate) const READ_TIMEOUT: Duration = Duration::from_secs(20);

/// A client; proxies are taken from the environment.
pub(crate) fn agent(read_timeout: Duration) -> Agent {
    Agent::config_builder()
        .timeout_resolve(Some(CONNECT_TIMEOUT))
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .timeout_recv_response(Some(read_timeout))
        .timeout_per_read(Some(read_timeout))
        .build()
        .into()
}

/// The body of a file of at most `limit` bytes.
pub(crate) fn get(agent: &Agent, address: &str, limit: usize) -> Result<Vec<u8>> {
    let mut response = agent.get(address).call().map_err(explain)?;
    let length = response.body().content_length();
    let name = address.rsplit('/').next().unwrap_or(address);
    let bar = say::download_bar(name, length);
    let body = read_at_most(bar.wrap_read(response.body_mut().as_reader()), limit);
    bar.finish_and_clear();
    body
}

fn explain(error: ureq::Error) -> Error {
    let text = match &error {
        ureq::Error::StatusCode(404) => "the server has no such file (404)".into(),
        ureq::Error::Io(error) => error.to_string(),
        other => other.to_string(),
    };
    Error(text)
}
