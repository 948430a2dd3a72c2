//! `config`: what the configuration files say together.

use crate::cli::{Options, OutputFormat};
use crate::config::File;
use crate::error::{Error, Result};
use crate::ui::Out;
use crate::ui::json::{self, Message};

/// `config`
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct ConfigArgs {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    format: OutputFormat,
}

const HELP: &str = "\
Shows what the configuration files say, as one file: that of --config= or $CASYNC_CONFIG; else /etc/casync/config.toml and \
what ~/.config/casync/config.toml says instead or besides. What options say counts more than both. Files have only the names \
of files with secrets; names and passwords in URLs are not shown.

  cache-store = \"DIR\"          as --cache-store=
  cache-store-size = \"SIZE\"    as --cache-store-size=
  offline = true|false         as --offline
  rate-limit-bps = \"SIZE\"      as --rate-limit-bps=

  [http]                       for all servers
  ca = [\"FILE\"]                more certificates to trust (PEM)
  client-certificate = \"FILE\"  and client-key = \"FILE\" (PEM)
  token-file = \"FILE\"          a bearer token; or one of:
  password-file = \"FILE\"       NAME:PASSWORD
  netrc-file = \"FILE\"          in place of ~/.netrc
  header-file = \"FILE\"         headers to send, one a line
  proxy = \"URL\"                in place of the environment's: http, https, socks4,
                               socks4a, socks5, socks5h; or \"none\"
  proxy-password-file = \"FILE\"   NAME:PASSWORD for it
  retries = N                  how often to try again
  concurrency = N              requests at the same time, at most
  connect-timeout = \"20s\"      for a connection to come about
  timeout = \"30s\"              for a server that is silent

  [place.\"URL\"]                the same for what lies below a URL

  [group.NAME]                 for --store=group://NAME
  stores = [\"URL|DIR\", ...]    the first that can be reached is used
  pause = \"1s\"                 how long one that failed is left alone
  pause-max = \"5m\"             twice as long each time, up to this

Examples:
  casync config
      What is in effect
  casync --config=test.toml config
      Whether a file is right";

pub(super) fn run(arguments: &ConfigArgs) -> Result<()> {
    let ConfigArgs { options, format } = arguments;
    options.apply_logging();
    let config = options.config()?;
    let said = shown(config.said.clone());
    let mut out = Out::new();
    let files: Vec<String> = config.files.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    if format.json {
        json::print(&mut out, &Message::Config { files, config: Box::new(said) })?;
        return out.finish();
    }
    for file in &files {
        out.line(format_args!("# from {file}"))?;
    }
    let text = toml::to_string(&said).map_err(|error| Error::new(rustix::io::Errno::INVAL, error.to_string()))?;
    for line in text.lines() {
        out.line(format_args!("{line}"))?;
    }
    out.finish()
}

/// Without secrets in URLs.
fn shown(mut said: File) -> File {
    let shown = |url: String| crate::remote::shown(url.as_ref());
    said.place = said.place.into_iter().map(|(url, http)| (shown(url), http)).collect();
    for group in said.group.values_mut() {
        group.stores = std::mem::take(&mut group.stores).into_iter().map(shown).collect();
    }
    said
}
