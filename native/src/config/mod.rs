//! The configuration file: what would be too long, or too secret, for command lines.
//!
//! ```toml
//! cache-store = "/var/cache/casync.castr"     # as --cache-store=
//! cache-store-size = "10G"
//! offline = false
//! rate-limit-bps = "20M"
//!
//! [http]                                      # for all servers
//! retries = 6
//!
//! [place."https://images.example.com/"]       # for what lies below a URL; the longest that fits counts
//! token-file = "token"
//!
//! [group.mirrors]                             # --store=group://mirrors
//! stores = ["https://a.example.com/default.castr", "https://b.example.com/default.castr"]
//! ```
//!
//! Secrets are never in it, only the names of the files that hold them; relative names are relative to its directory.
//!
//! | where | |
//! |---|---|
//! | `--config=FILE`, `$CASYNC_CONFIG` | that file, and no other |
//! | `/etc/casync/config.toml` | for all users |
//! | `$XDG_CONFIG_HOME/casync/config.toml`, `~/.config/casync/config.toml` | for one; what it says counts more |

mod file;
mod values;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

pub use file::{File, Group, Http};

use crate::error::{Context as _, Error, Result};
use crate::remote::{HttpOptions, Settings};
use crate::store::Pauses;

/// What all files together say.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The files that were read, the weakest first.
    pub files: Vec<PathBuf>,
    /// What they say, without what is not said.
    pub said: File,
}

/// Scheme of the URLs of groups.
pub const GROUP: &str = "group://";

impl Config {
    /// Reads the file that was named, or those that are there.
    ///
    /// # Errors
    ///
    /// If one cannot be read, or says what nobody understands.
    pub fn load(named: Option<&OsStr>) -> Result<Self> {
        let environment = std::env::var_os("CASYNC_CONFIG").filter(|path| !path.is_empty());
        let mut config = Self::default();
        if let Some(path) = named.map(OsStr::to_owned).or(environment) {
            let path = PathBuf::from(path);
            let text = std::fs::read_to_string(&path).context(|| format!("read the configuration {path:?}"))?;
            config.add(path, &text)?;
            return Ok(config);
        }
        for path in usual_places() {
            match std::fs::read_to_string(&path) {
                Ok(text) => config.add(path, &text)?,
                Err(error)
                    if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {}
                Err(error) => return Err(Error::from(error).context(format!("read the configuration {path:?}"))),
            }
        }
        Ok(config)
    }

    fn add(&mut self, path: PathBuf, text: &str) -> Result<()> {
        let directory = path.parent().unwrap_or_else(|| Path::new("."));
        let file = File::parse(text, directory).map_err(|(line, message)| {
            Error::new(Errno::INVAL, message).context(format!("read the configuration {path:?}, line {line}"))
        })?;
        self.said = file.over(std::mem::take(&mut self.said));
        self.files.push(path);
        Ok(())
    }

    /// How to talk to other hosts.
    pub fn settings(&self) -> Settings {
        let mut settings = Settings::from_environment();
        self.said.http.apply(&mut settings.http);
        settings.places = self
            .said
            .place
            .iter()
            .map(|(prefix, http)| {
                let mut options: HttpOptions = settings.http.clone();
                http.apply(&mut options);
                (prefix.clone(), options)
            })
            .collect();
        settings.rate_limit_bps = self.said.rate_limit_bps;
        settings
    }

    /// The group that a URL names, if it is that of one.
    ///
    /// # Errors
    ///
    /// If there is no such group.
    pub fn group(&self, locator: &OsStr) -> Result<Option<(String, &[String], Pauses)>> {
        let Some(name) = locator.to_str().and_then(|text| text.strip_prefix(GROUP)) else { return Ok(None) };
        let name = name.trim_end_matches('/');
        let Some(group) = self.said.group.get(name) else {
            let known: Vec<&str> = self.said.group.keys().map(String::as_str).collect();
            let hint = match known.is_empty() {
                true => "no configuration has groups; `casync config` shows which files were read".to_owned(),
                false => format!("there are {}", known.join(", ")),
            };
            return Err(Error::new(Errno::NOENT, format!("there is no group {name:?}")).hint(hint));
        };
        let default = Pauses::default();
        let pauses =
            Pauses { first: group.pause.unwrap_or(default.first), longest: group.pause_max.unwrap_or(default.longest) };
        Ok(Some((format!("{GROUP}{name}"), &group.stores, pauses)))
    }
}

/// For all users, then for this one.
fn usual_places() -> Vec<PathBuf> {
    let mut places = vec![PathBuf::from("/etc/casync/config.toml")];
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let own = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")));
    places.extend(own.map(|directory| directory.join("casync/config.toml")));
    places
}
