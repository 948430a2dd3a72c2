//! `serve`: an HTTP server for stores and indexes.

use std::ffi::{OsStr, OsString};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::os::unix::ffi::OsStrExt as _;
use std::time::Duration;

use casync_core::quantity::parse_size;

use super::stores;
use crate::cli::{OURS, Options, span};
use crate::error::{Error, Result};
use crate::locator;
use crate::server::{self, LogFormat, LogTarget, Origins, Server, TlsFiles, Tokens};
use crate::ui::log;

/// `serve --store=PATH --listen=ADDRESS`
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct ServeArgs {
    #[command(flatten)]
    options: Options,
    /// The address to listen on, as in 127.0.0.1:8080; several times for several. Port 0 is any free one
    #[arg(long, value_name = "HOST:PORT", help_heading = OURS, value_parser = addresses, action = clap::ArgAction::Append)]
    listen: Vec<Addresses>,
    /// The directory of the indexes and archives to serve
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath, help_heading = OURS)]
    index_dir: Option<OsString>,
    /// Take chunks and indexes by PUT
    #[arg(long, action = clap::ArgAction::SetTrue, help_heading = OURS)]
    writable: bool,
    /// A file of bearer tokens, one a line; $CASYNC_SERVE_TOKEN may have one, too
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, help_heading = OURS)]
    token_file: Option<OsString>,
    /// Let everybody read; only writing takes a token
    #[arg(long, action = clap::ArgAction::SetTrue, help_heading = OURS)]
    public: bool,
    /// The certificate of the server, and those between it and its authority (PEM): serves HTTPS, and nothing else
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, help_heading = OURS)]
    tls_certificate: Option<OsString>,
    /// The key of that certificate (PEM)
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, help_heading = OURS)]
    tls_key: Option<OsString>,
    /// Authorities (PEM): clients must have a certificate of one
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, help_heading = OURS)]
    tls_client_ca: Option<OsString>,
    /// Pages of this origin may use the server (https://example.com, or * for all); several times for several
    #[arg(long, value_name = "ORIGIN", help_heading = OURS, action = clap::ArgAction::Append)]
    cors_origin: Vec<String>,
    /// Write a line for each answer to this file, or to standard error (-)
    #[arg(long, value_name = "FILE|-", value_hint = clap::ValueHint::FilePath, help_heading = OURS)]
    access_log: Option<OsString>,
    /// How these lines look: common (the common log format) or json
    #[arg(long, value_name = "FORMAT", value_parser = log_format, help_heading = OURS)]
    log_format: Option<LogFormat>,
    /// Connections at once (default 4096); others wait
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = OURS)]
    max_connections: Option<u32>,
    /// The largest index or archive that is taken (default 16G)
    #[arg(long, value_name = "SIZE", value_parser = size, help_heading = OURS)]
    max_upload: Option<u64>,
    /// How long a client may neither send nor take anything of what is under way (default 30s)
    #[arg(long, value_name = "TIME", value_parser = span, help_heading = OURS)]
    stall_timeout: Option<Duration>,
    /// How long answers under way have when the server is to stop (default 30s)
    #[arg(long, value_name = "TIME", value_parser = span, help_heading = OURS)]
    stop_timeout: Option<Duration>,
}

const HELP: &str = "\
Serves the chunks of --store= as /default.castr/IIII/ID.cacnk, and under the store's own name (/NAME/IIII/ID.cacnk), over \
HTTP/1.1 and HTTP/2; the .caidx, .caibx, .catab and .catar files of --index-dir= under their names, and what there is as JSON \
at /. So a client needs only the URL of an index. Chunks may be kept for ever by caches; indexes have ETag and Last-Modified. \
Ranges can be asked for. Numbers for Prometheus are at /metrics.

What --store= does not have is taken from the stores of --extra-store=, any that this program can read; it is verified \
first.

With --writable clients can PUT chunks and indexes. A chunk is stored only if it is the one that its id names (of the digest \
of --digest=, or of either), an index or archive only if it can be read to its end. While such a server runs, collect \
garbage with gc --grace=.

Tokens, keys and certificates are read from files, again on SIGHUP, which also opens the access log anew. On SIGTERM and \
SIGINT nothing more is accepted, and answers under way are finished. Sockets of systemd are taken over.

Examples:
  casync serve --store=/srv/default.castr --index-dir=/srv --listen=127.0.0.1:8080
      For this host: casync extract http://127.0.0.1:8080/x.caidx x
  casync serve --store=/srv/default.castr --index-dir=/srv --listen=[::]:443 --tls-certificate=chain.pem --tls-key=key.pem
      For everybody
  casync serve --store=b.castr --index-dir=. --writable --token-file=tokens --public --listen=127.0.0.1:8080
      For everybody to read, and for those with a token to write
  casync serve --store=/var/cache/casync --extra-store=https://example.com/default.castr --listen=10.0.0.1:8080
      What this host has, and what another has";

/// What a name and port stand for.
#[derive(Clone, Debug)]
struct Addresses(Vec<SocketAddr>);

fn addresses(text: &str) -> Result<Addresses, String> {
    let found = text.to_socket_addrs().map_err(|error| error.to_string())?;
    Ok(Addresses(found.collect()))
}

fn log_format(text: &str) -> Result<LogFormat, String> {
    let known = LogFormat::NAMES.iter().find(|(name, _)| *name == text);
    known.map(|(_, format)| *format).ok_or_else(|| "expected common or json".to_owned())
}

fn size(text: &str) -> Result<u64, String> {
    parse_size(text).map_err(|_| "expected a number, perhaps with K, M, G or T".to_owned())
}

pub(super) fn run(arguments: &ServeArgs) -> Result<()> {
    let options = &arguments.options;
    options.apply_logging();
    let (stores, suffix) = stores::for_serving(options, arguments.writable)?;
    let server = Server::new(stores, suffix, settings(arguments)?)?;
    if arguments.writable && !server.guards_writing() && !is_here(arguments) {
        log::error(
            "Everybody who can reach this server can write to it: name who may with --token-file= or --tls-client-ca=.",
        );
    }
    server.run()
}

/// Whether only this host can reach the server.
fn is_here(arguments: &ServeArgs) -> bool {
    let mut addresses = arguments.listen.iter().flat_map(|Addresses(addresses)| addresses);
    addresses.all(|address| matches!(address.ip(), ip if IpAddr::is_loopback(&ip)))
}

fn settings(arguments: &ServeArgs) -> Result<server::Options> {
    let path = |name: &Option<OsString>| name.as_ref().map(|name| locator::to_path(name));
    let tls = match (&arguments.tls_certificate, &arguments.tls_key) {
        (Some(certificate), Some(key)) => Some(TlsFiles {
            certificate: locator::to_path(certificate),
            key: locator::to_path(key),
            client_ca: path(&arguments.tls_client_ca),
        }),
        (None, None) if arguments.tls_client_ca.is_none() => None,
        _ => {
            return Err(Error::headline("HTTPS takes both a certificate and its key.")
                .hint("name them with --tls-certificate= and --tls-key="));
        }
    };
    let default = server::Options::default();
    Ok(server::Options {
        listen: arguments.listen.iter().flat_map(|Addresses(addresses)| addresses.clone()).collect(),
        index_dir: path(&arguments.index_dir),
        writable: arguments.writable,
        tokens: Tokens { file: path(&arguments.token_file), public: arguments.public },
        tls,
        origins: Origins::new(arguments.cors_origin.clone()),
        log: arguments.access_log.as_ref().map(|target| match target.as_bytes() {
            b"-" => LogTarget::Standard,
            _ => LogTarget::File(locator::to_path(target)),
        }),
        log_format: arguments.log_format.unwrap_or_default(),
        memory: arguments.options.budget().memory,
        file_max: arguments.max_upload.unwrap_or(default.file_max),
        connections_max: arguments.max_connections.map_or(default.connections_max, |number| number as usize),
        stall_timeout: arguments.stall_timeout.unwrap_or(default.stall_timeout),
        stop_timeout: arguments.stop_timeout.unwrap_or(default.stop_timeout),
        ..default
    })
}

/// The names under which a store is served: the usual one, and its own.
pub(super) fn names(store: &OsStr) -> Vec<String> {
    let mut names = vec!["default.castr".to_owned()];
    let own = store.as_bytes().split(|&byte| byte == b'/').rfind(|part| !part.is_empty());
    names.extend(own.and_then(|own| std::str::from_utf8(own).ok()).map(str::to_owned));
    names
}
