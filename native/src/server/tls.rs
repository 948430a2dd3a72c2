//! Certificates of the server, and of clients that have to have one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::io::Errno;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::error::{Context as _, Error, Result};

/// The files, in PEM.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The server's certificate, and those between it and the authority.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// Authorities one of which must have signed the certificates of clients.
    pub client_ca: Option<PathBuf>,
}

/// Reads the files.
///
/// # Errors
///
/// If one cannot be read, is not what it should be, or they do not belong together.
pub(super) fn configuration(files: &TlsFiles) -> Result<Arc<ServerConfig>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| unusable("key", &files.key, error))?;
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| Error::new(Errno::INVAL, error.to_string()))?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|error| unusable("certificate", path, error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| unusable("certificates", path, error))?)
        }
    };
    let chain = certificates(&files.certificate)?;
    let mut configuration = builder
        .with_single_cert(chain, key)
        .map_err(|error| unusable("certificate", &files.certificate, error))
        .context(|| format!("use it with the key {:?}", files.key))?;
    configuration.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(configuration))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let all = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let all = all.map_err(|error| unusable("certificate", path, error))?;
    if all.is_empty() {
        return Err(unusable("certificate", path, "there is none"));
    }
    Ok(all)
}

fn unusable(what: &str, path: &Path, why: impl std::fmt::Display) -> Error {
    Error::new(Errno::INVAL, why.to_string()).context(format!("read the {what} in {path:?}"))
}
