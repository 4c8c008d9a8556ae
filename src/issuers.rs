//! Issuers whose tokens are taken: read from the file that the setting `issuers` names; their keys are fetched over HTTP.

#[cfg(test)]
mod tests;

use std::{io::Read, path::Path, sync::Arc};

use anyhow::{Context, Result};
use quarry_engine::{Engine, Fetch, FetchLimits, Issuer};
use serde::Deserialize;
use ureq::Agent;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    issuer: Vec<Issuer>,
}

/// Lets the engine take tokens of the issuers in a file.
///
/// # Errors
///
/// A file that can't be read, or says what can't be; named with the file.
pub fn trust(engine: &Engine, path: &Path) -> Result<()> {
    let issuers = read(path)?;
    for issuer in &issuers {
        tracing::info!("tokens of {:?} are taken ({})", issuer.name, issuer.issuer);
    }
    engine
        .trust_issuers(issuers, Arc::new(Http::new()))
        .with_context(|| format!("the issuers of {}", path.display()))
}

fn read(path: &Path) -> Result<Vec<Issuer>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("the file of issuers {} can't be read", path.display()))?;
    let file: File =
        toml::from_str(&text).with_context(|| format!("the file of issuers {}", path.display()))?;
    Ok(file.issuer)
}

/// Gets documents over HTTP, with the certificates that browsers trust.
struct Http {
    agent: Agent,
}

impl Http {
    fn new() -> Self {
        // What an issuer's document says is where it is: a redirect could lead anywhere.
        let config = Agent::config_builder().max_redirects(0).http_status_as_error(false);
        Self { agent: config.build().new_agent() }
    }
}

impl Fetch for Http {
    fn get(&self, url: &str, limits: FetchLimits) -> Result<Vec<u8>, String> {
        let told = |error: &dyn std::fmt::Display| format!("{url}: {error}");
        let request = self.agent.get(url).header("Accept", "application/json");
        let request = request.config().timeout_global(Some(limits.timeout)).build();
        let response = request.call().map_err(|error| told(&error))?;
        if response.status() != 200 {
            return Err(told(&format!("answered {}", response.status())));
        }
        let at_most = u64::try_from(limits.bytes_max).unwrap_or(u64::MAX);
        let mut bytes = Vec::new();
        let mut reader = response.into_body().into_reader().take(at_most.saturating_add(1));
        reader.read_to_end(&mut bytes).map_err(|error| told(&error))?;
        match bytes.len() > limits.bytes_max {
            true => Err(told(&format!("more than {} bytes", limits.bytes_max))),
            false => Ok(bytes),
        }
    }
}
