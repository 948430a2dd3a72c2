//! Clients of the services, with credentials from where the services' own tools look for them.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::{ObjectStore, RetryConfig};
use rustix::io::Errno;

use super::failure::Failure;
use super::place::{Place, Service};
use super::profile::Profile;
use super::requests::Requests;
use crate::error::{Context as _, Error, Result};
use crate::remote::{HttpOptions, Settings};

/// The client for a place. Nothing is asked of the service yet, but perhaps whether this host is one of its own.
pub(super) fn open(place: &Place, settings: &Settings) -> Result<Arc<dyn ObjectStore>> {
    // What a configuration says of this store or of places below it, it says by the URL.
    let options = settings.http_for(&place.name);
    let connector = Requests::new(options, settings)?;
    let client: Result<Arc<dyn ObjectStore>> = match place.service {
        Service::S3 => s3(place, options, connector),
        Service::Google => google(place, options, connector),
        Service::Azure => azure(place, options, connector),
    };
    client.context(|| format!("use {:?}", place.name))
}

/// Retries are made by the library and nowhere above: after lost connections, 408, 429 and 5xx, with jittered pauses that grow.
fn retries(options: &HttpOptions) -> RetryConfig {
    let max_retries = usize::try_from(options.retries).unwrap_or(usize::MAX);
    RetryConfig { max_retries, retry_timeout: Duration::from_secs(120), ..RetryConfig::default() }
}

fn s3(place: &Place, options: &HttpOptions, connector: Requests) -> Result<Arc<dyn ObjectStore>> {
    let profile = Profile::load()?;
    let mut builder = AmazonS3Builder::from_env();
    // The environment's credentials come before those of a profile, as a whole.
    if !has(&builder, AmazonS3ConfigKey::AccessKeyId) {
        let keys = [
            ("aws_access_key_id", AmazonS3ConfigKey::AccessKeyId),
            ("aws_secret_access_key", AmazonS3ConfigKey::SecretAccessKey),
            ("aws_session_token", AmazonS3ConfigKey::Token),
        ];
        for (name, key) in keys {
            if let Some(value) = profile.value(name) {
                builder = builder.with_config(key, value);
            }
        }
    }
    let keys = [
        (place.region.as_deref(), profile.value("region"), AmazonS3ConfigKey::Region),
        (place.endpoint.as_deref(), profile.value("endpoint_url"), AmazonS3ConfigKey::Endpoint),
    ];
    for (here, known, key) in keys {
        let value = here.or_else(|| known.filter(|_| !has(&builder, key)));
        if let Some(value) = value {
            builder = builder.with_config(key, value);
        }
    }
    if place.endpoint.is_some() {
        // What the URL says comes before what the environment says for S3 alone.
        builder = builder.with_config(AmazonS3ConfigKey::S3Endpoint, place.endpoint.clone().unwrap_or_default());
    }
    if let Some(virtual_hosted) = place.virtual_hosted {
        builder = builder.with_virtual_hosted_style_request(virtual_hosted);
    }
    let endpoint = [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint]
        .into_iter()
        .find_map(|key| builder.get_config_value(&key).filter(|value| !value.is_empty()));
    if let Some(endpoint) = endpoint.filter(|_| !place.name.starts_with("s3+http://")) {
        check_endpoint(&endpoint, "AWS_ALLOW_HTTP")?;
    }
    check_credentials(&builder)?;
    let built =
        builder.with_bucket_name(&place.bucket).with_retry(retries(options)).with_http_connector(connector).build();
    Ok(Arc::new(built.map_err(configuration)?))
}

fn google(place: &Place, options: &HttpOptions, connector: Requests) -> Result<Arc<dyn ObjectStore>> {
    let builder = GoogleCloudStorageBuilder::from_env()
        .with_bucket_name(&place.bucket)
        .with_retry(retries(options))
        .with_http_connector(connector);
    Ok(Arc::new(builder.build().map_err(configuration)?))
}

fn azure(place: &Place, options: &HttpOptions, connector: Requests) -> Result<Arc<dyn ObjectStore>> {
    let builder = MicrosoftAzureBuilder::from_env();
    let emulated = builder.get_config_value(&AzureConfigKey::UseEmulator).is_some_and(|value| value == "true");
    if let Some(endpoint) = builder.get_config_value(&AzureConfigKey::Endpoint).filter(|_| !emulated) {
        check_endpoint(&endpoint, "AZURE_ALLOW_HTTP")?;
    }
    let builder =
        builder.with_container_name(&place.bucket).with_retry(retries(options)).with_http_connector(connector);
    Ok(Arc::new(builder.build().map_err(configuration)?))
}

fn has(builder: &AmazonS3Builder, key: AmazonS3ConfigKey) -> bool {
    builder.get_config_value(&key).is_some_and(|value| !value.is_empty())
}

/// Keys and data go in the clear only to this host itself, or where somebody says so.
fn check_endpoint(endpoint: &str, variable: &str) -> Result<()> {
    let Some(rest) = endpoint.strip_prefix("http://") else { return Ok(()) };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let here = host == "localhost" || host == "[::1]" || host.starts_with("127.");
    if here || std::env::var(variable).is_ok_and(|value| value == "true" || value == "1") {
        return Ok(());
    }
    Err(Error::new(Errno::PERM, format!("the endpoint at {host:?} is without TLS"))
        .hint(format!("use an https: endpoint, or set {variable}=true")))
}

/// Without any credentials the client would ask the host it runs on, if that is one of Amazon's, and wait long for an answer
/// if it is not.
fn check_credentials(builder: &AmazonS3Builder) -> Result<()> {
    let given = [
        AmazonS3ConfigKey::AccessKeyId,
        AmazonS3ConfigKey::SecretAccessKey,
        AmazonS3ConfigKey::WebIdentityTokenFile,
        AmazonS3ConfigKey::ContainerCredentialsRelativeUri,
        AmazonS3ConfigKey::ContainerCredentialsFullUri,
        AmazonS3ConfigKey::MetadataEndpoint,
    ];
    let unsigned = builder.get_config_value(&AmazonS3ConfigKey::SkipSignature).is_some_and(|value| value == "true");
    if unsigned || given.into_iter().any(|key| has(builder, key)) {
        return Ok(());
    }
    /// Where Amazon's hosts find out about themselves.
    const METADATA: ([u8; 4], u16) = ([169, 254, 169, 254], 80);
    let disabled = std::env::var("AWS_EC2_METADATA_DISABLED").is_ok_and(|value| value == "true");
    let there = || TcpStream::connect_timeout(&SocketAddr::from(METADATA), Duration::from_secs(1)).is_ok();
    if !disabled && there() {
        return Ok(());
    }
    Err(Error::new(Errno::ACCESS, "no credentials for S3 are known").hint(
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; AWS_SKIP_SIGNATURE=true reads public buckets",
    ))
}

/// Errors of building a client. None of them repeats a value that is secret.
fn configuration(error: object_store::Error) -> Error {
    Failure::from(error).into_error("the configuration")
}
