//! TLS 1.2 and 1.3 by rustls, with `ring` as the one provider of cryptography in the tree.
//!
//! The certificate can be changed while it serves: a handshake takes the one that is current when it begins, and who is
//! connected keeps theirs. New files are read, parsed and held against each other before anything changes.

#[cfg(test)]
mod tests;

use std::{fmt::Write as _, io, path::PathBuf, sync::Arc};

use chrono::{DateTime, Utc};
use parking_lot::RwLock;
use rustls_pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{self, PemObject},
};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{self, ServerConfig, crypto::ring},
};
use x509_certificate::CapturedX509Certificate;

use crate::stream::Stream;

/// Where certificate and key lie, both PEM.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The server's certificate, and those between it and the authority behind it.
    pub certificate: PathBuf,
    /// Its private key (PKCS#8, SEC1 or PKCS#1), not encrypted.
    pub key: PathBuf,
}

/// Why files can't be used. Nothing of a key is in it.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file can't be read.
    #[error("{} can't be read: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no PEM file of that kind.
    #[error("{}: {what}", path.display())]
    Malformed {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// Certificate and key are no pair, or of a kind that is not known.
    #[error("the certificate {} and its key can't be used: {source}", path.display())]
    Unusable {
        /// The certificate's.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
}

/// What a door speaks: told in the handshake (ALPN), so that no other protocol's bytes are taken for its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `http/1.1`.
    Http,
    /// `postgresql`.
    Postgres,
}

/// A certificate that serves.
pub struct Certificate {
    http: Arc<ServerConfig>,
    postgres: Arc<ServerConfig>,
    /// The server's own certificate as PEM, for what is bound to it.
    pub leaf_pem: String,
    /// Whose it is, by its common name; empty without one.
    pub subject: String,
    /// Not valid before.
    pub not_before: DateTime<Utc>,
    /// Not valid after.
    pub not_after: DateTime<Utc>,
    /// SHA-256 of the certificate, hexadecimal.
    pub fingerprint: String,
}

impl std::fmt::Debug for Certificate {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate").field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// A socket behind its handshake, and the certificate that it was made with.
pub struct Accepted {
    /// The socket.
    pub stream: Stream,
    /// The certificate.
    pub certificate: Arc<Certificate>,
}

/// TLS for all doors of a process.
#[derive(Debug)]
pub struct Tls {
    files: TlsFiles,
    current: RwLock<Arc<Certificate>>,
}

impl Tls {
    /// Reads certificate and key.
    ///
    /// # Errors
    ///
    /// See [`TlsError`].
    pub fn open(files: TlsFiles) -> Result<Arc<Tls>, TlsError> {
        let current = RwLock::new(Arc::new(read(&files)?));
        Ok(Arc::new(Tls { files, current }))
    }

    /// Reads the files again; from now on their certificate serves. On an error the old one does.
    ///
    /// # Errors
    ///
    /// See [`TlsError`].
    pub fn reload(&self) -> Result<Arc<Certificate>, TlsError> {
        let read = Arc::new(read(&self.files)?);
        *self.current.write() = read.clone();
        Ok(read)
    }

    /// The certificate that serves now.
    pub fn current(&self) -> Arc<Certificate> {
        self.current.read().clone()
    }

    /// Makes the handshake. The caller sets its deadline.
    ///
    /// # Errors
    ///
    /// What the client says is no TLS, or nothing that both sides know.
    pub async fn accept(&self, protocol: Protocol, stream: TcpStream) -> io::Result<Accepted> {
        let certificate = self.current();
        let config = match protocol {
            Protocol::Http => &certificate.http,
            Protocol::Postgres => &certificate.postgres,
        };
        let stream = TlsAcceptor::from(config.clone()).accept(stream).await?;
        Ok(Accepted { stream: Stream::Tls(Box::new(stream)), certificate })
    }
}

fn read(files: &TlsFiles) -> Result<Certificate, TlsError> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect)
        .map_err(|error| told(&files.certificate, error, "there is no certificate in it"))?;
    let malformed =
        |what: &str| TlsError::Malformed { path: files.certificate.clone(), what: what.to_owned() };
    let leaf = chain.first().cloned().ok_or_else(|| malformed("there is no certificate in it"))?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| told(&files.key, error, "there is no private key in it that is not encrypted"))?;
    let facts = CapturedX509Certificate::from_der(leaf.to_vec())
        .map_err(|_| malformed("its first certificate can't be read"))?;
    let unusable = |source| TlsError::Unusable { path: files.certificate.clone(), source };
    let base = config(chain, key).map_err(unusable)?;
    let with = |protocol: &[u8]| {
        let mut config = base.clone();
        config.alpn_protocols = vec![protocol.to_vec()];
        Arc::new(config)
    };
    let fingerprint = Sha256::digest(&leaf).iter().fold(String::new(), |mut text, byte| {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    });
    Ok(Certificate {
        http: with(b"http/1.1"),
        postgres: with(b"postgresql"),
        subject: facts.subject_common_name().unwrap_or_default(),
        not_before: facts.validity_not_before(),
        not_after: facts.validity_not_after(),
        fingerprint,
        leaf_pem: facts.encode_pem(),
    })
}

fn config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
}

fn told(path: &std::path::Path, error: pem::Error, missing: &str) -> TlsError {
    let path = path.to_owned();
    match error {
        pem::Error::Io(source) => TlsError::Unreadable { path, source },
        pem::Error::NoItemsFound => TlsError::Malformed { path, what: missing.to_owned() },
        // The library's own words may quote lines of the file: of a key, that is.
        _ => TlsError::Malformed { path, what: "it is no PEM file".to_owned() },
    }
}
