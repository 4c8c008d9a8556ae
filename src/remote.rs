//! A running server, reached over HTTP.

use std::{io::Read, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result, anyhow, bail};
use arrow::{ipc::reader::StreamReader, record_batch::RecordBatch};
use serde_json::{Value, json};
use ureq::{
    Agent,
    http::{Request, Response},
    tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem},
};

use crate::{import::target::Exchange, secret};

/// Rows of an answer, as they arrive.
pub type Batches = Box<dyn Iterator<Item = Result<RecordBatch>>>;

/// A server and the user who asks.
pub struct Remote {
    agent: Agent,
    base: String,
    authorization: String,
}

impl Remote {
    /// A server at `url`, asked as `user` with the password of the environment or a prompt.
    ///
    /// # Errors
    ///
    /// When `url` is no HTTP address, the file of certificates can't be read, or there is no password.
    pub fn new(url: &str, user: &str, ca: Option<&Path>) -> Result<Remote> {
        if !url.starts_with("http://") && !url.starts_with("https://") {
            bail!("{url:?} is not an address like http://127.0.0.1:8080");
        }
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            // A login is for this address, and no other that it points to.
            .max_redirects(0)
            .tls_config(TlsConfig::builder().root_certs(roots(ca)?).build())
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_recv_response(Some(Duration::from_secs(300)))
            .build()
            .new_agent();
        let base = url.trim_end_matches('/').to_owned();
        let mut remote = Remote { agent, base, authorization: String::new() };
        let login = json!({ "user": user, "password": secret::password(user)? });
        let answer = remote.call("/api/v1/auth/login", &login)?;
        let token = answer["token"].as_str().context("the server gave no token")?;
        remote.authorization = format!("Bearer {token}");
        Ok(remote)
    }

    /// Asks a question; the answer comes as an Arrow stream.
    ///
    /// # Errors
    ///
    /// The server's own message, or why it can't be reached.
    pub fn ask(&self, path: &str, body: &Value) -> Result<Batches> {
        let response = self.post(path, body, "application/vnd.apache.arrow.stream")?;
        let reader = StreamReader::try_new(response.into_body().into_reader(), None)
            .context("the server's answer is no Arrow stream")?;
        Ok(Box::new(reader.map(|batch| batch.context("the answer broke off"))))
    }

    /// Sends JSON and reads JSON.
    ///
    /// # Errors
    ///
    /// As [`Self::ask`].
    pub fn call(&self, path: &str, body: &Value) -> Result<Value> {
        let mut response = self.post(path, body, "application/json")?;
        response.body_mut().read_json().context("the server's answer is no JSON")
    }

    /// Reads JSON.
    ///
    /// # Errors
    ///
    /// As [`Self::ask`].
    pub fn fetch(&self, path: &str) -> Result<Value> {
        let request =
            self.agent.get(format!("{}{path}", self.base)).header("Authorization", &self.authorization);
        let mut response = request.call().with_context(|| format!("{} can't be reached", self.base))?;
        if !response.status().is_success() {
            return Err(refusal(response));
        }
        response.body_mut().read_json().context("the server's answer is no JSON")
    }

    /// Asks with any method; the JSON of the answer, null where there is none.
    ///
    /// # Errors
    ///
    /// As [`Self::ask`].
    pub fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        request = request.header("Authorization", &self.authorization);
        let sent = match body {
            Some(body) => {
                request = request.header("Content-Type", "application/json");
                body.to_string()
            }
            None => String::new(),
        };
        let request = request.body(sent).context("the request can't be made")?;
        let response = self.agent.run(request).with_context(|| format!("{} can't be reached", self.base))?;
        if !response.status().is_success() {
            return Err(refusal(response));
        }
        match response.into_body().read_to_string().context("the answer broke off")? {
            text if text.is_empty() => Ok(Value::Null),
            text => serde_json::from_str(&text).context("the server's answer is no JSON"),
        }
    }

    fn post(&self, path: &str, body: &Value, accept: &str) -> Result<Response<ureq::Body>> {
        let response = self.send(path, body, accept)?;
        if response.status().is_success() { Ok(response) } else { Err(refusal(response)) }
    }

    fn send(&self, path: &str, body: &Value, accept: &str) -> Result<Response<ureq::Body>> {
        let mut request = self.agent.post(format!("{}{path}", self.base)).header("Accept", accept);
        if !self.authorization.is_empty() {
            request = request.header("Authorization", &self.authorization);
        }
        request.send_json(body).with_context(|| format!("{} can't be reached", self.base))
    }
}

/// Whose word is taken for who the server is.
fn roots(ca: Option<&Path>) -> Result<RootCerts> {
    let Some(path) = ca else { return Ok(RootCerts::WebPki) };
    let pem = std::fs::read(path).with_context(|| format!("{} can't be read", path.display()))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.with_context(|| path.display().to_string())? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        bail!("{} holds no certificate", path.display());
    }
    let certificates: Arc<Vec<Certificate<'static>>> = Arc::new(certificates);
    Ok(RootCerts::Specific(certificates))
}

impl Drop for Remote {
    /// A command's session ends with the command.
    fn drop(&mut self) {
        if self.authorization.is_empty() {
            return;
        }
        // It would end by itself, later.
        if let Err(error) = self.request("POST", "/api/v1/auth/logout", None) {
            tracing::debug!("the session was not ended: {error}");
        }
    }
}

impl Exchange for Remote {
    fn post(&self, path: &str, body: &Value) -> Result<(u16, Value)> {
        let mut response = self.send(path, body, "application/json")?;
        let status = response.status().as_u16();
        let answer = response
            .body_mut()
            .read_json()
            .with_context(|| format!("the server answered {status}, without JSON"))?;
        Ok((status, answer))
    }
}

/// The server's error as one line, its findings below.
fn refusal(response: Response<ureq::Body>) -> anyhow::Error {
    let status = response.status();
    let mut text = String::new();
    let read = response.into_body().into_reader().take(1 << 20).read_to_string(&mut text);
    let Some(error) = read.ok().and_then(|_| serde_json::from_str::<Value>(&text).ok()) else {
        return anyhow!("the server answered {status}");
    };
    let error = &error["error"];
    let field = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
    let findings =
        error["findings"].as_array().into_iter().flatten().map(|f| format!("\n  {f}")).collect::<String>();
    anyhow!("{} [{}]{findings}", field("message"), field("code"))
}
